/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A proxy for Midjourney, which its user runs: what other services have fields for stands behind the prompt, and the task is
 * looked at until it has a picture. It cannot be taken back. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/util.h"
#include "net/answer.h"
#include "net/compose.h"
#include "net/json-text.h"

#define POLL_MS 3000
#define PROMPT_MAX (64U * 1024)

/* What /mj/submit/imagine answers with. */
enum { ACCEPTED = 1, EXISTS = 21, QUEUED = 22, QUEUE_FULL = 23, BANNED_WORDS = 24 };

typedef struct State {
        char task[128]; /* "": none */
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

static unsigned divisor(unsigned a, unsigned b)
{
        return b == 0 ? a : divisor(b, a % b);
}

/* One line: a line break would end the prompt. */
static int add_line(Bytes *text, const char *before, const Bytes *part)
{
        int r = part->size > 0 ? bytes_add_text(text, before) : 0;

        if (r >= 0 && part->size > 0)
                r = bytes_add(text, part->data, part->size);
        for (size_t i = 0; i < text->size; i++)
                if ((unsigned char)text->data[i] < ' ')
                        text->data[i] = ' ';
        return r;
}

static int write_prompt(const Talk *talk, Bytes *ret)
{
        const NetAsk *ask = talk->ask;
        const unsigned shared = divisor(ask->draw.width, ask->draw.height);
        char more[256];

        int r = add_line(ret, "", &talk->parts[NET_PART_PROMPT]);
        if (r >= 0)
                r = add_line(ret, " --no ", &talk->parts[NET_PART_NEGATIVE]);
        (void)snprintf(more, sizeof(more), " --ar %u:%u", ask->draw.width / MAX(shared, 1U), ask->draw.height / MAX(shared, 1U));
        if (r >= 0 && shared > 0)
                r = bytes_add_text(ret, more);
        (void)snprintf(more, sizeof(more), " --seed %" PRIu64, talk_seed(talk));
        if (r >= 0 && ask->flags & NET_ASK_SEED)
                r = bytes_add_text(ret, more);
        (void)snprintf(more, sizeof(more), " --q %s", ask->draw.quality);
        if (r >= 0 && ask->draw.quality[0])
                r = bytes_add_text(ret, more);
        (void)snprintf(more, sizeof(more), " --style %s", ask->draw.style);
        return r >= 0 && ask->draw.style[0] ? bytes_add_text(ret, more) : r;
}

static int compose(const Talk *talk, HttpRequest *request, Error *error)
{
        const Bytes *picture = &talk->parts[NET_PART_PICTURE];
        _cleanup_(bytes_done) Bytes prompt = { .max = PROMPT_MAX };
        _cleanup_(json_decrefp) json_t *body = json_pack("{s:[], s:s}", "base64Array", "state", "");
        int r = body ? write_prompt(talk, &prompt) : -ENOMEM;

        if (r >= 0)
                r = compose_part(body, "prompt", &prompt);
        if (r >= 0 && picture->size > 0)
                r = json_array_append_new(json_object_get(body, "base64Array"), compose_data_url(picture)) < 0 ? -ENOMEM : 0;
        request->draws = 1;
        request->key_header = dialect_midjourney_proxy.key_header;
        return compose_json(request, talk->ask->url, "/mj/submit/imagine", r < 0 ? NULL : body, error);
}

static int poll_task(const Talk *talk, const State *state, HttpRequest *request, Error *error)
{
        char path[192];

        (void)snprintf(path, sizeof(path), "/mj/task/%s/fetch", state->task);
        request->key_header = dialect_midjourney_proxy.key_header;
        request->delay_ms = POLL_MS;
        return compose_plain(request, "GET", talk->ask->url, path, error);
}

static json_int_t code_of(const HttpAnswer *answer)
{
        _cleanup_(json_decrefp) json_t *root = json_text_load(answer->body.data, answer->body.size);

        return json_integer_value(json_object_get(root, "code"));
}

/* It answers 200 to all, with a code. */
static long status_of(const HttpAnswer *answer)
{
        const json_int_t code = code_of(answer);

        if (code == 0 || code == ACCEPTED || code == EXISTS || code == QUEUED)
                return answer->status;
        return code == QUEUE_FULL ? 429 : 400;
}

static bool explain(const Talk *talk, const HttpAnswer *answer, Error *error)
{
        char message[256], code[64];

        answer_error(answer->body.data, answer->body.size, message, code);
        return answer_explain(talk, answer, code_of(answer) == BANNED_WORDS, message, code, error);
}

static int take_submitted(Talk *talk, State *state, const json_t *root, Error *error)
{
        if (!answer_task(state->task, json_object_get(root, "result")))
                return error_set(error, NET_BAD_ANSWER, "The server does not name the task");
        talk->progress(talk, NET_STAGE_QUEUED, -1, state->task);
        return 0;
}

/* It has sentences only. */
static bool sounds_like_refusal(const char *why)
{
        static const char *const words[] = { "banned", "moderat", "blocked", "not allowed", "against our", "sensitive" };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (strcasestr(why, words[i]))
                        return true;
        return false;
}

static int fail_task(const json_t *root, Error *error)
{
        char why[256] = "no reason given";

        answer_copy(why, sizeof(why), json_object_get(root, "failReason"));
        if (sounds_like_refusal(why))
                return error_set(error, NET_REFUSED, "The server refused: %s", why);
        return error_set(error, NET_BAD_ANSWER, "The server failed: %s", why);
}

/* "50%" */
static double read_percent(const json_t *value)
{
        const char *text = json_string_value(value);
        char *rest;
        double percent = text ? strtod(text, &rest) : -1;

        return text && rest > text && percent >= 0 && percent <= 100 ? percent / 100 : -1;
}

/* 1: it is to be looked at again; 0: state->link is there. */
static int take_status(Talk *talk, State *state, const json_t *root, Error *error)
{
        char status[32] = "";

        answer_copy(status, sizeof(status), json_object_get(root, "status"));
        if (streq(status, "FAILURE"))
                return fail_task(root, error);
        if (streq(status, "CANCEL"))
                return error_set(error, NET_BAD_ANSWER, "The server has cancelled the task");
        if (streq(status, "SUCCESS")) {
                const char *link = json_string_value(json_object_get(root, "imageUrl"));

                state->link = link ? strdup(link) : NULL;
                return state->link ? 0 : error_set(error, NET_BAD_ANSWER, "The server answered without a picture");
        }
        if (!streq(status, "NOT_START") && !streq(status, "SUBMITTED") && !streq(status, "IN_PROGRESS"))
                return error_set(error, NET_BAD_ANSWER, "The server does not say how far the task is");
        talk->progress(talk, streq(status, "IN_PROGRESS") ? NET_STAGE_DRAWING : NET_STAGE_QUEUED,
                       read_percent(json_object_get(root, "progress")), state->task);
        return 1;
}

static int take_picture(Talk *talk, State *state, const HttpAnswer *answer, Error *error)
{
        NetResult result = { .kind = NET_RESULT_PICTURE, .cost = -1 };

        free(state->link);
        *state = (State) {};
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
        int r = state->task[0] == '\0' ? take_submitted(talk, state, root, error) : take_status(talk, state, root, error);
        if (r < 0)
                return r;
        return state->link ? compose_link(request, state->link, error) : poll_task(talk, state, request, error);
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

const Dialect dialect_midjourney_proxy = {
        .key_header = "mj-api-secret: ",
        .check = talk_check,
        .next = next,
        .status = status_of,
        .explain = explain,
        .check_path = "/mj/task/queue",
        .checked = answer_is_there, /* whose tasks there are is nobody's business */
        .has_links = true,
        .done = done,
};
