/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The network worker as the service starts it, and a server that plays what a test asks for (fake-server):
 *
 *     static Fake fake;                            fake_set_up / fake_tear_down of a group
 *     Outcome o = ask(&fake, "stream-cut", NULL);
 *     assert_int_equal(o.code, NET_BAD_ANSWER);
 *     outcome_done(&o);
 */

#include "../service/process.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include "base/memfd.h"
#include "net/protocol.h"

#define RESULTS_MAX NET_COUNT_MAX
#define THE_KEY "sk-test-7Hq2mZx94KfPwLr8"

typedef struct Fake {
        char directory[64];
        unsigned port;
        pid_t pid;
        bool tls;
} Fake;

static inline char *fake_file(const Fake *fake, const char *name)
{
        char path[PATH_MAX];
        (void)snprintf(path, sizeof(path), "%s/%s", fake->directory, name);
        return read_text_file(path);
}

/* How large a file of the server's is: "received" has all bytes that came. */
static inline size_t fake_count(const Fake *fake, const char *name)
{
        char path[PATH_MAX];
        struct stat st;

        (void)snprintf(path, sizeof(path), "%s/%s", fake->directory, name);
        assert_int_equal(stat(path, &st), 0);
        return (size_t)st.st_size;
}

static inline void fake_forget(const Fake *fake)
{
        static const char *const names[] = { "received", "connections", "left", "requests", "cancelled", "asked" };
        char path[PATH_MAX];

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                (void)snprintf(path, sizeof(path), "%s/%s", fake->directory, names[i]);
                assert_int_equal(truncate(path, 0), 0);
        }
}

/* certificate: "NAME.pem" and "NAME.key" in its directory; NULL: without TLS. */
static inline void fake_start(Fake *fake, const char *certificate)
{
        char path[PATH_MAX], pem[PATH_MAX] = "", key[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/port", fake->directory);
        if (certificate) {
                (void)snprintf(pem, sizeof(pem), "%s/%s.pem", fake->directory, certificate);
                (void)snprintf(key, sizeof(key), "%s/%s.key", fake->directory, certificate);
        }
        (void)unlink(path);
        fake->tls = certificate;
        fake->pid = fork_child();
        if (fake->pid == 0) {
                (void)execlp("python3", "python3", "tests/net/fake-server", fake->directory, certificate ? pem : NULL, key,
                             (char *)NULL);
                _exit(127);
        }
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        while (access(path, R_OK) < 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
        _cleanup_(freep) char *port = read_text_file(path);
        fake->port = (unsigned)strtoul(port, NULL, 10);
}

static inline void fake_stop(Fake *fake)
{
        if (fake->pid > 0) {
                (void)kill(fake->pid, SIGKILL);
                (void)waitpid(fake->pid, NULL, 0);
        }
        fake->pid = 0;
}

static inline void fake_make(Fake *fake)
{
        *fake = (Fake) {};
        (void)snprintf(fake->directory, sizeof(fake->directory), "/tmp/imagined-test-XXXXXX");
        assert_non_null(mkdtemp(fake->directory));
}

static inline void fake_remove(Fake *fake)
{
        char command[128];

        fake_stop(fake);
        (void)snprintf(command, sizeof(command), "rm -rf '%s'", fake->directory);
        assert_int_equal(system(command), 0);
}

/* The worker at the other end of *ret_socket. */
static inline pid_t start_worker(int *ret_socket)
{
        char program[PATH_MAX];
        int pair[2];

        (void)built("imagined-net", program);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        pid_t pid = fork_child();
        if (pid == 0) {
                (void)dup2(pair[1], 3);
                (void)close_range(4, ~0U, 0);
                (void)execl(program, program, "--socket", "3", (char *)NULL);
                _exit(127);
        }
        (void)close(pair[1]);
        *ret_socket = pair[0];
        return pid;
}

static inline NetAsk good_ask(const Fake *fake, const char *play)
{
        NetAsk ask = {
                .model = "fake-1",
                .dialect = NET_DIALECT_CHAT,
                .count = 1,
                .temperature = -1,
                .limits = { .connect_ms = 60000, .first_byte_ms = 60000, .idle_ms = 60000, .total_ms = 100000,
                            .answer_bytes = 1 << 20, .tries = 3 },
        };

        (void)snprintf(ask.url, sizeof(ask.url), "http%s://%s:%u/%s/v1", fake->tls ? "s" : "",
                       fake->tls ? "localhost" : "127.0.0.1", fake->port, play);
        return ask;
}

static inline void send_text(int socket, NetPart part, const char *text)
{
        NetMessage m = { .version = NET_VERSION, .type = NET_PART, .part = part };
        _cleanup_(closep) int fd = memfd_new_sealed("part", text, strlen(text));

        assert_true(fd >= 0);
        assert_int_equal(net_send(socket, &m, fd), 0);
}

static inline void send_ask(int socket, const NetAsk *ask)
{
        assert_int_equal(net_send(socket, &(NetMessage) { .version = NET_VERSION, .type = NET_ASK, .ask = *ask }, -1), 0);
}

typedef struct Outcome {
        int code; /* 0: DONE */
        char text[ERROR_TEXT_MAX]; /* of a failure */
        char *results[RESULTS_MAX];
        NetResult infos[RESULTS_MAX];
        size_t sizes[RESULTS_MAX];
        unsigned n_results, n_partial, backed_off;
        double fraction; /* the last that was said */
        NetFailure failure;
        bool seen[NET_STAGE_MAX];
        int status; /* of the process */
} Outcome;

static inline void outcome_done(Outcome *o)
{
        for (unsigned i = 0; i < o->n_results; i++)
                free(o->results[i]);
}

static inline void take_result(Outcome *o, const NetMessage *m, int fd)
{
        size_t size;

        assert_int_equal(m->result.result, o->n_results);
        assert_int_equal(memfd_check_sealed(fd, NET_DRAWN_MAX, &size), 0);
        if (m->result.kind == NET_RESULT_PARTIAL) {
                o->n_partial++;
                return;
        }
        char *text = calloc(1, size + 1);
        assert_non_null(text);
        assert_int_equal(pread(fd, text, size, 0), size);
        o->infos[o->n_results] = m->result;
        o->sizes[o->n_results] = size;
        o->results[o->n_results++] = text;
}

/* Until the worker has ended. */
static inline Outcome hear(int socket, pid_t pid)
{
        Outcome o = { .code = -EPROTO };

        for (;;) {
                _cleanup_(closep) int fd = -1;
                NetMessage m;
                int r = net_receive(socket, &m, &fd);

                assert_true(r >= 0);
                if (r == 0)
                        break;
                if (m.type == NET_PROGRESS) {
                        o.seen[m.progress.stage] = true;
                        o.fraction = m.progress.fraction >= 0 ? m.progress.fraction : o.fraction;
                        o.backed_off += m.progress.stage == NET_STAGE_BACKING_OFF;
                } else if (m.type == NET_RESULT) {
                        take_result(&o, &m, fd);
                } else {
                        assert_true(m.type == NET_DONE || m.type == NET_FAILED);
                        o.code = m.type == NET_FAILED ? m.failed.code : 0;
                        o.failure = m.type == NET_FAILED ? m.failed : (NetFailure) {};
                        (void)snprintf(o.text, sizeof(o.text), "%s", o.failure.text);
                }
        }
        (void)close(socket);
        o.status = wait_for_exit(pid);
        return o;
}

/* One job. change: to good_ask(); NULL: none. */
static inline Outcome ask_with(const Fake *fake, const char *play, void (*change)(NetAsk *ask))
{
        NetAsk question = good_ask(fake, play);
        int socket;
        pid_t pid = start_worker(&socket);

        if (change)
                change(&question);
        send_text(socket, NET_PART_ROLE, "You draw.");
        send_text(socket, NET_PART_PROMPT, "a fox");
        send_ask(socket, &question);
        return hear(socket, pid);
}
