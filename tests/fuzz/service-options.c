/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"
#include "dbus/names.h"
#include "service/options-private.h"
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

/* A number that may well be within what an option allows. */
static uint64_t take_number(Bytes *in, char type)
{
        uint64_t value;
        uint8_t kind;

        take(in, &kind, 1);
        take(in, &value, kind & 1 ? sizeof(value) : 1);
        if (type == 'b')
                value &= 1;
        if (type == 'd' && !(kind & 1)) {
                double share = (double)value / 64;
                memcpy(&value, &share, sizeof(value));
        }
        return value;
}

static int append_basic(Bytes *in, sd_bus_message *m, char type)
{
        static int null = -1;
        char text[256];
        uint64_t value;

        if (null < 0)
                null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (type == 's')
                return sd_bus_message_append_basic(m, 's', take_text(in, text));
        value = take_number(in, type);
        return sd_bus_message_append_basic(m, type, type == 'h' ? (const void *)&null : &value);
}

/* What the types of options are made of: basic ones, structs of them, arrays of structs of them. */
static int append_value(Bytes *in, sd_bus_message *m, const char *signature)
{
        char contents[16];
        uint8_t n = 1;
        int r = 0;

        if (*signature == 'a') {
                r = sd_bus_message_open_container(m, 'a', signature + 1);
                take(in, &n, 1);
                signature++;
        }
        bool is_struct = *signature == '(', is_array = signature[-1] == 'a';
        (void)snprintf(contents, sizeof(contents), "%s", signature + is_struct);
        contents[strcspn(contents, ")")] = '\0';
        for (unsigned i = 0; i < n % 10U && r >= 0; i++) {
                if (is_struct)
                        r = sd_bus_message_open_container(m, 'r', contents);
                for (const char *type = contents; *type && r >= 0; type++)
                        r = append_basic(in, m, *type);
                if (is_struct && r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return is_array && r >= 0 ? sd_bus_message_close_container(m) : r;
}

/* Mostly an option that there is, and its own type. */
static int append_entry(Bytes *in, sd_bus_message *m)
{
        static const char *const types[] = { "s", "u", "t", "d", "b", "y", "n", "q", "i", "x", "h", "(uuuu)", "a(sd)" };
        char text[256], signature[17] = " "; /* a character before it, so that there is one */
        uint8_t name, kind;

        take(in, &name, 1);
        take(in, &kind, 1);
        const Option *option = name % (options_n + 1) < options_n ? &options_table[name % (options_n + 1)] : NULL;
        if (!option || kind % 8 == 7)
                (void)snprintf(signature + 1, 16, "%s", types[kind / 8 % ELEMENTSOF(types)]);
        else if (option->signature)
                (void)snprintf(signature + 1, 16, "%s", option->signature);
        else
                (void)snprintf(signature + 1, 16, "%c", option->type);
        int r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', option ? option->name : take_text(in, text));
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', signature + 1);
        if (r >= 0)
                r = append_value(in, m, signature + 1);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static bool finish(sd_bus_message *m)
{
        return sd_bus_message_seal(m, 1, 0) >= 0 && sd_bus_message_rewind(m, true) >= 0;
}

static sd_bus_message *new_message(sd_bus *bus)
{
        sd_bus_message *m;
        if (sd_bus_message_new_method_call(bus, &m, NULL, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "Generate") < 0)
                abort();
        return m;
}

/* What was read, written again for another instance, is read there as the same. */
static void pass_on(sd_bus *bus, const Options *options)
{
        static Options again;
        sd_bus_message *m = new_message(bus);
        Error error = {};

        if (options_append(m, options) < 0 || !finish(m) || options_read(m, &again, &error) < 0) {
                (void)fprintf(stderr, "not passed on: %s\n", error.text);
                abort();
        }
        if (again.request.steps != options->request.steps || again.request.format != options->request.format ||
            again.request.quality != options->request.quality || again.request.inputs != options->request.inputs ||
            again.request.n_loras != options->request.n_loras || again.policy.priority != options->policy.priority)
                abort();
        sd_bus_message_unref(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static sd_bus *bus;
        static Options options;
        Bytes in = { data, data + size };
        Error error = {};
        int sockets[2];

        if (!bus && (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) < 0 ||
                     sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, sockets[0], sockets[0]) < 0 || sd_bus_start(bus) < 0))
                abort();
        sd_bus_message *m = new_message(bus);
        int r = sd_bus_message_open_container(m, 'a', "{sv}");
        while (in.p < in.end && r >= 0)
                r = append_entry(&in, m);
        if (r >= 0 && sd_bus_message_close_container(m) >= 0 && finish(m)) {
                r = options_read(m, &options, &error);
                if (r >= 0)
                        r = request_check(&options.request, &error); /* as Generate does; what goes together only there */
                if (r >= 0 && options.policy.priority >= PRIORITY_MAX)
                        abort();
                if (r >= 0)
                        pass_on(bus, &options);
                if (r == -EINVAL && error.text[0] == '\0')
                        abort();
        }
        sd_bus_message_unref(m);
        return 0;
}
