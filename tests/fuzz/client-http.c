/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "client/http/guard.h"
#include "client/http/web.h"
#include "client/http/webui.h"
#include "tests/fuzz/fuzz.h"

#define ROUNDS_MAX 200

/* One token, in a state directory of its own: the request has TOKEN where it is meant. */
static const char *make_token(void)
{
        static char folder[] = "/tmp/fuzz-http-XXXXXX";
        static char *token;

        if (token)
                return token;
        if (!mkdtemp(folder) || setenv("XDG_STATE_HOME", folder, 1) < 0 || tokens_add("fuzz", &token, NULL) < 0)
                abort();
        (void)setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent", 1);
        return token;
}

static void check_guards(const char *text)
{
        char secret[SECRET_MAX + 1];

        (void)guard_host_is_ours(text, NULL);
        if (guard_secret(text, secret) && strlen(secret) > SECRET_MAX)
                abort();
}

/* A listening socket that nobody else knows. */
static int listen_somewhere(struct sockaddr_un *address, socklen_t *size)
{
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        *address = (struct sockaddr_un) { .sun_family = AF_UNIX };
        *size = sizeof(*address);
        if (fd < 0 || bind(fd, (struct sockaddr *)address, sizeof(sa_family_t)) < 0 || listen(fd, 4) < 0 ||
            getsockname(fd, (struct sockaddr *)address, size) < 0)
                abort();
        return fd;
}

/* The bytes of a connection, with TOKEN replaced; without a bus, so that what passes is answered with 503. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const char *token = make_token();
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        Bridge bridge = { 0 };
        struct sockaddr_un address;
        socklen_t address_size;
        Web *web = NULL;

        _cleanup_(freep) char *text = calloc(1, size + 1);
        memcpy(text, data, size);
        check_guards(text);
        if (sd_event_new(&event) < 0)
                abort();
        bridge = (Bridge) { .event = event, .link = { .event = event, .base = { .user = true, .count = 1 } } };
        const int listener = listen_somewhere(&address, &address_size);
        const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (web_new(&bridge, 0, &web) < 0 || web_listen(web, listener) < 0 ||
            connect(fd, (struct sockaddr *)&address, address_size) < 0)
                abort();

        const char *at = memmem(data, size, "TOKEN", 5);
        const size_t before = at ? (size_t)(at - (const char *)data) : size;
        (void)send(fd, data, before, MSG_NOSIGNAL);
        if (at) {
                (void)send(fd, token, strlen(token), MSG_NOSIGNAL);
                (void)send(fd, at + 5, size - before - 5, MSG_NOSIGNAL);
        }
        for (int i = 0; i < ROUNDS_MAX && sd_event_run(event, 0) > 0; i++)
                ;
        char answer[4096];
        const ssize_t n = recv(fd, answer, sizeof(answer) - 1, 0);
        if (n > 0 && strncmp(answer, "HTTP/1.", 7) != 0)
                abort();
        (void)close(fd);
        for (int i = 0; i < ROUNDS_MAX && sd_event_run(event, 0) > 0; i++)
                ;
        web_free(web);
        link_close(&bridge.link);
        choices_free(&bridge);
        (void)close(listener);
        fuzz_check_descriptors();
        return 0;
}
