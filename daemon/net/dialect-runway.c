/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runway: a task for each picture, which is looked at until it has one, and deleted when nobody wants it any more. */

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "net/answer.h"
#include "net/capabilities.h"
#include "net/compose.h"

#define VERSION_HEADER "X-Runway-Version: 2024-11-06"
#define MODEL "gen4_image"
#define POLL_MS 6000
#define PROMPT_UNITS_MAX 1000 /* of UTF-16 */
#define PICTURE_MAX (5U * 1024 * 1024 / 4 * 3) /* of 5 MB in base64 */

typedef struct State {
        char task[128]; /* that the server works on; "": none */
        char *link; /* of its picture */
} State;

static void done(Talk *talk)
{
        State *state = talk->state;

        if (state)
                free(state->link);
        free(state);
        talk->state = NULL;
}

/* Of UTF-8, that was checked: those beyond the first plane have two units. */
static size_t count_units(const Bytes *text)
{
        size_t n = 0;

        for (size_t i = 0; i < text->size; i++)
                n += ((unsigned char)text->data[i] & 0xc0) != 0x80 ? 1 + ((unsigned char)text->data[i] >= 0xf0) : 0;
        return n;
}

static int check(const Talk *talk, Error *error)
{
        const Bytes *prompt = &talk->parts[NET_PART_PROMPT];

        int r = talk_check(talk, error);
        if (r < 0)
                return r;
        if (count_units(prompt) > PROMPT_UNITS_MAX)
                return error_set(error, -EINVAL, "The prompt is longer than the %d characters that the server takes", PROMPT_UNITS_MAX);
        if (talk->parts[NET_PART_PICTURE].size > PICTURE_MAX)
                return error_set(error, -EINVAL, "The picture is larger than the server takes");
        return 0;
}

static int add_more(const Talk *talk, json_t *body)
{
        const NetAsk *ask = talk->ask;
        const Bytes *picture = &talk->parts[NET_PART_PICTURE];
        int r = 0;

        if (ask->flags & NET_ASK_SEED)
                r = compose_seed(body, "seed", talk_seed(talk));
        if (r >= 0 && picture->size > 0)
                r = json_object_set_new(body, "referenceImages", json_pack("[{s:o, s:s}]", "uri", compose_data_url(picture), "tag", "picture"));
        if (r >= 0 && ask->draw.moderation[0])
                r = json_object_set_new(body, "contentModeration", json_pack("{s:s}", "publicFigureThreshold", ask->draw.moderation));
        return r < 0 ? -ENOMEM : 0;
}

static int compose(const Talk *talk, HttpRequest *request, Error *error)
{
        const NetAsk *ask = talk->ask;
        const Capabilities *can = capabilities_get(NET_DIALECT_RUNWAY, ask->model);
        const NetSize *size = capabilities_find_size(can, ask->draw.width, ask->draw.height);
        _cleanup_(json_decrefp) json_t *body = json_pack("{s:s, s:s}", "model", ask->model[0] ? ask->model : MODEL, "ratio",
                                                         size ? size->name : can->sizes[0].name);
        int r = body ? compose_part(body, "promptText", &talk->parts[NET_PART_PROMPT]) : -ENOMEM;

        if (r >= 0)
                r = add_more(talk, body);
        if (r >= 0)
                r = http_request_header(request, VERSION_HEADER);
        request->draws = 1;
        request->key_header = dialect_runway.key_header;
        return compose_json(request, ask->url, "/v1/text_to_image", r < 0 ? NULL : body, error);
}

static int compose_task(const Talk *talk, const State *state, const char *method, HttpRequest *request, Error *error)
{
        char path[192];

        (void)snprintf(path, sizeof(path), "/v1/tasks/%s", state->task);
        request->key_header = dialect_runway.key_header;
        int r = http_request_header(request, VERSION_HEADER);
        return r < 0 ? r : compose_plain(request, method, talk->ask->url, path, error);
}

static int fail_task(State *state, const json_t *root, Error *error)
{
        char failure[256] = "no reason given", code[64] = "";

        state->task[0] = '\0';
        answer_copy(failure, sizeof(failure), json_object_get(root, "failure"));
        answer_copy(code, sizeof(code), json_object_get(root, "failureCode"));
        if (strncmp(code, "SAFETY", strlen("SAFETY")) == 0)
                return error_set(error, NET_REFUSED, "The server refused: %s", failure);
        return error_set(error, NET_BAD_ANSWER, "The server failed: %s", failure);
}

/* 1: it is to be looked at again; 0: state->link is there. */
static int take_status(Talk *talk, State *state, const json_t *root, Error *error)
{
        const json_t *progress = json_object_get(root, "progress");
        char status[32] = "";

        answer_copy(status, sizeof(status), json_object_get(root, "status"));
        if (streq(status, "FAILED"))
                return fail_task(state, root, error);
        if (streq(status, "CANCELLED")) {
                state->task[0] = '\0';
                return error_set(error, NET_BAD_ANSWER, "The server has cancelled the task");
        }
        if (streq(status, "SUCCEEDED")) {
                const char *link = json_string_value(json_array_get(json_object_get(root, "output"), 0));

                state->link = link ? strdup(link) : NULL;
                state->task[0] = '\0';
                return state->link ? 0 : error_set(error, NET_BAD_ANSWER, "The server answered without a picture");
        }
        if (!streq(status, "PENDING") && !streq(status, "THROTTLED") && !streq(status, "RUNNING"))
                return error_set(error, NET_BAD_ANSWER, "The server does not say how far the task is");
        talk->progress(talk, streq(status, "RUNNING") ? NET_STAGE_DRAWING : NET_STAGE_QUEUED,
                       json_is_number(progress) && json_number_value(progress) >= 0 ? json_number_value(progress) : -1, state->task);
        return 1;
}

static int poll_task(const Talk *talk, const State *state, HttpRequest *request, Error *error)
{
        request->delay_ms = POLL_MS;
        return compose_task(talk, state, "GET", request, error);
}

static int take_picture(Talk *talk, State *state, const HttpAnswer *answer, Error *error)
{
        NetResult result = { .kind = NET_RESULT_PICTURE, .cost = -1 };

        free(state->link);
        state->link = NULL;
        if (talk->ask->flags & NET_ASK_SEED) {
                result.has_seed = 1;
                result.seed = talk_seed(talk);
        }
        return answer_body(talk, &result, answer, error);
}

/* 1: *request is to be sent; 0: a picture is delivered. */
static int go_on(Talk *talk, State *state, const HttpAnswer *answer, HttpRequest *request, Error *error)
{
        if (state->link)
                return take_picture(talk, state, answer, error);
        _cleanup_(json_decrefp) json_t *root = answer_load(answer, "task", error);
        if (!root)
                return error->code;
        if (state->task[0] == '\0') {
                if (!answer_task(state->task, json_object_get(root, "id")))
                        return error_set(error, NET_BAD_ANSWER, "The server does not name the task");
                talk->progress(talk, NET_STAGE_QUEUED, -1, state->task);
                return poll_task(talk, state, request, error);
        }
        int r = take_status(talk, state, root, error);
        if (r < 0)
                return r;
        return r > 0 ? poll_task(talk, state, request, error) : compose_link(request, state->link, error);
}

static int next(Talk *talk, const HttpAnswer *answer, HttpRequest *request, Error *error)
{
        State *state = talk_state(talk, sizeof(State));

        if (!state)
                return error_set(error, -ENOMEM, "Out of memory");
        int r = answer ? go_on(talk, state, answer, request, error) : 0;
        if (r != 0)
                return r;
        return talk->n_results < talk->ask->count ? compose(talk, request, error) : 0;
}

static int cancel(Talk *talk, HttpRequest *request)
{
        State *state = talk->state;

        if (!state || state->task[0] == '\0')
                return 0;
        int r = compose_task(talk, state, "DELETE", request, NULL);
        state->task[0] = '\0';
        return r;
}

/* What it says that will not pass: neither does its 500. */
static bool explain(const Talk *talk, const HttpAnswer *answer, Error *error)
{
        char message[256], code[64];

        answer_error(answer->body.data, answer->body.size, message, code);
        return answer_explain(talk, answer, strncmp(code, "SAFETY", strlen("SAFETY")) == 0, message, code, error) ||
               answer->status == 500;
}

static int checked(Talk *talk, const HttpAnswer *answer, Error *error)
{
        _cleanup_(json_decrefp) json_t *root = answer_load(answer, "organization", error), *models = json_array();
        const json_t *balance = json_object_get(root, "creditBalance");
        const char *name;
        json_t *limits;

        if (!root)
                return error->code;
        json_object_foreach(json_object_get(json_object_get(root, "tier"), "models"), name, limits)
                (void)json_array_append_new(models, json_string(name));
        return answer_check(talk, models, json_is_number(balance) ? json_number_value(balance) : -1, error);
}

const Dialect dialect_runway = {
        .key_header = "Authorization: Bearer ",
        .check = check,
        .next = next,
        .explain = explain,
        .cancel = cancel,
        .check_path = "/v1/organization",
        .check_header = VERSION_HEADER,
        .checked = checked,
        .has_links = true,
        .repeats_502 = true,
        .repeats_504 = true,
        .done = done,
};
