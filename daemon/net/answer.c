/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/base64.h"
#include "base/util.h"
#include "net/answer.h"
#include "net/clean.h"
#include "net/json-text.h"

void answer_copy(char *field, size_t size, const json_t *value)
{
        const char *text = json_string_value(value);

        if (!text)
                return;
        (void)snprintf(field, size, "%s", text);
        clean_line(field);
}

uint64_t answer_number(const json_t *value)
{
        json_int_t n = json_integer_value(value);
        return n > 0 ? (uint64_t)n : 0;
}

void answer_seed(NetResult *result, const json_t *value)
{
        const json_int_t seed = json_is_integer(value) ? json_integer_value(value) : -1;

        result->has_seed = seed >= 0;
        result->seed = seed >= 0 ? (uint64_t)seed : 0;
}

json_t *answer_load(const HttpAnswer *answer, const char *what, Error *error)
{
        json_t *root = json_text_load(answer->body.data, answer->body.size);

        if (json_is_object(root))
                return root;
        json_decref(root);
        (void)error_set(error, NET_BAD_ANSWER, "The server's answer is no %s", what);
        return NULL;
}

/* Of an error object, a list of which the first says it, or a text in its place. */
static const json_t *error_message(const json_t *error)
{
        static const char *const names[] = { "message", "msg", "description" };

        if (json_is_array(error))
                error = json_array_get(error, 0);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (json_is_string(json_object_get(error, names[i])))
                        return json_object_get(error, names[i]);
        return error;
}

void answer_error(const char *json, size_t size, char ret_message[static 256], char ret_code[static 64])
{
        static const char *const places[] = { "error", "errors", "detail" }, *const codes[] = { "name", "type", "code" };
        _cleanup_(json_decrefp) json_t *root = json_text_load(json, size);
        const json_t *error = NULL;

        ret_message[0] = ret_code[0] = '\0';
        for (size_t i = 0; i < ELEMENTSOF(places) && !error; i++)
                error = json_object_get(root, places[i]);
        answer_copy(ret_message, 256, error_message(error ? error : root));
        for (size_t i = 0; i < ELEMENTSOF(codes); i++) {
                answer_copy(ret_code, 64, json_object_get(root, codes[i]));
                answer_copy(ret_code, 64, json_object_get(error, codes[i]));
        }
}

/* A message may quote the request. It goes to the caller alone. */
bool answer_explain(const Talk *talk, const HttpAnswer *answer, bool is_refusal, const char *message, const char *code, Error *error)
{
        const char *colon = message[0] ? ": " : "";
        long status = answer->status;
        bool is_spent = streq(code, "insufficient_quota") || streq(code, "billing_hard_limit_reached");

        if (is_refusal)
                (void)error_set(error, NET_REFUSED, "The server refused%s%s", colon, message);
        else if (status == 401 || status == 403) /* what the server says to it may hold parts of the key */
                (void)error_set(error, NET_KEY_REJECTED, talk->ask->key[0] ? "The server does not accept the key %s (status %ld)"
                                                                          : "The server wants a key%s (status %ld)",
                                talk->ask->key, status);
        else if (is_spent || status == 402)
                (void)error_set(error, NET_LIMITED, "The account at the server is spent%s%s", colon, message);
        else if (status == 429)
                (void)error_set(error, NET_LIMITED, "The server has had too many requests%s%s", colon, message);
        else
                (void)error_set(error, NET_BAD_ANSWER, "The server failed (status %ld)%s%s", status, colon, message);
        return is_spent || is_refusal;
}

bool answer_task(char ret[static 128], const json_t *value)
{
        const char *id = json_string_value(value);

        if (!id || id[0] == '\0' || strlen(id) >= 128 ||
            id[strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")] != '\0')
                return false;
        (void)snprintf(ret, 128, "%s", id);
        return true;
}

bool answer_explain_plain(const Talk *talk, const HttpAnswer *answer, Error *error)
{
        char message[256], code[64];

        answer_error(answer->body.data, answer->body.size, message, code);
        return answer_explain(talk, answer, false, message, code, error);
}

bool answer_explain_link(const HttpAnswer *answer, Error *error)
{
        const long status = answer->status;

        if (status == 403 || status == 404 || status == 410)
                (void)error_set(error, NET_BAD_ANSWER, "The picture is not at its address any more (status %ld)", status);
        else
                (void)error_set(error, NET_BAD_ANSWER, "The picture cannot be fetched (status %ld)", status);
        return false;
}

static bool starts_as_picture(const char *data, size_t size)
{
        return (size >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0) || (size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0) ||
               (size >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0);
}

int answer_picture(Talk *talk, const NetResult *result, const void *data, size_t size, Error *error)
{
        if (size > NET_DRAWN_MAX)
                return error_set(error, NET_BAD_ANSWER, "The server's picture has more than %u bytes", NET_DRAWN_MAX);
        if (!starts_as_picture(data, size))
                return error_set(error, NET_BAD_ANSWER, "What the server sent is no PNG, JPEG or WebP");
        int r = talk->deliver(talk, result, data, size);
        return r < 0 ? error_set(error, r, "The picture cannot be handed over: %s", strerror(-r)) : 0;
}

int answer_body(Talk *talk, NetResult *result, const HttpAnswer *answer, Error *error)
{
        (void)snprintf(result->mime, sizeof(result->mime), "%.63s", answer->type);
        return answer_picture(talk, result, answer->body.size > 0 ? answer->body.data : "", answer->body.size, error);
}

int answer_base64(Talk *talk, const NetResult *result, json_t *text, Error *error)
{
        char *data = (char *)json_string_value(text); /* it is ours, and read once */
        const char *comma = data && strncmp(data, "data:", strlen("data:")) == 0 ? strchr(data, ',') : NULL;

        if (comma)
                data += comma + 1 - data;
        ssize_t n = data ? base64_decode(data, strlen(data)) : -EBADMSG;
        if (n <= 0)
                return error_set(error, NET_BAD_ANSWER, "The server's picture is no base64");
        return answer_picture(talk, result, data, (size_t)n, error);
}

int answer_check(Talk *talk, json_t *models, double credits, Error *error)
{
        static const NetResult result = { .kind = NET_RESULT_CHECK };
        _cleanup_(json_decrefp) json_t *root = json_object();
        _cleanup_(freep) char *text = NULL;

        if (models)
                (void)json_object_set(root, "models", models);
        if (isfinite(credits) && credits >= 0)
                (void)json_object_set_new(root, "credits", json_real(credits));
        text = json_dumps(root, JSON_COMPACT);
        int r = !text ? -ENOMEM : strlen(text) > NET_TEXT_MAX ? -EFBIG : talk->deliver(talk, &result, text, strlen(text));
        return r < 0 ? error_set(error, r, "What the server says of itself cannot be handed over: %s", strerror(-r)) : 0;
}

int answer_openai_models(Talk *talk, const HttpAnswer *answer, Error *error)
{
        return answer_models(talk, answer, "data", "id", error);
}

int answer_is_there(Talk *talk, const HttpAnswer *answer, Error *error)
{
        (void)answer;
        return answer_check(talk, NULL, -1, error);
}

#define MODELS_MAX 100

int answer_models(Talk *talk, const HttpAnswer *answer, const char *list, const char *name, Error *error)
{
        _cleanup_(json_decrefp) json_t *root = json_text_load(answer->body.data, answer->body.size);
        _cleanup_(json_decrefp) json_t *models = json_array();
        json_t *entries = list[0] ? json_object_get(root, list) : root, *entry;
        size_t i;

        if (!json_is_array(entries))
                return error_set(error, NET_BAD_ANSWER, "The server does not say which models it has");
        json_array_foreach(entries, i, entry) {
                char model[128] = "";

                answer_copy(model, sizeof(model), json_object_get(entry, name));
                if (model[0] && json_array_size(models) < MODELS_MAX)
                        (void)json_array_append_new(models, json_string(model));
        }
        return answer_check(talk, models, -1, error);
}
