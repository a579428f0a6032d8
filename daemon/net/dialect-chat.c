/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chat completions, as ChatGPT, llama.cpp, Ollama, vLLM and many others serve them: one request for each result, for few
 * servers give several answers to one. */

#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/util.h"
#include "net/chat-answer.h"
#include "net/dialect.h"

#define PATH "/chat/completions"
#define DATA_URL "data:%s;base64,"

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

static json_t *data_url(const Bytes *picture)
{
        const char *type = picture->size > 1 && picture->data[0] == '\xff' ? "image/jpeg" : "image/png";
        char start[64];
        size_t n = (size_t)snprintf(start, sizeof(start), DATA_URL, type);
        _cleanup_(freep) char *url = malloc(n + (picture->size + 2) / 3 * 4 + 1);

        if (!url)
                return NULL;
        memcpy(url, start, n);
        (void)EVP_EncodeBlock((uint8_t *)url + n, (const uint8_t *)picture->data, (int)picture->size);
        return json_string(url);
}

/* What the user says: a text; or a text and a picture. */
static json_t *question(const Talk *talk)
{
        const Bytes *text = part(talk, NET_PART_PROMPT), *picture = part(talk, NET_PART_PICTURE);

        if (!picture)
                return message("user", text);
        return json_pack("{s:s, s:[{s:s, s:s%}, {s:s, s:{s:o}}]}", "role", "user", "content", "type", "text", "text",
                         text ? text->data : "", text ? text->size : (size_t)0, "type", "image_url", "image_url", "url",
                         data_url(picture));
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

static char *make_body(const Talk *talk)
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
                r = set(root, "seed", json_integer((json_int_t)((ask->seed + talk->n_results) & INT64_MAX)));
        if (r >= 0)
                r = set(root, "stream", json_boolean(ask->flags & NET_ASK_STREAM));
        return r < 0 ? NULL : json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(6));
}

static int compose(const Talk *talk, HttpRequest *request, Error *error)
{
        _cleanup_(freep) char *body = make_body(talk);

        request->method = "POST";
        request->key_header = dialect_chat.key_header;
        request->body.max = NET_REQUEST_MAX;
        int r = body ? bytes_add_text(&request->body, body) : -ENOMEM;
        if (r >= 0)
                r = http_request_url(request, talk->ask->url, PATH);
        if (r >= 0)
                r = http_request_header(request, "Content-Type: application/json");
        if (r >= 0)
                r = http_request_header(request, talk->ask->flags & NET_ASK_STREAM ? "Accept: text/event-stream"
                                                                                    : "Accept: application/json");
        return r < 0 ? error_set(error, r, "The request cannot be written: %s", strerror(-r)) : 1;
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

/* A message may quote the request. It goes to the caller alone. */
static bool explain(const Talk *talk, const HttpAnswer *answer, Error *error)
{
        char message[256], code[64];
        long status = answer->status;

        chat_error_read(answer->body.data, answer->body.size, message, code);
        const char *colon = message[0] ? ": " : "";
        bool is_spent = streq(code, "insufficient_quota") || streq(code, "billing_hard_limit_reached");
        if (status == 401 || status == 403) /* what the server says to it may hold parts of the key */
                (void)error_set(error, NET_KEY_REJECTED, talk->ask->key[0] ? "The server does not accept the key %s (status %ld)"
                                                                          : "The server wants a key%s (status %ld)",
                                talk->ask->key, status);
        else if (streq(code, "content_filter") || streq(code, "content_policy_violation") || streq(code, "moderation_blocked"))
                (void)error_set(error, NET_REFUSED, "The server refused%s%s", colon, message);
        else if (is_spent || status == 402)
                (void)error_set(error, NET_LIMITED, "The account at the server is spent%s%s", colon, message);
        else if (status == 429)
                (void)error_set(error, NET_LIMITED, "The server has had too many requests%s%s", colon, message);
        else
                (void)error_set(error, NET_BAD_ANSWER, "The server failed (status %ld)%s%s", status, colon, message);
        return is_spent || error->code == NET_REFUSED;
}

const Dialect dialect_chat = {
        .key_header = "Authorization: Bearer ",
        .check = check,
        .next = next,
        .event = event,
        .explain = explain,
        .done = done,
};
