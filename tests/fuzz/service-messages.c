/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "dbus/names.h"
#include "service/options.h"
#include "tests/fuzz/fuzz.h"

/* Messages as bytes: the input is the body of a Generate, whatever it is made of, behind a header that is right; or all of a
 * message. It goes through a socket into a connection as the service has one. */

#define HEADER_MAX 512
#define REQUEST_MAX 4096

static sd_bus *theirs, *ours;

static int on_generate(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        static Options options;
        Error failure = {};
        const char *prompt;
        (void)userdata, (void)error;

        int r = sd_bus_message_read(call, "s", &prompt);
        if (r < 0)
                return r;
        r = options_read(call, &options, &failure);
        if (r >= 0 && options.policy.priority >= PRIORITY_MAX)
                abort();
        if (r >= 0)
                r = request_check(&options.request, &failure);
        return r < 0 ? r : sd_bus_reply_method_return(call, "uo", 1, "/");
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Generate", "sa{sv}", "uo", on_generate, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void work(void)
{
        for (int idle = 0; idle < 2;) {
                int a = sd_bus_process(theirs, NULL), b = sd_bus_process(ours, NULL);
                idle = a > 0 || b > 0 ? 0 : idle + 1;
        }
}

static void disconnect(void)
{
        theirs = sd_bus_close_unref(theirs);
        ours = sd_bus_close_unref(ours);
}

/* A connection without a bus between, both ends of which are here. */
static void connect_both(void)
{
        static const sd_id128_t id = SD_ID128_MAKE(1, 2, 3, 4, 5, 6, 7, 8, 9, a, b, c, d, e, f, 0);
        int sockets[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) < 0 || sd_bus_new(&theirs) < 0 ||
            sd_bus_new(&ours) < 0 || sd_bus_set_fd(theirs, sockets[0], sockets[0]) < 0 ||
            sd_bus_set_fd(ours, sockets[1], sockets[1]) < 0 || sd_bus_set_server(ours, true, id) < 0 ||
            sd_bus_set_anonymous(ours, true) < 0 || sd_bus_set_trusted(ours, true) < 0 || sd_bus_start(ours) < 0 ||
            sd_bus_start(theirs) < 0 ||
            sd_bus_add_object_vtable(ours, NULL, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, vtable, NULL) < 0)
                abort();
        work();
        if (sd_bus_is_ready(theirs) <= 0)
                abort();
}

static size_t add_field(uint8_t *p, size_t at, uint8_t code, char type, const char *text)
{
        uint32_t length = (uint32_t)strlen(text);

        at = (at + 7) & ~(size_t)7;
        p[at++] = code;
        p[at++] = 1;
        p[at++] = (uint8_t)type;
        p[at++] = 0;
        if (type == 'g') {
                p[at++] = (uint8_t)length;
        } else {
                memcpy(p + at, &length, sizeof(length));
                at += sizeof(length);
        }
        memcpy(p + at, text, length + 1);
        return at + length + 1;
}

/* The header of a Generate with a body of that size; its own is returned. */
static size_t make_header(uint8_t p[static HEADER_MAX], uint32_t body)
{
        static const uint8_t start[] = { 'l', 1, 0, 1 }; /* little-endian, a call, no flags, version 1 */
        static uint32_t serial = 1000;
        uint32_t fields;

        memset(p, 0, HEADER_MAX);
        memcpy(p, start, sizeof(start));
        memcpy(p + 4, &body, sizeof(body));
        serial++;
        memcpy(p + 8, &serial, sizeof(serial));
        size_t at = add_field(p, 16, 1, 'o', IMAGINE_PATH);
        at = add_field(p, at, 2, 's', IMAGINE_MANAGER_INTERFACE);
        at = add_field(p, at, 3, 's', "Generate");
        at = add_field(p, at, 8, 'g', "sa{sv}");
        fields = (uint32_t)(at - 16);
        memcpy(p + 12, &fields, sizeof(fields));
        return (at + 7) & ~(size_t)7;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t message[HEADER_MAX + REQUEST_MAX];
        static unsigned inputs;
        size_t n = 0;

        if (size == 0 || size > REQUEST_MAX)
                return 0;
        bool is_whole = data[0] == 'l' || data[0] == 'B';
        if (!theirs)
                connect_both();
        if (!is_whole)
                n = make_header(message, (uint32_t)size - 1);
        memcpy(message + n, data + !is_whole, size - !is_whole);
        n += size - !is_whole;
        if (write(sd_bus_get_fd(theirs), message, n) != (ssize_t)n)
                abort();
        work();
        /* The rest of what is not whole would be the beginning of the next one. */
        if (is_whole || sd_bus_is_open(ours) <= 0 || sd_bus_is_open(theirs) <= 0 || ++inputs % 1000 == 0)
                disconnect();
        return 0;
}
