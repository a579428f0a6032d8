/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "dbus/names.h"
#include "service/options.h"
#include "tests/fuzz/fuzz.h"

/* Options of Generate: the input says which names, types and values go into a message, as any caller may send it. What is
 * accepted is a sound request. */

typedef struct Bytes {
        const uint8_t *p, *end;
} Bytes;

static void take(Bytes *in, void *ret, size_t size)
{
        size_t n = (size_t)(in->end - in->p) < size ? (size_t)(in->end - in->p) : size;

        memset(ret, 0, size);
        memcpy(ret, in->p, n);
        in->p += n;
}

/* A string of up to 255 bytes of the input; what is not ASCII becomes '?'. */
static const char *take_text(Bytes *in, char buffer[static 256])
{
        uint8_t size;

        take(in, &size, 1);
        take(in, buffer, size);
        buffer[size] = '\0';
        for (char *p = buffer; *p; p++)
                if (*p & 0x80)
                        *p = '?';
        return buffer;
}

static int append_entry(Bytes *in, sd_bus_message *m)
{
        static const char *const names[] = {
                "model", "negative-prompt", "width", "height", "steps", "seed", "guidance", "sampler", "count",
                "preview-every", "prompt-metadata", "detach", "keep-alive", "priority",
        };
        static const char types[] = "ssuuutdsuubbtsybnqix";
        char text[256], type[2] = "";
        uint8_t name, kind;
        uint64_t value;

        take(in, &name, 1);
        take(in, &kind, 1);
        type[0] = types[kind < 128 && name < 14 ? name : kind % (sizeof(types) - 1)];
        int r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', name < 14 ? names[name] : take_text(in, text));
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', type);
        take(in, &value, sizeof(value));
        if (type[0] == 'b')
                value &= 1;
        if (r >= 0)
                r = sd_bus_message_append_basic(m, type[0], type[0] == 's' ? (const void *)take_text(in, text) : &value);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static sd_bus *bus;
        static Options options;
        Bytes in = { data, data + size };
        sd_bus_message *m;
        Error error = {};
        int sockets[2];

        if (!bus && (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) < 0 ||
                     sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, sockets[0], sockets[0]) < 0 || sd_bus_start(bus) < 0))
                abort();
        if (sd_bus_message_new_method_call(bus, &m, NULL, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "Generate") < 0)
                abort();
        int r = sd_bus_message_open_container(m, 'a', "{sv}");
        while (in.p < in.end && r >= 0)
                r = append_entry(&in, m);
        if (r >= 0 && sd_bus_message_close_container(m) >= 0 && sd_bus_message_seal(m, 1, 0) >= 0 &&
            sd_bus_message_rewind(m, true) >= 0) {
                r = options_read(m, &options, &error);
                if (r >= 0 && (request_check(&options.request, NULL) < 0 || options.policy.priority >= PRIORITY_MAX))
                        abort();
                if (r == -EINVAL && error.text[0] == '\0')
                        abort();
        }
        sd_bus_message_unref(m);
        return 0;
}
