/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chat completions, as ChatGPT, llama.cpp, Ollama, vLLM and many others serve them: one request for each result, for few
 * servers give several answers to one. */

#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/util.h"
#include "net/answer.h"
#include "net/chat-answer.h"
#include "net/compose.h"
#include "net/dialect.h"

#define PATH "/chat/completions"

static const Bytes *part(const Talk *talk, NetPart part)
{
        return talk->parts[part].size > 0 ? &talk->parts[part] : NULL;
}

static int check(const Talk *talk, Error *error)
{
        if (!part(talk, NET_PART_PROMPT) && !part(talk, NET_PART_PICTURE))
                return error_set(error, -EINVAL, "There is nothing to ask");
        if (!part(talk, NET_PART_EARLIER) != !part(talk, NET_PART_CHANGE))
                return error_set(error, -EINVAL, "A change needs what is to be changed");
        return 0;
}

/* NULL: no part, or no memory. */
static json_t *message(const char *role, const Bytes *text)
{
        return text ? json_pack("{s:s, s:s%}", "role", role, "content", text->data, text->size) : NULL;
}

/* What the user says: a text; or a text and a picture. */
static json_t *question(const Talk *talk)
{
        const Bytes *text = part(talk, NET_PART_PROMPT), *picture = part(talk, NET_PART_PICTURE);

        if (!picture)
                return message("user", text);
        return json_pack("{s:s, s:[{s:s, s:s%}, {s:s, s:{s:o}}]}", "role", "user", "content", "type", "text", "text",
                         text ? text->data : "", text ? text->size : (size_t)0, "type", "image_url", "image_url", "url",
                         compose_data_url(picture));
}

static int add(json_t *messages, json_t *value)
{
        return json_array_append_new(messages, value) < 0 ? -ENOMEM : 0;
}

static json_t *make_messages(const Talk *talk)
{
        _cleanup_(json_decrefp) json_t *messages = json_array();
        int r = messages ? 0 : -ENOMEM;

        if (r >= 0 && part(talk, NET_PART_ROLE))
                r = add(messages, message("system", part(talk, NET_PART_ROLE)));
        if (r >= 0)
                r = add(messages, question(talk));
        if (r >= 0 && part(talk, NET_PART_EARLIER))
                r = add(messages, message("assistant", part(talk, NET_PART_EARLIER)));
        if (r >= 0 && part(talk, NET_PART_CHANGE))
                r = add(messages, message("user", part(talk, NET_PART_CHANGE)));
        return r < 0 ? NULL : TAKE_PTR(messages);
}

static int set(json_t *root, const char *key, json_t *value)
{
        return json_object_set_new(root, key, value) < 0 ? -ENOMEM : 0;
}

static json_t *make_body(const Talk *talk)
{
        const NetAsk *ask = talk->ask;
        _cleanup_(json_decrefp) json_t *root = json_object();
        int r = root ? 0 : -ENOMEM;

        if (r >= 0 && ask->model[0])
                r = set(root, "model", json_string(ask->model));
        if (r >= 0)
                r = set(root, "messages", make_messages(talk));
        if (r >= 0 && ask->temperature >= 0)
                r = set(root, "temperature", json_real(ask->temperature));
        if (r >= 0 && ask->tokens > 0)
                r = set(root, "max_tokens", json_integer(ask->tokens));
        if (r >= 0 && ask->flags & NET_ASK_SEED) /* what some servers can take */
                r = set(root, "seed", json_integer((json_int_t)talk_seed(talk)));
        if (r >= 0)
                r = set(root, "stream", json_boolean(ask->flags & NET_ASK_STREAM));
        return r < 0 ? NULL : TAKE_PTR(root);
}

static int compose(const Talk *talk, HttpRequest *request, Error *error)
{
        _cleanup_(json_decrefp) json_t *body = make_body(talk);

        request->key_header = dialect_chat.key_header;
        int r = http_request_header(request, talk->ask->flags & NET_ASK_STREAM ? "Accept: text/event-stream"
                                                                                : "Accept: application/json");
        if (r < 0)
                return error_set(error, r, "The request cannot be written: %s", strerror(-r));
        return compose_json(request, talk->ask->url, PATH, body, error);
}

static void done(Talk *talk)
{
        if (talk->state)
                chat_answer_done(talk->state);
        free(talk->state);
        talk->state = NULL;
}

/* Of the request that is on its way. */
static ChatAnswer *state(Talk *talk)
{
        if (!talk->state) {
                talk->state = malloc(sizeof(ChatAnswer));
                if (talk->state)
                        chat_answer_init(talk->state);
        }
        return talk->state;
}

static int event(Talk *talk, const char *name, const char *data, size_t size)
{
        ChatAnswer *answer = state(talk);
        (void)name;
        return answer ? chat_answer_take(answer, data, size) : -ENOMEM;
}

/* A stream has told all by its events; some servers answer as a whole even then. */
static int conclude(Talk *talk, const HttpAnswer *http, Error *error)
{
        ChatAnswer *answer = state(talk);
        NetResult result = {};

        if (!answer)
                return error_set(error, -ENOMEM, "Out of memory");
        bool streamed = streq(http->type, "text/event-stream") && talk->ask->flags & NET_ASK_STREAM;
        int r = streamed ? 0 : chat_answer_take(answer, http->body.size > 0 ? http->body.data : "", http->body.size);
        if (r == -ENOMEM)
                return error_set(error, r, "Out of memory");
        if (r < 0)
                return error_set(error, NET_BAD_ANSWER, "The server's answer is no chat completion");
        if (streamed && !answer->is_over && answer->finish[0] == '\0' && answer->error.code == 0)
                return error_set(error, NET_BAD_ANSWER, "The server's answer is cut off");
        r = chat_answer_conclude(answer, &result, error);
        if (r >= 0)
                r = talk->deliver(talk, &result, answer->content.data, answer->content.size);
        done(talk);
        return r;
}

static int next(Talk *talk, const HttpAnswer *answer, HttpRequest *request, Error *error)
{
        int r = answer ? conclude(talk, answer, error) : 0;

        if (r < 0)
                return r;
        return talk->n_results < talk->ask->count ? compose(talk, request, error) : 0;
}

static bool explain(const Talk *talk, const HttpAnswer *answer, Error *error)
{
        char message[256], code[64];

        answer_error(answer->body.data, answer->body.size, message, code);
        bool is_refusal = streq(code, "content_filter") || streq(code, "content_policy_violation") || streq(code, "moderation_blocked");
        return answer_explain(talk, answer, is_refusal && answer->status != 401, message, code, error);
}

/* Its models, as answer_models() reads them. */
const Dialect dialect_chat = {
        .key_header = "Authorization: Bearer ",
        .check = check,
        .next = next,
        .event = event,
        .explain = explain,
        .check_path = "/models",
        .checked = answer_openai_models,
        .done = done,
};
