/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ComfyUI: pictures to start from are sent first, then a workflow of the user's own is filled in and queued; its history says
 * when it is through, and where its pictures are. */

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/util.h"
#include "net/answer.h"
#include "net/capabilities.h"
#include "net/compose.h"
#include "net/placeholders.h"
#include "net/workflow.h"

#define POLL_MS 1000

typedef enum Step {
        STEP_PICTURE, /* the picture is sent */
        STEP_MASK,
        STEP_QUEUE, /* the workflow is sent */
        STEP_POLL,
        STEP_FETCH, /* a picture comes back */
} Step;

typedef struct State {
        Step step; /* of the request that is on its way */
        WorkflowFiles files;
        char task[128]; /* "": none */
        uint32_t wanted; /* pictures of it */
        uint64_t seed; /* by chance */
        json_t *pictures; /* of its outputs, as long as some are to be fetched */
        size_t fetched;
        unsigned cancelled; /* requests of taking it back that were made */
} State;

static void done(Talk *talk)
{
        State *state = talk->state;

        if (state)
                json_decref(state->pictures);
        free(state);
        talk->state = NULL;
}

static int check(const Talk *talk, Error *error)
{
        if (talk->parts[NET_PART_WORKFLOW].size == 0)
                return error_set(error, -EINVAL, "There is no workflow");
        return workflow_check(talk, error);
}

static void begin(State *state, Step step, HttpRequest *request)
{
        state->step = step;
        request->key_header = dialect_comfyui.key_header;
}

static int send_picture(const Talk *talk, State *state, Step step, HttpRequest *request, Error *error)
{
        Form form = form_begin(request, talk->ask->url, "/upload/image");

        begin(state, step, request);
        form_add_text(&form, "type", "input");
        form_add_text(&form, "subfolder", "imagined");
        form_add_file(&form, "image", &talk->parts[step == STEP_PICTURE ? NET_PART_PICTURE : NET_PART_MASK]);
        return form_send(&form, error);
}

static int queue(const Talk *talk, State *state, HttpRequest *request, Error *error)
{
        const Capabilities *can = capabilities_get(NET_DIALECT_COMFYUI, talk->ask->model);
        const uint32_t left = MIN(talk->ask->count - talk->n_results, can->count_max);
        const bool makes_many = placeholders_have(talk->parts[NET_PART_WORKFLOW].data, "count");
        uint32_t random = 0;

        begin(state, STEP_QUEUE, request);
        (void)!getrandom(&random, sizeof(random), 0);
        state->seed = random;
        state->wanted = makes_many ? left : 1;
        request->draws = state->wanted;
        json_t *workflow = workflow_fill(talk, state->wanted, random, &state->files, error);
        if (!workflow)
                return error->code;
        _cleanup_(json_decrefp) json_t *body = json_pack("{s:o, s:s}", "prompt", workflow, "client_id", "imagined");
        return compose_json(request, talk->ask->url, "/prompt", body, error);
}

static int poll_task(const Talk *talk, State *state, HttpRequest *request, Error *error)
{
        char path[192];

        begin(state, STEP_POLL, request);
        (void)snprintf(path, sizeof(path), "/history/%s", state->task);
        request->delay_ms = POLL_MS;
        return compose_plain(request, "GET", talk->ask->url, path, error);
}

/* What is to be sent before the workflow, or the workflow. */
static int begin_pictures(const Talk *talk, State *state, HttpRequest *request, Error *error)
{
        if (talk->parts[NET_PART_PICTURE].size > 0 && state->files.picture[0] == '\0')
                return send_picture(talk, state, STEP_PICTURE, request, error);
        if (talk->parts[NET_PART_MASK].size > 0 && state->files.mask[0] == '\0')
                return send_picture(talk, state, STEP_MASK, request, error);
        return queue(talk, state, request, error);
}

/* {"name":"image.png","subfolder":"imagined"} */
static int take_sent(char ret[static 256], const json_t *root, Error *error)
{
        char name[128] = "", folder[96] = "";

        answer_copy(name, sizeof(name), json_object_get(root, "name"));
        answer_copy(folder, sizeof(folder), json_object_get(root, "subfolder"));
        if (name[0] == '\0')
                return error_set(error, NET_BAD_ANSWER, "The server does not say what it calls the picture");
        (void)snprintf(ret, 256, "%s%s%s", folder, folder[0] ? "/" : "", name);
        return 0;
}

static int take_queued(Talk *talk, State *state, const json_t *root, Error *error)
{
        char message[256] = "";

        if (answer_task(state->task, json_object_get(root, "prompt_id"))) {
                talk->progress(talk, NET_STAGE_QUEUED, -1, state->task);
                return 0;
        }
        answer_copy(message, sizeof(message), json_object_get(json_object_get(root, "error"), "message"));
        return error_set(error, NET_BAD_ANSWER, message[0] ? "The server refuses the workflow: %s" : "The server does not name the task%s",
                         message);
}

/* What went wrong stands in one of the messages: ["execution_error", {"exception_message": …}]. */
static int fail_task(const json_t *status, Error *error)
{
        json_t *messages = json_object_get(status, "messages"), *message;
        char why[256] = "no reason given";
        size_t i;

        json_array_foreach(messages, i, message)
                answer_copy(why, sizeof(why), json_object_get(json_array_get(message, 1), "exception_message"));
        return error_set(error, NET_BAD_ANSWER, "The server failed: %s", why);
}

/* All pictures that the workflow puts out; previews that it makes on its way are none. */
static json_t *list_outputs(const json_t *entry)
{
        json_t *list = json_array(), *node, *picture;
        const char *name;
        size_t i;

        json_object_foreach(json_object_get(entry, "outputs"), name, node)
                json_array_foreach(json_object_get(node, "images"), i, picture) {
                        const char *type = json_string_value(json_object_get(picture, "type"));
                        if (!type || streq(type, "output"))
                                (void)json_array_append(list, picture);
                }
        return list;
}

/* 1: it is to be looked at again; 0: state->pictures are there. */
static int take_history(Talk *talk, State *state, const json_t *root, Error *error)
{
        const json_t *entry = json_object_get(root, state->task), *status = json_object_get(entry, "status");
        const char *word = json_string_value(json_object_get(status, "status_str"));

        if (!entry || json_is_false(json_object_get(status, "completed"))) {
                if (word && streq(word, "error")) {
                        state->task[0] = '\0';
                        return fail_task(status, error);
                }
                talk->progress(talk, NET_STAGE_DRAWING, -1, state->task);
                return 1;
        }
        state->task[0] = '\0';
        json_decref(state->pictures);
        state->pictures = list_outputs(entry);
        state->fetched = 0;
        if (json_array_size(state->pictures) == 0)
                return error_set(error, NET_BAD_ANSWER, "The workflow puts out no picture");
        return 0;
}

static int fetch(const Talk *talk, State *state, HttpRequest *request, Error *error)
{
        static const char *const fields[] = { "filename", "subfolder", "type" };
        const json_t *picture = json_array_get(state->pictures, state->fetched++);
        _cleanup_(bytes_done) Bytes path = { .max = 4096 };
        int r = bytes_add_text(&path, "/view?");

        begin(state, STEP_FETCH, request);
        for (size_t i = 0; i < ELEMENTSOF(fields) && r >= 0; i++)
                r = compose_query(&path, fields[i], json_string_value(json_object_get(picture, fields[i])));
        if (r < 0)
                return error_set(error, r, "The request cannot be written: %s", strerror(-r));
        return compose_plain(request, "GET", talk->ask->url, path.data, error);
}

static int take_picture(Talk *talk, State *state, const HttpAnswer *answer, Error *error)
{
        NetResult result = { .kind = NET_RESULT_PICTURE, .cost = -1 };

        /* Of several pictures at once the first one's is known. */
        result.has_seed = state->fetched == 1 && placeholders_have(talk->parts[NET_PART_WORKFLOW].data, "seed");
        if (result.has_seed)
                result.seed = talk->ask->flags & NET_ASK_SEED ? talk_seed(talk) : state->seed;
        int r = answer_body(talk, &result, answer, error);
        if (r >= 0 && --state->wanted == 0) {
                json_decref(state->pictures);
                state->pictures = NULL;
        }
        return r;
}

static int take(Talk *talk, State *state, const HttpAnswer *answer, HttpRequest *request, Error *error)
{
        _cleanup_(json_decrefp) json_t *root = NULL;

        if (state->step == STEP_FETCH)
                return take_picture(talk, state, answer, error);
        root = answer_load(answer, "answer of ComfyUI", error);
        if (!root)
                return error->code;
        if (state->step == STEP_PICTURE)
                return take_sent(state->files.picture, root, error);
        if (state->step == STEP_MASK)
                return take_sent(state->files.mask, root, error);
        int r = state->step == STEP_QUEUE ? take_queued(talk, state, root, error) : take_history(talk, state, root, error);
        return r < 0 || state->pictures ? r : poll_task(talk, state, request, error);
}

static int next(Talk *talk, const HttpAnswer *answer, HttpRequest *request, Error *error)
{
        State *state = talk_state(talk, sizeof(State));

        if (!state)
                return error_set(error, -ENOMEM, "Out of memory");
        int r = answer ? take(talk, state, answer, request, error) : 0;
        if (r != 0)
                return r;
        if (talk->n_results == talk->ask->count)
                return 0;
        if (state->pictures && state->fetched < json_array_size(state->pictures))
                return fetch(talk, state, request, error);
        json_decref(state->pictures);
        state->pictures = NULL;
        return begin_pictures(talk, state, request, error);
}

/* It may wait in the queue, or be at work. */
static int cancel(Talk *talk, HttpRequest *request)
{
        State *state = talk->state;
        _cleanup_(json_decrefp) json_t *body = NULL;

        if (!state || state->task[0] == '\0' || state->cancelled == 2)
                return 0;
        request->key_header = dialect_comfyui.key_header;
        if (state->cancelled++ == 0) {
                body = json_pack("{s:[s]}", "delete", state->task);
                return compose_json(request, talk->ask->url, "/queue", body, NULL);
        }
        body = json_pack("{s:s}", "prompt_id", state->task);
        return compose_json(request, talk->ask->url, "/interrupt", body, NULL);
}

const Dialect dialect_comfyui = {
        .key_header = "Authorization: Bearer ",
        .check = check,
        .next = next,
        .explain = answer_explain_plain,
        .cancel = cancel,
        .check_path = "/system_stats",
        .checked = answer_is_there,
        .done = done,
};
