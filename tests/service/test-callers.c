/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who calls, with a bus that gives the same unique name to one connection after another. No real one does; but if it did, who
 * comes later would not be taken for who came first. */

#include <sys/socket.h>
#include <sys/un.h>

#include "harness.h"
#include "service/caller.h"

#define NAME ":1.7"

/* Two sandboxed apps of two users, which have the name one after the other. */
typedef struct Owner {
        uid_t uid;
        const char *app;
        pid_t pid;
} Owner;

static char directory[] = "/tmp/imagined-test-XXXXXX";
static Owner owners[] = { { 1234, "org.example.One", 0 }, { 1235, "org.example.Two", 0 } };

/* --- the bus: a process of its own, since it is waited for --- */

typedef struct FakeBus {
        size_t owner;
        uint32_t questions;
} FakeBus;

static int tell_credentials(sd_bus_message *call, FakeBus *fake)
{
        const Owner *owner = &owners[fake->owner];
        const char *name;

        CHECK(sd_bus_message_read(call, "s", &name) >= 0 && streq(name, NAME));
        fake->questions++;
        return sd_bus_reply_method_return(call, "a{sv}", 2, "UnixUserID", "u", owner->uid, "ProcessID", "u", owner->pid);
}

/* The name is free, and somebody else's at once. The answer: how often it was asked whose it is. */
static int change_owner(sd_bus_message *call, FakeBus *fake)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;
        sd_bus *bus = sd_bus_message_get_bus(call);

        CHECK(sd_bus_message_new_signal(bus, &signal, "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged") >= 0);
        CHECK(sd_bus_message_set_sender(signal, "org.freedesktop.DBus") >= 0);
        CHECK(sd_bus_message_append(signal, "sss", NAME, NAME, "") >= 0);
        CHECK(sd_bus_send(bus, signal, NULL) >= 0);
        fake->owner++;
        return sd_bus_reply_method_return(call, "u", fake->questions);
}

static int on_call(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *member = sd_bus_message_get_member(call);
        (void)error;

        if (streq(member, "Hello"))
                return sd_bus_reply_method_return(call, "s", ":1.1");
        if (streq(member, "GetConnectionCredentials"))
                return tell_credentials(call, userdata);
        if (streq(member, "ChangeOwner"))
                return change_owner(call, userdata);
        return sd_bus_reply_method_return(call, NULL); /* AddMatch */
}

_Noreturn static void play_bus(int socket)
{
        int fd = accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        FakeBus fake = {};
        sd_bus *bus = NULL;
        sd_id128_t id;

        CHECK(fd >= 0 && sd_id128_randomize(&id) >= 0 && sd_bus_new(&bus) >= 0);
        CHECK(sd_bus_set_fd(bus, fd, fd) >= 0 && sd_bus_set_server(bus, true, id) >= 0);
        CHECK(sd_bus_add_filter(bus, NULL, on_call, &fake) >= 0 && sd_bus_start(bus) >= 0);
        for (;;) {
                int r = sd_bus_process(bus, NULL);
                if (r < 0)
                        _exit(0); /* it is over */
                if (r == 0)
                        (void)sd_bus_wait(bus, UINT64_MAX);
        }
}

static sd_bus *connect_to_fake(pid_t *ret)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char text[PATH_MAX];
        sd_bus *bus = NULL;

        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", directory);
        _cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(listen(fd, 1), 0);
        *ret = fork_child();
        if (*ret == 0)
                play_bus(fd);
        (void)snprintf(text, sizeof(text), "unix:path=%s", address.sun_path);
        assert_int_equal(setenv("DBUS_SESSION_BUS_ADDRESS", text, 1), 0);
        assert_true(sd_bus_open_user(&bus) >= 0);
        return bus;
}

/* --- the callers --- */

/* A process with the file that Flatpak puts at the root of a sandbox. */
static pid_t start_sandbox(const char *app)
{
        char root[PATH_MAX], path[PATH_MAX + 32], info[256];
        int ready[2];
        char byte;

        (void)snprintf(root, sizeof(root), "%s/%s", directory, app);
        assert_int_equal(mkdir(root, 0755), 0);
        (void)snprintf(path, sizeof(path), "%s/.flatpak-info", root);
        (void)snprintf(info, sizeof(info), "[Application]\nname=%s\n", app);
        write_file(path, info);
        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid_t pid = fork_child();
        if (pid == 0) {
                CHECK(chroot(root) == 0);
                (void)close(ready[1]);
                for (;;)
                        (void)pause();
        }
        (void)close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 0);
        (void)close(ready[0]);
        return pid;
}

static int setup(void **state)
{
        (void)state;
        assert_non_null(mkdtemp(directory));
        for (size_t i = 0; is_root() && i < ELEMENTSOF(owners); i++)
                owners[i].pid = start_sandbox(owners[i].app);
        return 0;
}

static int tear_down(void **state)
{
        char command[128];
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(owners); i++)
                if (owners[i].pid > 0 && kill(owners[i].pid, SIGKILL) == 0)
                        (void)waitpid(owners[i].pid, NULL, 0);
        (void)snprintf(command, sizeof(command), "rm -rf '%s'", directory);
        IGNORE(system(command));
        return 0;
}

static void on_gone(const char *name, void *userdata)
{
        assert_string_equal(name, NAME);
        ++*(unsigned *)userdata;
}

static void assert_is(Callers *callers, sd_bus_message *call, const Owner *owner)
{
        char app[128];
        uid_t uid;

        (void)snprintf(app, sizeof(app), "flatpak:%s", owner->app);
        assert_int_equal(callers_uid(callers, call, &uid), 0);
        assert_int_equal(uid, owner->uid);
        assert_string_equal(callers_app(callers, call), app);
}

/* Asked once, it is known until the name goes; then nothing is left of it. */
static void test_a_name_that_is_used_again(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        uint32_t questions;
        unsigned gone = 0;
        pid_t fake;
        (void)state;

        if (!is_root()) /* only root may make such a sandbox */
                skip();
        sd_bus *bus = connect_to_fake(&fake);
        Callers *callers;
        assert_true(callers_new(&callers, bus, on_gone, &gone) >= 0);
        assert_true(sd_bus_message_new_method_call(bus, &call, IMAGINE_BUS_NAME, "/", "a.b", "C") >= 0);
        assert_true(sd_bus_message_set_sender(call, NAME) >= 0);
        assert_true(sd_bus_message_seal(call, 1, 0) >= 0);

        assert_string_equal(callers_app(callers, call), "");
        assert_is(callers, call, &owners[0]);
        assert_is(callers, call, &owners[0]);
        assert_true(sd_bus_call_method(bus, "a.b", "/", "a.b", "ChangeOwner", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_read(reply, "u", &questions) >= 0);
        assert_int_equal(questions, 1);
        while (gone == 0)
                assert_true(sd_bus_process(bus, NULL) > 0 || sd_bus_wait(bus, PATIENCE) > 0);

        assert_string_equal(callers_app(callers, call), "");
        assert_is(callers, call, &owners[1]);
        callers_free(callers);
        sd_bus_close(bus);
        sd_bus_unref(bus);
        assert_int_equal(wait_for_exit(fake), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_name_that_is_used_again),
        };
        return cmocka_run_group_tests(tests, setup, tear_down);
}
