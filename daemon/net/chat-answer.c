/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/util.h"
#include "net/answer.h"
#include "net/chat-answer.h"
#include "net/clean.h"
#include "net/json-text.h"

void chat_answer_init(ChatAnswer *answer)
{
        *answer = (ChatAnswer) { .content = { .max = 4U * NET_TEXT_MAX }, .refusal = { .max = NET_TEXT_MAX } };
}

void chat_answer_done(ChatAnswer *answer)
{
        bytes_done(&answer->content);
        bytes_done(&answer->refusal);
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

static int take_choice(ChatAnswer *answer, const json_t *choice)
{
        const json_t *message = json_object_get(choice, "message");

        if (!message)
                message = json_object_get(choice, "delta");
        int r = take_text(&answer->content, json_object_get(message, "content"));
        if (r >= 0)
                r = take_text(&answer->refusal, json_object_get(message, "refusal"));
        answer_copy(answer->finish, sizeof(answer->finish), json_object_get(choice, "finish_reason"));
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

        _cleanup_(json_decrefp) json_t *root = json_text_load(json, size);
        const json_t *error = json_object_get(root, "error"), *usage = json_object_get(root, "usage");
        json_t *choices = json_object_get(root, "choices");

        if (!json_is_object(root))
                return -EBADMSG;
        if (error && !json_is_null(error)) {
                char text[256] = "no reason given";
                answer_copy(text, sizeof(text), json_is_object(error) ? json_object_get(error, "message") : error);
                (void)error_set(&answer->error, NET_BAD_ANSWER, "The server failed: %s", text);
                return 0;
        }
        if (!json_is_array(choices))
                return -EBADMSG;
        answer_copy(answer->model, sizeof(answer->model), json_object_get(root, "model"));
        if (json_is_object(usage)) {
                answer->tokens_in = answer_number(json_object_get(usage, "prompt_tokens"));
                answer->tokens_out = answer_number(json_object_get(usage, "completion_tokens"));
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
