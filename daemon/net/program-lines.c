/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "net/answer.h"
#include "net/json-text.h"
#include "net/program-lines.h"

#define LINES_MAX 10000

/* "reason" of an error; what is none of these is a failure. */
static int code_for(const char *reason)
{
        static const struct {
                const char *reason;
                int code;
        } codes[] = {
                { "refused", NET_REFUSED }, { "key", NET_KEY_REJECTED }, { "limited", NET_LIMITED },
                { "unreachable", NET_UNREACHABLE }, { "unsupported", NET_UNSUPPORTED },
        };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (streq(reason, codes[i].reason))
                        return codes[i].code;
        return NET_BAD_ANSWER;
}

static int take_error(ProgramLines *lines, const json_t *line, Error *error)
{
        const uint64_t wait = answer_number(json_object_get(line, "retry_after"));
        char reason[32] = "", message[256] = "no reason given";

        answer_copy(reason, sizeof(reason), json_object_get(line, "reason"));
        answer_copy(message, sizeof(message), json_object_get(line, "message"));
        lines->wait_s = (uint32_t)MIN(wait, UINT64_C(86400));
        lines->may_cost = json_is_true(json_object_get(line, "may_cost"));
        return error_set(error, code_for(reason), streq(reason, "refused") ? "The provider refused: %s" : "The provider failed: %s", message);
}

static NetResult describe(const json_t *line, NetResultKind kind)
{
        const json_t *cost = json_object_get(line, "cost");
        NetResult result = { .kind = kind, .cost = -1 };

        answer_seed(&result, json_object_get(line, "seed"));
        if (json_is_number(cost) && json_number_value(cost) >= 0)
                result.cost = json_number_value(cost);
        answer_copy(result.currency, sizeof(result.currency), json_object_get(line, "currency"));
        answer_copy(result.mime, sizeof(result.mime), json_object_get(line, "mime"));
        answer_copy(result.model, sizeof(result.model), json_object_get(line, "model"));
        answer_copy(result.revised, sizeof(result.revised), json_object_get(line, "revised_prompt"));
        return result;
}

/* So many bytes that it has written behind those before. */
static int take_written(ProgramLines *lines, const NetResult *result, uint64_t size, Error *error)
{
        _cleanup_(freep) char *data = size > 0 && size <= NET_DRAWN_MAX ? malloc(size) : NULL;
        size_t got = 0;

        while (data && got < size) {
                ssize_t n = pread(lines->pictures, data + got, size - got, lines->taken + (off_t)got);
                if (n <= 0)
                        break;
                got += (size_t)n;
        }
        if (!data || got < size)
                return error_set(error, NET_BAD_ANSWER, "The provider has not written the picture that it speaks of");
        lines->taken += (off_t)size;
        return answer_picture(lines->talk, result, data, size, error);
}

static int take_picture(ProgramLines *lines, const json_t *line, NetResultKind kind, Error *error)
{
        const NetResult result = describe(line, kind);
        Talk *talk = lines->talk;

        if (talk->n_results >= talk->ask->count)
                return error_set(error, NET_BAD_ANSWER, "The provider has drawn more than was asked for");
        if (json_object_get(line, "base64"))
                return answer_base64(talk, &result, json_object_get(line, "base64"), error);
        return take_written(lines, &result, answer_number(json_object_get(line, "bytes")), error);
}

static void take_progress(ProgramLines *lines, const json_t *line)
{
        const json_t *fraction = json_object_get(line, "fraction");
        const double f = json_is_number(fraction) ? json_number_value(fraction) : -1;
        char task[128] = "";

        answer_copy(task, sizeof(task), json_object_get(line, "task"));
        lines->talk->progress(lines->talk, f >= 0 ? NET_STAGE_DRAWING : NET_STAGE_QUEUED, f >= 0 && f <= 1 ? f : -1, task);
}

static int take_check(ProgramLines *lines, const json_t *line, Error *error)
{
        const json_t *credits = json_object_get(line, "credits");
        json_t *models = json_object_get(line, "models");

        if (!(lines->talk->ask->flags & NET_ASK_CHECK) || lines->talk->n_results > 0)
                return error_set(error, NET_BAD_ANSWER, "The provider answers what was not asked");
        return answer_check(lines->talk, json_is_array(models) ? models : NULL,
                            json_is_number(credits) ? json_number_value(credits) : -1, error);
}

/* What it says that is not known here is for later versions. */
static int take_line(ProgramLines *lines, const char *text, size_t size, Error *error)
{
        _cleanup_(json_decrefp) json_t *line = json_text_load(text, size);
        const bool draws = !(lines->talk->ask->flags & NET_ASK_CHECK);
        char type[32] = "";

        if (!json_is_object(line) || ++lines->n_lines > LINES_MAX)
                return error_set(error, NET_BAD_ANSWER, "The provider does not speak as docs/providers.md has it");
        answer_copy(type, sizeof(type), json_object_get(line, "type"));
        if (streq(type, "error"))
                return take_error(lines, line, error);
        if (streq(type, "check"))
                return take_check(lines, line, error);
        if (streq(type, "progress"))
                take_progress(lines, line);
        if (draws && streq(type, "partial"))
                return take_picture(lines, line, NET_RESULT_PARTIAL, error);
        return draws && streq(type, "picture") ? take_picture(lines, line, NET_RESULT_PICTURE, error) : 0;
}

int program_lines_take(ProgramLines *lines, const char *bytes, size_t size, Error *error)
{
        for (const char *end; (end = memchr(bytes, '\n', size));) {
                const size_t n = (size_t)(end - bytes);
                int r = bytes_add(&lines->line, bytes, n);

                if (r >= 0 && lines->line.size > 0)
                        r = take_line(lines, lines->line.data, lines->line.size, error);
                if (r < 0)
                        return r == -EFBIG ? error_set(error, NET_BAD_ANSWER, "The provider's line is too long") : r;
                bytes_clear(&lines->line);
                bytes += n + 1;
                size -= n + 1;
        }
        return bytes_add(&lines->line, bytes, size) < 0 ? error_set(error, NET_BAD_ANSWER, "The provider's line is too long") : 0;
}
