/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "client/mcp/server.h"
#include "tests/fuzz/fuzz.h"

/* Everything that is answered has to be a line with one object of JSON-RPC. */
static void check_answers(int fd)
{
        static char buffer[1 << 20];
        size_t size = 0;
        ssize_t n;

        while (size < sizeof(buffer) - 1 && (n = recv(fd, buffer + size, sizeof(buffer) - 1 - size, MSG_DONTWAIT)) > 0)
                size += (size_t)n;
        buffer[size] = '\0';
        for (char *line = buffer, *end; (end = strchr(line, '\n')); line = end + 1) {
                json_t *answer = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);
                const char *version = json_string_value(json_object_get(answer, "jsonrpc"));
                if (!version || strcmp(version, "2.0") != 0)
                        abort();
                if (!json_object_get(answer, "method") + !json_object_get(answer, "result") + !json_object_get(answer, "error") != 2)
                        abort();
                json_decref(answer);
        }
}

/* What comes in on stdin, in an empty folder and without a bus: the tools then say so. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char folder[] = "/tmp/fuzz-mcp-XXXXXX";
        static Shelf shelf = { .fd = -1 };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        const Options options = { .user = true };
        Server *server = NULL;
        int ends[2], out;

        if (shelf.fd < 0) {
                (void)setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent", 1);
                if (!mkdtemp(folder) || shelf_open(folder, &shelf, NULL) < 0)
                        abort();
                (void)rmdir(folder); /* it stays while it is open, and nothing can be put into it */
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 || (out = dup(ends[0])) < 0)
                abort();
        if (sd_event_new(&event) < 0 || server_new(event, &options, &shelf, ends[0], out, &server) < 0)
                abort();
        if (send(ends[1], data, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && size > 0)
                abort();
        (void)shutdown(ends[1], SHUT_WR);
        if (sd_event_loop(event) < 0)
                abort();
        server_free(server);
        check_answers(ends[1]);
        (void)close(ends[0]);
        (void)close(out);
        (void)close(ends[1]);
        fuzz_check_descriptors();
        return 0;
}
