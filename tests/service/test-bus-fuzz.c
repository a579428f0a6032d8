/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls of all shapes from a caller who means no good: members that exist and such that do not, arguments of any type and
 * size, wild options, descriptors of every kind. Nothing must come of it but errors, and a service that still works, has
 * answered every call, has grown no more than a little, and ends cleanly. Sanitizers look on where they are built in.
 *
 *     FUZZ_CALLS=100000 FUZZ_SEED=7     instead of a few thousand
 *
 * Text that is no UTF-8 does not get as far as the service: the bus ends the connection, and so does this program's. */

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/memfd.h"
#include "listener.h"
#include "service/appetite.h"

#define CALLS 3000
#define CONNECTIONS 4
#define AT_ONCE 32 /* calls of a connection that wait for an answer */
#define LONG_WAIT USEC_PER_SEC /* then what waits for a job (GetPreview) is answered by the job's end */

typedef struct Fuzz {
        uint64_t random; /* xorshift */
        sd_bus *buses[CONNECTIONS], *janitor;
        unsigned pending[CONNECTIONS];
        unsigned answers, errors, jobs, left; /* left: the bus ended the connection */
        int fds[10];
} Fuzz;

static Place place;

static int setup(void **state)
{
        return place_set_up(
                        state, &place,
                        "default_model = \"stub\"; jobs_per_user = 8; result_seconds = 1; finished_per_user = 8;", "stub",
                        "stub-slow");
}

static uint32_t draw(Fuzz *f, uint32_t below)
{
        f->random ^= f->random << 13;
        f->random ^= f->random >> 7;
        f->random ^= f->random << 17;
        return (uint32_t)(f->random >> 11) % below;
}

static void make_descriptors(Fuzz *f)
{
        int pair[2];
        char fifo[128];
        size_t n = 0;

        (void)snprintf(fifo, sizeof(fifo), "%s/fifo", place.directory);
        assert_int_equal(mkfifo(fifo, 0600), 0);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        f->fds[n++] = pair[0];
        f->fds[n++] = pair[1];
        f->fds[n++] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        f->fds[n++] = open(fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK);
        f->fds[n++] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        f->fds[n++] = open("/etc/passwd", O_PATH | O_CLOEXEC);
        f->fds[n++] = memfd_new_sealed("x", "abc", 3);
        f->fds[n++] = memfd_create("x", MFD_CLOEXEC);
        f->fds[n++] = epoll_create1(EPOLL_CLOEXEC);
        f->fds[n++] = open("/dev/full", O_WRONLY | O_CLOEXEC);
        assert_int_equal(n, ELEMENTSOF(f->fds));
        for (size_t i = 0; i < n; i++)
                assert_true(f->fds[i] >= 0);
}

static const char *text(Fuzz *f)
{
        static char buffer[70000];
        static const char *const known[] = {
                "", "/", "stub", "a fox", "interactive", "batch", "ddim", "../../etc/passwd", "%s%n%s%n", "\xc3\xa4\xe2\x82\xac",
        };
        uint32_t kind = draw(f, 14);

        if (kind < ELEMENTSOF(known))
                return known[kind];
        const uint32_t sizes[] = { 64, 8192, 8193, 65536 };
        uint32_t size = sizes[draw(f, 4)];
        for (uint32_t i = 0; i < size; i++)
                buffer[i] = (char)(1 + draw(f, 126));
        buffer[size] = '\0';
        return buffer;
}

static const char *object_path(Fuzz *f)
{
        static char path[128];
        static const char *const known[] = {
                "/", IMAGINE_PATH, IMAGINE_JOB_PREFIX, IMAGINE_JOB_PREFIX "/4294967296_1", IMAGINE_JOB_PREFIX "/0_00",
                IMAGINE_JOB_PREFIX "/x", "/org/freedesktop/DBus",
        };
        uint32_t kind = draw(f, 12);

        if (kind < ELEMENTSOF(known))
                return known[kind];
        (void)snprintf(path, sizeof(path), IMAGINE_JOB_PREFIX "/%u_%u", (unsigned)getuid(), 1 + draw(f, f->jobs + 3));
        return path;
}

static uint64_t number(Fuzz *f)
{
        static const uint64_t known[] = { 0, 1, 2, 64, 65, 500, 2048, UINT32_MAX, INT64_MAX, UINT64_MAX };
        return draw(f, 2) ? known[draw(f, ELEMENTSOF(known))] : draw(f, UINT32_MAX);
}

static int append_basic(Fuzz *f, sd_bus_message *m, char type)
{
        uint64_t n = number(f);
        double d = draw(f, 2) ? (double)n : 0.0 / 0.0;
        int b = n & 1;

        switch (type) {
        case 's':
                return sd_bus_message_append_basic(m, 's', text(f));
        case 'o':
                return sd_bus_message_append_basic(m, 'o', object_path(f));
        case 'g':
                return sd_bus_message_append_basic(m, 'g', "a{sv}");
        case 'h':
                return sd_bus_message_append_basic(m, 'h', &f->fds[draw(f, ELEMENTSOF(f->fds))]);
        case 'd':
                return sd_bus_message_append_basic(m, 'd', &d);
        case 'b':
                return sd_bus_message_append_basic(m, 'b', &b);
        default:
                return sd_bus_message_append_basic(m, type, &n);
        }
}

static const char basic_types[] = "ybnqiuxtdsogh";

static int append_any(Fuzz *f, sd_bus_message *m, int depth)
{
        char type = basic_types[draw(f, sizeof(basic_types) - 1)], contents[2] = { type, '\0' };
        uint32_t shape = draw(f, depth > 0 ? 5 : 2);
        int r;

        switch (shape) {
        case 2: /* a variant, maybe in a variant */
                r = sd_bus_message_open_container(m, 'v', draw(f, 2) ? "v" : contents);
                if (r < 0)
                        return r;
                r = streq(contents, "v") ? append_any(f, m, depth - 1) : append_basic(f, m, type);
                break;
        case 3: /* an array, sometimes a huge one */
                r = sd_bus_message_open_container(m, 'a', contents);
                for (uint32_t n = draw(f, 50) ? draw(f, 5) : 20000; n > 0 && r >= 0 && type != 'h' && type != 's'; n--)
                        r = append_basic(f, m, type);
                break;
        case 4:
                r = sd_bus_message_append(m, "a{sv}", 1, text(f), "s", "x");
                return r;
        default:
                return append_basic(f, m, type);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* A dictionary of options: names that exist with values of any type, and others. */
static int append_options(Fuzz *f, sd_bus_message *m)
{
        static const char *const names[] = {
                "model", "negative-prompt", "width", "height", "steps", "seed", "guidance", "sampler", "count",
                "preview-every", "prompt-metadata", "detach", "keep-alive", "priority", "nonsense", "",
        };
        static const char types[] = "ssuuutdsuubbtsss";
        int r = sd_bus_message_open_container(m, 'a', "{sv}");

        for (uint32_t n = draw(f, 6); n > 0 && r >= 0; n--) {
                uint32_t i = draw(f, ELEMENTSOF(names));
                char type = draw(f, 4) ? types[i] : basic_types[draw(f, sizeof(basic_types) - 1)];
                r = sd_bus_message_open_container(m, 'e', "sv");
                if (r >= 0)
                        r = sd_bus_message_append_basic(m, 's', names[i]);
                if (r >= 0)
                        r = sd_bus_message_open_container(m, 'v', (char[]) { type, '\0' });
                if (r >= 0)
                        r = append_basic(f, m, type);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

typedef struct Member {
        const char *interface, *name, *types;
} Member;

static const Member members[] = {
        { IMAGINE_MANAGER_INTERFACE, "Generate", "*" }, /* as it should be, but for the options */
        { IMAGINE_MANAGER_INTERFACE, "Generate", "*" },
        { IMAGINE_MANAGER_INTERFACE, "Watch", "o" },
        { IMAGINE_MANAGER_INTERFACE, "Unwatch", "o" },
        { IMAGINE_MANAGER_INTERFACE, "ListJobs", "" },
        { IMAGINE_MANAGER_INTERFACE, "ListModels", "" },
        { IMAGINE_MANAGER_INTERFACE, "ListAllJobs", "" },
        { IMAGINE_MANAGER_INTERFACE, "CancelJob", "uu" },
        { IMAGINE_MANAGER_INTERFACE, "LoadModel", "s" },
        { IMAGINE_MANAGER_INTERFACE, "UnloadModel", "" },
        { IMAGINE_MANAGER_INTERFACE, "Describe", "" },
        { IMAGINE_MANAGER_INTERFACE, "Nonsense", "s" },
        { IMAGINE_JOB_INTERFACE, "Cancel", "" },
        { IMAGINE_JOB_INTERFACE, "GetResult", "u" },
        { IMAGINE_JOB_INTERFACE, "GetPreview", "" },
        { IMAGINE_JOB_INTERFACE, "Release", "" },
        { "org.freedesktop.DBus.Properties", "Get", "ss" },
        { "org.freedesktop.DBus.Properties", "GetAll", "s" },
        { "org.freedesktop.DBus.Properties", "Set", "ssv" },
        { "org.freedesktop.DBus.Introspectable", "Introspect", "" },
        { "org.freedesktop.DBus.Peer", "Ping", "" },
};

static int append_arguments(Fuzz *f, sd_bus_message *m, const char *types)
{
        int r = 0;

        if (draw(f, 4) == 0) {
                for (uint32_t n = draw(f, 4); n > 0 && r >= 0; n--)
                        r = append_any(f, m, 2);
                return r;
        }
        if (streq(types, "*")) {
                r = sd_bus_message_append_basic(m, 's', text(f));
                return r < 0 ? r : append_options(f, m);
        }
        for (; *types && r >= 0; types++)
                r = *types == 'v' ? append_any(f, m, 0) : append_basic(f, m, *types);
        return r;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Fuzz *f = userdata;
        (void)error;

        if (sd_bus_is_open(sd_bus_message_get_bus(m)) <= 0) /* nobody's answer */
                return 0;
        for (size_t i = 0; i < CONNECTIONS; i++)
                if (f->buses[i] == sd_bus_message_get_bus(m))
                        f->pending[i]--;
        f->answers++;
        /* That is what the bus says for a service that has died. */
        assert_false(sd_bus_message_is_method_error(m, SD_BUS_ERROR_NO_REPLY));
        f->errors += sd_bus_message_is_method_error(m, NULL) > 0;
        f->jobs += !sd_bus_message_is_method_error(m, NULL) && streq(sd_bus_message_get_signature(m, true), "uo");
        return 0;
}

static void call(Fuzz *f, size_t connection)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        const Member *member = &members[draw(f, ELEMENTSOF(members))];
        const char *path = streq(member->interface, IMAGINE_MANAGER_INTERFACE) && draw(f, 8) ? IMAGINE_PATH : object_path(f);

        if (sd_bus_message_new_method_call(
                            f->buses[connection], &m, IMAGINE_BUS_NAME, path, member->interface, member->name) < 0 ||
            append_arguments(f, m, member->types) < 0)
                return; /* not even a message */
        if (sd_bus_call_async(f->buses[connection], NULL, m, on_answer, f, UINT64_MAX) >= 0)
                f->pending[connection]++;
}

static void release_jobs(const Fuzz *f)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;

        assert_true(manager_call(f->janitor, "ListJobs", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(uosd)") > 0);
        while (sd_bus_message_read(reply, "(uosd)", NULL, &path, NULL, NULL) > 0)
                (void)job_call(f->janitor, path, "Release", NULL, NULL, NULL); /* it may have ended meanwhile */
}

static void reconnect(Fuzz *f, size_t connection)
{
        f->buses[connection] = bus_close(f->buses[connection]);
        f->buses[connection] = place_connect(&place);
        f->pending[connection] = 0;
}

/* Waits until no more calls than that are without an answer: there is one to each. */
static void settle(Fuzz *f, size_t connection, unsigned wanted)
{
        uint64_t since = clock_usec(CLOCK_MONOTONIC), waited = 0, released = 0;

        for (; f->pending[connection] > wanted; waited = clock_usec(CLOCK_MONOTONIC) - since) {
                int r = sd_bus_process(f->buses[connection], NULL);
                if (r < 0) { /* it went too far for the bus */
                        reconnect(f, connection);
                        f->left++;
                }
                if (r == 0)
                        (void)sd_bus_wait(f->buses[connection], 10 * USEC_PER_MSEC);
                if (waited > released + LONG_WAIT) {
                        release_jobs(f);
                        released = waited;
                }
                if (waited > PATIENCE)
                        fail_msg("%u calls without an answer", f->pending[connection]);
        }
}

static void test_any_call(void **state)
{
        unsigned long total = setting("FUZZ_CALLS", CALLS);
        Fuzz f = { .random = setting("FUZZ_SEED", 1) * UINT64_C(0x9e3779b97f4a7c15) };
        uint64_t before = 0;
        JobRef job;
        (void)state;

        make_descriptors(&f);
        f.janitor = place_connect(&place);
        for (size_t i = 0; i < CONNECTIONS; i++)
                f.buses[i] = place_connect(&place);
        for (unsigned long n = 0; n < total; n++) {
                size_t connection = draw(&f, CONNECTIONS);
                call(&f, connection);
                settle(&f, connection, AT_ONCE);
                if (n == total / 4)
                        before = process_resident(place.service);
                if (draw(&f, 500) == 0) /* leaves with everything that is under way */
                        reconnect(&f, connection);
        }
        for (size_t i = 0; i < CONNECTIONS; i++) {
                settle(&f, i, 0);
                (void)bus_close(f.buses[i]);
        }
        (void)bus_close(f.janitor);
        printf("%lu calls: %u answers, %u of them errors, %u jobs; %u times the bus ended the connection; the service: %llu KiB "
               "after a quarter, %llu KiB in the end\n",
               total, f.answers, f.errors, f.jobs, f.left, (unsigned long long)before / 1024,
               (unsigned long long)process_resident(place.service) / 1024);
        assert_true(f.answers > total / 2);
        assert_true(f.jobs > 0);

        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 1, "model", "s", "stub") >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        sleep_ms(1500); /* until ended jobs are forgotten */
        assert_true(count_descriptors(place.service) < 100);
#ifndef __SANITIZE_ADDRESS__
        assert_true(process_resident(place.service) < before + 4096 * 1024);
#endif
        for (size_t i = 0; i < ELEMENTSOF(f.fds); i++)
                (void)close(f.fds[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_any_call),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
