/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/util.h"
#include "client/mcp/lines.h"

#define PIECE 4096U /* PIPE_BUF: what a pipe that can be written to takes at once */
#define READ_BYTES 65536U
#define WAITING_BYTES_MAX (4U << 20) /* of output: with more nothing is read */

struct Lines {
        LinesHooks hooks;
        int in, out;
        sd_event_source *reader, *writer;
        char *line; /* what has come of the present one */
        size_t size, room;
        bool is_passed_over; /* the present one is too long */
        bool has_ended;
        char *waiting;
        size_t n_waiting, waiting_room;
};

static void end(Lines *l)
{
        if (l->has_ended)
                return;
        l->has_ended = true;
        (void)sd_event_source_set_enabled(l->reader, SD_EVENT_OFF);
        l->hooks.on_end(l->hooks.userdata);
}

static int make_room(char **buffer, size_t *room, size_t wanted)
{
        size_t size = MAX(*room, (size_t)PIECE);

        while (size < wanted)
                size *= 2;
        if (size == *room)
                return 0;
        char *grown = realloc(*buffer, size);
        if (!grown)
                return -ENOMEM;
        *buffer = grown;
        *room = size;
        return 0;
}

/* A piece without the end of a line. */
static void take_piece(Lines *l, const char *piece, size_t size)
{
        if (l->is_passed_over)
                return;
        if (l->size + size > LINE_MAX_BYTES || make_room(&l->line, &l->room, l->size + size + 1) < 0) {
                l->is_passed_over = true;
                return;
        }
        memcpy(l->line + l->size, piece, size);
        l->size += size;
}

static void end_line(Lines *l)
{
        const bool is_passed_over = l->is_passed_over;
        size_t size = l->size;

        l->size = 0;
        l->is_passed_over = false;
        if (is_passed_over) {
                l->hooks.on_long_line(l->hooks.userdata);
                return;
        }
        if (size > 0 && l->line[size - 1] == '\r')
                size--;
        if (size == 0)
                return;
        l->line[size] = '\0';
        l->hooks.on_line(l->line, size, l->hooks.userdata);
}

static void take(Lines *l, const char *data, size_t size)
{
        while (size > 0 && !l->has_ended) {
                const char *newline = memchr(data, '\n', size);
                const size_t piece = newline ? (size_t)(newline - data) : size;

                take_piece(l, data, piece);
                if (!newline)
                        return;
                end_line(l);
                data += piece + 1;
                size -= piece + 1;
        }
}

static int on_readable(Lines *l)
{
        char buffer[READ_BYTES];

        ssize_t n = read(l->in, buffer, sizeof(buffer));
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
                return 0;
        if (n > 0)
                take(l, buffer, (size_t)n);
        else
                end(l); /* what has come of a last line is none: it may be cut off */
        return 0;
}

static int on_in(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        (void)source, (void)fd, (void)events;
        return on_readable(userdata);
}

/* A file is always readable. */
static int on_file(sd_event_source *source, void *userdata)
{
        (void)source;
        return on_readable(userdata);
}

/* Never more than can be written at once: the descriptor may be one that waits. */
static ssize_t put(int fd, const char *data, size_t size)
{
        ssize_t n = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

        return n < 0 && errno == ENOTSOCK ? write(fd, data, MIN(size, (size_t)PIECE)) : n;
}

/* 0, or a negative errno when nobody reads any more. */
static int put_waiting(Lines *l)
{
        ssize_t n = l->n_waiting > 0 ? put(l->out, l->waiting, l->n_waiting) : 0;

        if (n < 0)
                return errno == EINTR || errno == EAGAIN ? 0 : -errno;
        memmove(l->waiting, l->waiting + n, l->n_waiting - (size_t)n);
        l->n_waiting -= (size_t)n;
        return 0;
}

static int set_enabled(Lines *l)
{
        int r = sd_event_source_set_enabled(l->writer, l->n_waiting > 0 ? SD_EVENT_ON : SD_EVENT_OFF);

        if (r >= 0 && !l->has_ended)
                r = sd_event_source_set_enabled(l->reader, l->n_waiting < WAITING_BYTES_MAX ? SD_EVENT_ON : SD_EVENT_OFF);
        return r;
}

static int on_writable(Lines *l)
{
        if (put_waiting(l) < 0) {
                l->n_waiting = 0;
                end(l);
        }
        return set_enabled(l);
}

static int on_out(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
        (void)source, (void)fd, (void)events;
        return on_writable(userdata);
}

static int on_out_file(sd_event_source *source, void *userdata)
{
        (void)source;
        return on_writable(userdata);
}

int lines_write(Lines *l, const char *text, size_t size)
{
        int r = make_room(&l->waiting, &l->waiting_room, l->n_waiting + size + 1);

        if (r < 0)
                return r;
        memcpy(l->waiting + l->n_waiting, text, size);
        l->waiting[l->n_waiting + size] = '\n';
        l->n_waiting += size + 1;
        return set_enabled(l);
}

void lines_drain(Lines *l, int msec)
{
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + (uint64_t)msec * USEC_PER_MSEC;
        struct pollfd fd = { .fd = l->out, .events = POLLOUT };

        for (uint64_t now; l->n_waiting > 0 && (now = clock_usec(CLOCK_MONOTONIC)) < end;)
                if (poll(&fd, 1, (int)((end - now) / USEC_PER_MSEC) + 1) > 0 && put_waiting(l) < 0)
                        l->n_waiting = 0;
}

/* What epoll does not take is a file, and is never waited for. */
static int add(sd_event *event, int fd, uint32_t events, sd_event_io_handler_t on_io, sd_event_handler_t on_ready, Lines *l,
               sd_event_source **ret)
{
        int r = sd_event_add_io(event, ret, fd, events, on_io, l);

        if (r == -EPERM)
                r = sd_event_add_defer(event, ret, on_ready, l);
        return r;
}

int lines_new(sd_event *event, int in, int out, const LinesHooks *hooks, Lines **ret)
{
        Lines *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        *l = (Lines) { .hooks = *hooks, .in = in, .out = out };
        int r = add(event, in, EPOLLIN, on_in, on_file, l, &l->reader);
        if (r >= 0)
                r = add(event, out, EPOLLOUT, on_out, on_out_file, l, &l->writer);
        if (r >= 0)
                r = set_enabled(l);
        if (r < 0) {
                lines_free(l);
                return r;
        }
        *ret = l;
        return 0;
}

Lines *lines_free(Lines *l)
{
        if (!l)
                return NULL;
        (void)sd_event_source_disable_unref(l->reader);
        (void)sd_event_source_disable_unref(l->writer);
        free(l->line);
        free(l->waiting);
        free(l);
        return NULL;
}
