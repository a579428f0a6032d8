/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The real worker program at the other end of a socket:
 *
 *     Child child = start("tests/fixtures/tiny-model");
 *     assert_int_equal(receive(&child)->type, MESSAGE_READY);
 *     assert_int_equal(finish(&child), 0);
 */

#include "tests/engine/fixtures.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "workers/protocol.h"

#define PATIENCE 120 /* seconds until a silent worker counts as hung */

typedef struct Child {
        pid_t pid;
        int socket;
        Message *message; /* the last one received */
        int fd; /* that came with it, -1: none */
} Child;

static inline const char *engine_program(void)
{
        static char path[512];
        const char *build = getenv("B");

        (void)snprintf(path, sizeof(path), "%s/imagined-engine", build ? build : "build");
        return path;
}

/* option: one more for the command line, or NULL. */
static inline Child start_with(const char *model, const char *option)
{
        Child child = { .fd = -1 };
        int sockets[2];
        char number[16];
        const struct timeval patience = { .tv_sec = PATIENCE };

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
        assert_int_equal(setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
        child.pid = fork();
        assert_true(child.pid >= 0);
        if (child.pid == 0) {
                int fd = dup(sockets[1]); /* without close-on-exec */
                (void)snprintf(number, sizeof(number), "%d", fd);
                (void)execl(engine_program(), "imagined-engine", "--socket", number, "--model", model,
                            "--threads", "2", option, (char *)NULL);
                _exit(126);
        }
        (void)close(sockets[1]);
        child.socket = sockets[0];
        child.message = calloc(1, sizeof(Message));
        assert_non_null(child.message);
        return child;
}

static inline Child start(const char *model)
{
        return start_with(model, NULL);
}

/* Ends the conversation; returns how the program ended. */
static inline int finish(Child *child)
{
        int status;

        if (child->fd >= 0)
                (void)close(child->fd);
        if (child->socket >= 0)
                (void)close(child->socket);
        assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
        free(child->message);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static inline const Message *receive(Child *child)
{
        if (child->fd >= 0)
                (void)close(child->fd);
        child->fd = -1;
        int r = protocol_receive(child->socket, child->message, &child->fd);
        if (r <= 0)
                fail_msg("receiving: %d", r);
        return child->message;
}
