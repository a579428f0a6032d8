/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Jobs for the real worker program:
 *
 *     Child child = start(TINY);
 *     (void)expect(&child, MESSAGE_READY, 0);
 *     _cleanup_(freep) Message *m = new_job(1, "a red fox");
 *     send_job(&child, m);
 *     (void)expect(&child, MESSAGE_STARTED, 1);
 */

#include "tests/engine/child.h"

#include <sys/mman.h>

#include "base/memfd.h"

#define TINY "tests/fixtures/tiny-model"

static inline const Message *expect(Child *child, MessageType type, uint64_t job)
{
        const Message *m = receive(child);
        if (m->type == MESSAGE_FAILED && type != MESSAGE_FAILED)
                fail_msg("failed: %s", m->failed.text);
        assert_int_equal(m->type, type);
        assert_int_equal(m->job, job);
        return m;
}

/* The next message that is no progress report, nor a state. */
static inline const Message *skip_progress(Child *child)
{
        const Message *m;
        do
                m = receive(child);
        while (m->type == MESSAGE_PROGRESS || m->type == MESSAGE_STATE);
        return m;
}

static inline void send_simple(const Child *child, MessageType type, uint64_t job)
{
        const Message m = { .version = PROTOCOL_VERSION, .type = type, .job = job, .ping = job };
        assert_int_equal(protocol_send(child->socket, &m, -1), 0);
}

static inline Message *new_job(uint64_t job, const char *prompt)
{
        Message *m = calloc(1, sizeof(*m));
        assert_non_null(m);
        m->version = PROTOCOL_VERSION;
        m->type = MESSAGE_GENERATE;
        m->job = job;
        request_init(&m->generate);
        (void)snprintf(m->generate.prompt, sizeof(m->generate.prompt), "%s", prompt);
        return m;
}

/* A job that takes long enough to be interrupted. */
static inline Message *new_long_job(uint64_t job)
{
        Message *m = new_job(job, "a red fox");
        m->generate.width = m->generate.height = 256;
        m->generate.steps = 500;
        return m;
}

static inline void send_job(const Child *child, const Message *m)
{
        assert_int_equal(protocol_send(child->socket, m, -1), 0);
}

static inline void check_png(int fd)
{
        size_t size;
        assert_int_equal(memfd_check_sealed(fd, PROTOCOL_PICTURE_BYTES_MAX, &size), 0);
        uint8_t *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        assert_ptr_not_equal(data, MAP_FAILED);
        assert_memory_equal(data, "\x89PNG\r\n\x1a\n", 8);
        (void)munmap(data, size);
}

static inline void make_one_picture(Child *child, uint64_t job)
{
        _cleanup_(freep) Message *m = new_job(job, "hello world");
        send_job(child, m);
        (void)expect(child, MESSAGE_STARTED, job);
        const Message *picture = skip_progress(child);
        assert_int_equal(picture->type, MESSAGE_PICTURE);
        assert_int_equal(picture->job, job);
        check_png(child->fd);
        (void)expect(child, MESSAGE_DONE, job);
}
