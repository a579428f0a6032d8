/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/request.h"
#include "base/util.h"
#include "net/answer.h"
#include "net/compose.h"
#include "net/program-lines.h"
#include "net/program.h"
#include "net/sandbox.h"

#define FORMAT 1
#define CANCEL "{\"type\":\"cancel\"}\n"

/* One job of a program. */
typedef struct Run {
        Conversation *conversation;
        Program program;
        ProgramLines lines;
        uint64_t deadline; /* CLOCK_MONOTONIC, µs */
} Run;

static int add_options(const Talk *talk, json_t *body)
{
        const NetAsk *ask = talk->ask;
        const NetDraw *draw = &ask->draw;
        const struct {
                const char *name;
                double value;
        } numbers[] = {
                { "width", draw->width > 0 ? (double)draw->width : -1 },
                { "height", draw->height > 0 ? (double)draw->height : -1 },
                { "steps", draw->steps > 0 ? (double)draw->steps : -1 },
                { "compression", draw->compression > 0 ? (double)draw->compression : -1 },
                { "guidance", draw->guidance },
                { "strength", draw->strength },
                { "count", ask->count },
                { "previews", draw->previews },
                { "seconds", ask->limits.total_ms / 1000.0 },
        };
        const char *const texts[][2] = {
                { "model", ask->model }, { "quality", draw->quality }, { "style", draw->style }, { "background", draw->background },
                { "moderation", draw->moderation }, { "format", format_to_string((PictureFormat)draw->format) },
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(numbers) && r >= 0; i++)
                r = compose_number(body, numbers[i].name, numbers[i].value);
        for (size_t i = 0; i < ELEMENTSOF(texts) && r >= 0; i++)
                r = compose_text(body, texts[i][0], texts[i][1]);
        return r >= 0 && ask->flags & NET_ASK_SEED ? compose_seed(body, "seed", talk_seed(talk)) : r;
}

/* The line that it gets; NULL: memory is short. To be freed. */
static char *write_request(const Conversation *c)
{
        const bool draws = !(c->ask.flags & NET_ASK_CHECK);
        _cleanup_(json_decrefp) json_t *body = json_pack("{s:i, s:s, s:b}", "version", FORMAT, "type", draws ? "draw" : "check",
                                                         "key", c->ask.key[0] != '\0');
        int r = body ? 0 : -ENOMEM;

        if (r >= 0 && draws)
                r = compose_part(body, "prompt", &c->parts[NET_PART_PROMPT]);
        if (r >= 0 && draws)
                r = compose_part(body, "negative_prompt", &c->parts[NET_PART_NEGATIVE]);
        if (r >= 0 && draws)
                r = add_options(&c->talk, body);
        if (r >= 0 && draws)
                r = json_object_set_new(body, "picture", json_boolean(c->parts[NET_PART_PICTURE].size > 0));
        if (r >= 0 && draws)
                r = json_object_set_new(body, "mask", json_boolean(c->parts[NET_PART_MASK].size > 0));
        return r < 0 ? NULL : json_dumps(body, JSON_COMPACT | JSON_REAL_PRECISION(6));
}

/* It has room for all of it, or does not read. */
static int send_all(int fd, const char *text, size_t size)
{
        return write(fd, text, size) == (ssize_t)size ? 0 : -EPIPE;
}

/* Something is there. 1, or 0: it has ended. */
static int hear(Run *run, Error *error)
{
        char buffer[65536];
        ssize_t n = read(run->program.out, buffer, sizeof(buffer));

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 1 : error_set(error, NET_BAD_ANSWER, "The provider cannot be read");
        if (n == 0)
                return 0;
        int r = program_lines_take(&run->lines, buffer, (size_t)n, error);
        return r < 0 ? r : 1;
}

static int ms_left(uint64_t deadline)
{
        const uint64_t now = clock_usec(CLOCK_MONOTONIC);

        return deadline > now ? (int)MIN((deadline - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC, UINT64_C(60000)) : 0;
}

/* Until it has ended, or is to end. */
static int listen_to(Run *run, Error *error)
{
        Conversation *c = run->conversation;

        for (;;) {
                struct pollfd fds[] = { { .fd = run->program.out, .events = POLLIN }, { .fd = c->socket, .events = POLLIN } };
                const int left = ms_left(run->deadline);

                if (left == 0)
                        return error_set(error, NET_UNREACHABLE, "The provider took longer than the %u s that it may take",
                                         c->ask.limits.total_ms / 1000);
                if (poll(fds, ELEMENTSOF(fds), left) < 0 && errno != EINTR)
                        return error_set(error, -errno, "The provider cannot be waited for: %s", strerror(errno));
                if (fds[1].revents && conversation_is_stopped(c))
                        return error_set(error, -ECANCELED, "It was cancelled");
                int r = fds[0].revents ? hear(run, error) : 1;
                if (r <= 0)
                        return r;
        }
}

/* It may tell its server that the task is wanted no more; what it says meanwhile is not heard. */
static void take_back(Run *run)
{
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + NET_CANCEL_MS * USEC_PER_MSEC;
        char buffer[4096];
        ssize_t n = -1;

        (void)send_all(run->program.in, CANCEL, strlen(CANCEL));
        (void)close(TAKE_FD(run->program.in));
        for (int left; n != 0 && (left = ms_left(end)) > 0;) {
                struct pollfd fd = { .fd = run->program.out, .events = POLLIN };
                n = poll(&fd, 1, left) > 0 ? read(run->program.out, buffer, sizeof(buffer)) : -1;
        }
}

static int give_key(Run *run, Error *error)
{
        Conversation *c = run->conversation;
        int r = 0;

        if (c->ask.key[0]) {
                (void)conversation_tell(c, NET_STAGE_KEY);
                r = key_fetch(&c->key, c->ask.key, c->ask.limits.connect_ms, error);
                if (r >= 0 && send_all(run->program.key, c->key.text, strlen(c->key.text)) < 0)
                        r = error_set(error, NET_BAD_ANSWER, "The provider does not take its key");
        }
        (void)close(TAKE_FD(run->program.key));
        return r;
}

/* It gets its key once it stands, and the request once we have shut ourselves in. */
static int ask_program(Run *run, Error *error)
{
        Conversation *c = run->conversation;
        _cleanup_(freep) char *request = write_request(c);

        int r = request ? program_start(&run->program, c->ask.url, c->parts, error) : error_set(error, -ENOMEM, "Out of memory");
        if (r >= 0)
                r = give_key(run, error);
        if (r >= 0)
                r = net_sandbox_enter(NULL, 0, error);
        if (r < 0)
                return r;
        if (conversation_tell(c, NET_STAGE_WAITING) < 0)
                return error_set(error, -ECANCELED, "It was cancelled");
        run->lines = (ProgramLines) {
                .talk = &c->talk, .pictures = run->program.pictures, .line = { .max = c->ask.limits.answer_bytes },
                .may_cost = !(c->ask.flags & NET_ASK_CHECK),
        };
        if (send_all(run->program.in, request, strlen(request)) < 0 || send_all(run->program.in, "\n", 1) < 0)
                return error_set(error, NET_BAD_ANSWER, "The provider ended before it was asked");
        r = listen_to(run, error);
        c->may_cost = run->lines.may_cost;
        c->wait_s = run->lines.wait_s;
        if (r < 0)
                take_back(run);
        return r;
}

int program_hold(Conversation *c, Error *error)
{
        Run run = {
                .conversation = c, .program = PROGRAM_NONE,
                .deadline = clock_usec(CLOCK_MONOTONIC) + c->ask.limits.total_ms * USEC_PER_MSEC,
        };
        const uint32_t wanted = c->ask.flags & NET_ASK_CHECK ? 1 : c->ask.count;

        int r = ask_program(&run, error);
        if (r >= 0 && c->talk.n_results < wanted)
                r = error_set(error, NET_BAD_ANSWER, "The provider ended without an answer");
        program_stop(&run.program);
        bytes_done(&run.lines.line);
        return r;
}

int program_show(Conversation *c, Error *error)
{
        static const NetResult result = { .kind = NET_RESULT_REQUEST };
        _cleanup_(freep) char *request = write_request(c);

        int r = request ? c->talk.deliver(&c->talk, &result, request, strlen(request)) : -ENOMEM;
        return r < 0 ? error_set(error, r, "The request cannot be written: %s", strerror(-r)) : 0;
}
