/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/util.h"
#include "net/chat-answer.h"
#include "net/clean.h"

void chat_answer_init(ChatAnswer *answer)
{
        *answer = (ChatAnswer) { .content = { .max = 4U * NET_TEXT_MAX }, .refusal = { .max = NET_TEXT_MAX } };
}

void chat_answer_done(ChatAnswer *answer)
{
        bytes_done(&answer->content);
        bytes_done(&answer->refusal);
}

static void copy(char *field, size_t size, const json_t *value)
{
        const char *text = json_string_value(value);

        if (!text)
                return;
        (void)snprintf(field, size, "%s", text);
        clean_line(field);
}

/* A text, or a list of pieces of which some are texts. */
static int take_text(Bytes *bytes, json_t *value)
{
        json_t *piece;
        size_t i;
        int r = 0;

        if (json_is_string(value))
                return bytes_add(bytes, json_string_value(value), json_string_length(value));
        json_array_foreach(value, i, piece) {
                json_t *text = json_object_get(piece, "text");
                if (r >= 0 && json_is_string(text))
                        r = bytes_add(bytes, json_string_value(text), json_string_length(text));
        }
        return r;
}

static uint64_t number(const json_t *value)
{
        json_int_t n = json_integer_value(value);
        return n > 0 ? (uint64_t)n : 0;
}

/* Of an error object, or of a text in its place. */
static const json_t *error_message(const json_t *error)
{
        const json_t *message = json_object_get(error, "message");
        return message ? message : error;
}

static int take_choice(ChatAnswer *answer, const json_t *choice)
{
        const json_t *message = json_object_get(choice, "message");

        if (!message)
                message = json_object_get(choice, "delta");
        int r = take_text(&answer->content, json_object_get(message, "content"));
        if (r >= 0)
                r = take_text(&answer->refusal, json_object_get(message, "refusal"));
        copy(answer->finish, sizeof(answer->finish), json_object_get(choice, "finish_reason"));
        return r;
}

int chat_answer_take(ChatAnswer *answer, const char *json, size_t size)
{
        if (size == strlen("[DONE]") && memcmp(json, "[DONE]", size) == 0) {
                answer->is_over = true;
                return 0;
        }
        if (answer->is_over)
                return 0;

        _cleanup_(json_decrefp) json_t *root = json_loadb(json, size, 0, NULL);
        const json_t *error = json_object_get(root, "error"), *usage = json_object_get(root, "usage");
        json_t *choices = json_object_get(root, "choices");

        if (!json_is_object(root))
                return -EBADMSG;
        if (error && !json_is_null(error)) {
                char text[256] = "no reason given";
                copy(text, sizeof(text), error_message(error));
                (void)error_set(&answer->error, NET_BAD_ANSWER, "The server failed: %s", text);
                return 0;
        }
        if (!json_is_array(choices))
                return -EBADMSG;
        copy(answer->model, sizeof(answer->model), json_object_get(root, "model"));
        if (json_is_object(usage)) {
                answer->tokens_in = number(json_object_get(usage, "prompt_tokens"));
                answer->tokens_out = number(json_object_get(usage, "completion_tokens"));
        }
        /* One answer was asked for; the last piece of a stream may have none. */
        const json_t *choice = json_array_get(choices, 0);
        return choice ? take_choice(answer, choice) : 0;
}

static int refuse(const ChatAnswer *answer, Error *error)
{
        char reason[256] = "";

        if (answer->refusal.size > 0)
                (void)snprintf(reason, sizeof(reason), "%s", answer->refusal.data);
        clean_line(reason);
        return error_set(error, NET_REFUSED, reason[0] ? "The server refused: %s" : "The server refused%s", reason);
}

int chat_answer_conclude(ChatAnswer *answer, NetResult *ret, Error *error)
{
        if (answer->error.code < 0) {
                *error = answer->error;
                return error->code;
        }
        if (answer->refusal.size > 0)
                return refuse(answer, error);
        if (streq(answer->finish, "content_filter"))
                return error_set(error, NET_REFUSED, "The server's content filter refused");
        if (answer->content.size > 0)
                clean_text(answer->content.data);
        answer->content.size = answer->content.size > 0 ? strlen(answer->content.data) : 0;

        bool is_cut = streq(answer->finish, "length");
        if (answer->content.size == 0)
                return error_set(error, NET_BAD_ANSWER, is_cut ? "The server reached its limit of tokens before it said anything"
                                                               : "The server answered nothing");
        if (answer->content.size > NET_TEXT_MAX)
                return error_set(error, NET_BAD_ANSWER, "The server's text is longer than %u bytes", NET_TEXT_MAX);
        ret->truncated = is_cut;
        ret->tokens_in = answer->tokens_in;
        ret->tokens_out = answer->tokens_out;
        (void)snprintf(ret->model, sizeof(ret->model), "%s", answer->model);
        return 0;
}

void chat_error_read(const char *json, size_t size, char ret_message[static 256], char ret_code[static 64])
{
        _cleanup_(json_decrefp) json_t *root = size > 0 ? json_loadb(json, size, 0, NULL) : NULL;
        const json_t *error = json_object_get(root, "error");

        ret_message[0] = ret_code[0] = '\0';
        if (!error)
                error = json_object_get(root, "detail") ? json_object_get(root, "detail") : root;
        copy(ret_message, 256, error_message(error));
        copy(ret_code, 64, json_object_get(error, "code"));
        if (ret_code[0] == '\0')
                copy(ret_code, 64, json_object_get(error, "type"));
}
