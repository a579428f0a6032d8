/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* OpenAI's Images, and what copies it (vLLM-Omni, LocalAI, gateways, our own bridge): one request for several pictures, which
 * come in base64, as links, or as a stream with partial ones before. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/request.h"
#include "base/util.h"
#include "net/answer.h"
#include "net/capabilities.h"
#include "net/compose.h"
#include "net/json-text.h"

#define GENERATIONS "/images/generations"
#define EDITS "/images/edits"
#define PARTIAL_MAX 3

typedef struct State {
        NetResult info; /* of the next picture */
        uint32_t wanted; /* n_results at which the request that is on its way is answered in full */
        uint32_t n_before; /* n_results when it was sent */
        uint32_t n_partial; /* of the picture that is on its way */
        json_t *items; /* of the answer, as long as links of them are to be fetched */
        size_t fetching; /* 1 + which of them is on its way; 0: none */
        Error error; /* that a stream told of */
} State;

static void done(Talk *talk)
{
        State *state = talk->state;

        if (state)
                json_decref(state->items);
        free(state);
        talk->state = NULL;
}

static bool starts(const char *text, const char *start)
{
        return strncmp(text, start, strlen(start)) == 0;
}

/* These answer with base64 in any case, and refuse to be told. */
static bool is_gpt(const char *model)
{
        return starts(model, "gpt-image") || starts(model, "chatgpt-image");
}

static bool is_dalle(const char *model)
{
        return starts(model, "dall-e");
}

/* A seed is of one picture, so that the next one's is known. */
static uint32_t pictures_of_request(const Talk *talk)
{
        const Capabilities *can = capabilities_get(NET_DIALECT_OPENAI_IMAGES, talk->ask->model);
        const uint32_t left = talk->ask->count - talk->n_results;

        return talk->ask->flags & NET_ASK_SEED ? 1 : MIN(left, can->count_max);
}

static bool streams(const Talk *talk)
{
        return talk->ask->draw.previews > 0;
}

/* What both ways of asking have: texts, then numbers; those that are "" or negative are not sent. */
typedef struct Fields {
        struct {
                const char *name, *value;
        } texts[8];
        struct {
                const char *name;
                double value;
        } numbers[5];
        char size[32], seed[32];
} Fields;

static void list_fields(const Talk *talk, uint32_t n, Fields *ret)
{
        const NetAsk *ask = talk->ask;
        const NetDraw *draw = &ask->draw;
        const bool gpt = is_gpt(ask->model), other = !gpt && !is_dalle(ask->model);
        const char *format = gpt || draw->format != FORMAT_PNG ? format_to_string((PictureFormat)draw->format) : "";

        *ret = (Fields) {
                .texts = {
                        { "model", ask->model }, { "quality", draw->quality }, { "style", draw->style },
                        { "background", draw->background }, { "moderation", draw->moderation },
                        { "response_format", gpt ? "" : "b64_json" }, { "output_format", gpt || other ? format : "" },
                },
                .numbers = {
                        { "n", n },
                        { "output_compression", draw->compression > 0 ? (double)draw->compression : -1 },
                        /* What the copies have beyond it. */
                        { "steps", draw->steps > 0 && other ? (double)draw->steps : -1 },
                        { "cfg_scale", other ? draw->guidance : -1 },
                        { "strength", other && talk->parts[NET_PART_PICTURE].size > 0 ? draw->strength : -1 },
                },
        };
        if (draw->width > 0)
                (void)snprintf(ret->size, sizeof(ret->size), "%ux%u", draw->width, draw->height);
        if (ask->flags & NET_ASK_SEED && other)
                (void)snprintf(ret->seed, sizeof(ret->seed), "%" PRIu64, talk_seed(talk));
        ret->texts[7].name = "size";
        ret->texts[7].value = ret->size;
}

static int compose_generation(const Talk *talk, const Fields *fields, HttpRequest *request, Error *error)
{
        _cleanup_(json_decrefp) json_t *body = json_object();
        int r = body ? compose_part(body, "prompt", &talk->parts[NET_PART_PROMPT]) : -ENOMEM;

        if (r >= 0)
                r = compose_part(body, "negative_prompt", &talk->parts[NET_PART_NEGATIVE]);
        for (size_t i = 0; i < ELEMENTSOF(fields->texts) && r >= 0; i++)
                r = compose_text(body, fields->texts[i].name, fields->texts[i].value);
        for (size_t i = 0; i < ELEMENTSOF(fields->numbers) && r >= 0; i++)
                r = compose_number(body, fields->numbers[i].name, fields->numbers[i].value);
        if (r >= 0 && fields->seed[0])
                r = compose_seed(body, "seed", talk_seed(talk));
        if (r >= 0 && streams(talk)) {
                (void)json_object_set_new(body, "stream", json_true());
                r = compose_number(body, "partial_images", MIN(talk->ask->draw.previews, (uint32_t)PARTIAL_MAX));
        }
        return compose_json(request, talk->ask->url, GENERATIONS, r < 0 ? NULL : body, error);
}

static int compose_edit(const Talk *talk, const Fields *fields, HttpRequest *request, Error *error)
{
        Form form = form_begin(request, talk->ask->url, EDITS);

        form_add_part(&form, "prompt", &talk->parts[NET_PART_PROMPT]);
        form_add_part(&form, "negative_prompt", &talk->parts[NET_PART_NEGATIVE]);
        for (size_t i = 0; i < ELEMENTSOF(fields->texts); i++)
                form_add_text(&form, fields->texts[i].name, fields->texts[i].value);
        for (size_t i = 0; i < ELEMENTSOF(fields->numbers); i++)
                form_add_number(&form, fields->numbers[i].name, fields->numbers[i].value);
        form_add_text(&form, "seed", fields->seed);
        if (streams(talk)) {
                form_add_text(&form, "stream", "true");
                form_add_number(&form, "partial_images", MIN(talk->ask->draw.previews, (uint32_t)PARTIAL_MAX));
        }
        form_add_file(&form, "image", &talk->parts[NET_PART_PICTURE]);
        if (talk->parts[NET_PART_MASK].size > 0)
                form_add_file(&form, "mask", &talk->parts[NET_PART_MASK]);
        return form_send(&form, error);
}

static int compose(const Talk *talk, State *state, HttpRequest *request, Error *error)
{
        const uint32_t n = pictures_of_request(talk);
        Fields fields;

        state->n_before = talk->n_results;
        state->wanted = talk->n_results + n;
        state->n_partial = 0;
        list_fields(talk, n, &fields);
        request->draws = n;
        request->key_header = dialect_openai_images.key_header;
        int r = http_request_header(request, streams(talk) ? "Accept: text/event-stream" : "Accept: application/json");
        if (r < 0)
                return error_set(error, r, "The request cannot be written: %s", strerror(-r));
        return talk->parts[NET_PART_PICTURE].size > 0 ? compose_edit(talk, &fields, request, error)
                                                      : compose_generation(talk, &fields, request, error);
}

/* What an answer, or an event, says of all its pictures. The usage is said once: of the first of them. */
static void take_info(State *state, const json_t *root)
{
        const json_t *usage = json_object_get(root, "usage"), *details = json_object_get(usage, "input_tokens_details");
        char format[16] = "";

        state->info = (NetResult) { .kind = NET_RESULT_PICTURE, .cost = -1 };
        state->info.tokens_in = answer_number(json_object_get(usage, "input_tokens"));
        state->info.tokens_out = answer_number(json_object_get(usage, "output_tokens"));
        state->info.tokens_in_pictures = answer_number(json_object_get(details, "image_tokens"));
        answer_copy(state->info.model, sizeof(state->info.model), json_object_get(root, "model"));
        answer_copy(format, sizeof(format), json_object_get(root, "output_format"));
        if (format[0])
                (void)snprintf(state->info.mime, sizeof(state->info.mime), "image/%s", format);
}

/* What an item, or an event, says of its own picture. */
static void take_item(State *state, const json_t *item)
{
        answer_copy(state->info.revised, sizeof(state->info.revised), json_object_get(item, "revised_prompt"));
        answer_seed(&state->info, json_object_get(item, "seed"));
}

/* After a picture: what was said of all is not said again. */
static void forget_usage(State *state)
{
        state->info.tokens_in = state->info.tokens_out = state->info.tokens_in_pictures = 0;
        state->info.revised[0] = '\0';
}

static int take_base64(Talk *talk, State *state, json_t *item, Error *error)
{
        take_item(state, item);
        int r = answer_base64(talk, &state->info, json_object_get(item, "b64_json"), error);
        forget_usage(state);
        return r;
}

/* The codes and types by which it refuses. */
static bool is_refusal(const char *code, const char *type)
{
        static const char *const names[] = {
                "moderation_blocked", "content_policy_violation", "content_filter", "image_generation_user_error",
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(code, names[i]) || streq(type, names[i]))
                        return true;
        return false;
}

static void take_stream_error(State *state, const json_t *event)
{
        const json_t *told = json_object_get(event, "error");
        char message[256] = "no reason given", code[64] = "", type[64] = "";

        told = told ? told : event;
        answer_copy(message, sizeof(message), json_is_string(told) ? told : json_object_get(told, "message"));
        answer_copy(code, sizeof(code), json_object_get(told, "code"));
        answer_copy(type, sizeof(type), json_object_get(told, "type"));
        bool refused = is_refusal(code, type);
        (void)error_set(&state->error, refused ? NET_REFUSED : NET_BAD_ANSWER, refused ? "The server refused: %s" : "The server failed: %s",
                        message);
}

static bool ends(const char *text, const char *end)
{
        size_t n = strlen(text), m = strlen(end);
        return n >= m && streq(text + n - m, end);
}

static int take_event(Talk *talk, State *state, json_t *event, const char *type)
{
        Error error = {};
        int r = 0;

        if (json_object_get(event, "error") || streq(type, "error")) {
                take_stream_error(state, event);
        } else if (ends(type, ".partial_image") && talk->n_results < state->wanted) {
                take_info(state, event);
                state->info.kind = NET_RESULT_PARTIAL;
                r = take_base64(talk, state, event, &error);
                talk->progress(talk, NET_STAGE_DRAWING, (++state->n_partial) / (PARTIAL_MAX + 1.0), "");
        } else if (ends(type, ".completed") && talk->n_results < state->wanted) {
                take_info(state, event);
                r = take_base64(talk, state, event, &error);
                state->n_partial = 0;
        }
        if (r == NET_BAD_ANSWER) {
                state->error = error;
                r = 0;
        }
        return r;
}

/* Partial pictures are a courtesy, but a server that sends what is none is not to be believed further. */
static int event(Talk *talk, const char *name, const char *data, size_t size)
{
        State *state = talk_state(talk, sizeof(State));
        char type[64] = "";

        if (!state)
                return -ENOMEM;
        if (state->error.code < 0 || (size == strlen("[DONE]") && memcmp(data, "[DONE]", size) == 0))
                return 0;
        _cleanup_(json_decrefp) json_t *root = json_text_load(data, size);
        if (!json_is_object(root))
                return -EBADMSG;
        answer_copy(type, sizeof(type), json_object_get(root, "type"));
        return take_event(talk, state, root, type[0] ? type : name);
}

static int conclude_stream(const Talk *talk, const State *state, Error *error)
{
        if (state->error.code < 0) {
                *error = state->error;
                return error->code;
        }
        if (talk->n_results == state->n_before)
                return error_set(error, NET_BAD_ANSWER, "The server's answer is cut off");
        return 0;
}

/* Pictures at once; links one by one, by next(). */
static int take_answer(Talk *talk, State *state, const HttpAnswer *answer, Error *error)
{
        _cleanup_(json_decrefp) json_t *root = answer_load(answer, "list of pictures", error);
        json_t *items = json_object_get(root, "data"), *item;
        size_t i;
        int r = 0;

        if (!root)
                return error->code;
        if (json_object_get(root, "error") && !json_is_null(json_object_get(root, "error"))) {
                take_stream_error(state, root);
                *error = state->error;
                return error->code;
        }
        if (!json_is_array(items) || json_array_size(items) == 0)
                return error_set(error, NET_BAD_ANSWER, "The server answered without a picture");
        take_info(state, root);
        json_array_foreach(items, i, item) {
                if (r < 0 || talk->n_results >= state->wanted)
                        break;
                if (json_is_string(json_object_get(item, "url")) && !json_is_string(json_object_get(item, "b64_json"))) {
                        state->items = json_incref(items);
                        break;
                }
                r = take_base64(talk, state, item, error);
        }
        return r;
}

/* The next link of the answer. 1: it is to be fetched; 0: there is none. */
static int fetch(Talk *talk, State *state, HttpRequest *request, Error *error)
{
        while (state->items && state->fetching < json_array_size(state->items) && talk->n_results < state->wanted) {
                const json_t *item = json_array_get(state->items, state->fetching++);
                const char *link = json_string_value(json_object_get(item, "url"));

                if (!link)
                        return error_set(error, NET_BAD_ANSWER, "The server answered without a picture");
                take_item(state, item);
                return compose_link(request, link, error);
        }
        json_decref(state->items);
        state->items = NULL;
        state->fetching = 0;
        return 0;
}

static int take_fetched(Talk *talk, State *state, const HttpAnswer *answer, Error *error)
{
        int r = answer_body(talk, &state->info, answer, error);

        forget_usage(state);
        return r;
}

static int take(Talk *talk, State *state, const HttpAnswer *answer, Error *error)
{
        if (state->items)
                return take_fetched(talk, state, answer, error);
        if (streams(talk) && streq(answer->type, "text/event-stream"))
                return conclude_stream(talk, state, error);
        return take_answer(talk, state, answer, error);
}

static int next(Talk *talk, const HttpAnswer *answer, HttpRequest *request, Error *error)
{
        State *state = talk_state(talk, sizeof(State));

        if (!state)
                return error_set(error, -ENOMEM, "Out of memory");
        int r = answer ? take(talk, state, answer, error) : 0;
        if (r >= 0)
                r = fetch(talk, state, request, error);
        if (r != 0)
                return r;
        return talk->n_results < talk->ask->count ? compose(talk, state, request, error) : 0;
}

static bool explain(const Talk *talk, const HttpAnswer *answer, Error *error)
{
        char message[256], code[64];

        answer_error(answer->body.data, answer->body.size, message, code);
        return answer_explain(talk, answer, answer->status != 401 && is_refusal(code, ""), message, code, error);
}

const Dialect dialect_openai_images = {
        .key_header = "Authorization: Bearer ",
        .check = talk_check,
        .next = next,
        .event = event,
        .explain = explain,
        .check_path = "/models",
        .checked = answer_openai_models,
        .has_links = true,
        .repeats_502 = true,
        .done = done,
};
