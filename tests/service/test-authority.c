/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What goes beyond one's own jobs is asked of polkit: a stand-in for it answers on the bus. */

#include "listener.h"

#define AUTHORITY "org.freedesktop.PolicyKit1.Authority"

static Place place;

static int setup(void **state)
{
        return place_set_up(state, &place, "default_model = \"stub\";", "stub", "stub-slow");
}

/* Says yes to those that may ask for a dialog, and to manage-models; "challenge" to those that may not. */
static int on_check(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const char *kind, *key, *name, *action;
        uint32_t flags;
        (void)userdata, (void)error;

        CHECK(sd_bus_message_read(call, "(sa{sv})s", &kind, 1, &key, "s", &name, &action) >= 0);
        CHECK(streq(kind, "system-bus-name") && streq(key, "name") && name[0] == ':');
        CHECK(sd_bus_message_skip(call, "a{ss}") >= 0);
        CHECK(sd_bus_message_read(call, "u", &flags) >= 0);
        if (streq(action, IMAGINE_ACTION_MANAGE_MODELS))
                flags = 1;
        /* A person thinks; nobody else waits meanwhile. */
        sleep_ms(200);
        return sd_bus_reply_method_return(call, "(bba{ss})", flags == 1, flags != 1, 0);
}

static const sd_bus_vtable polkit_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", on_check, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static pid_t start_polkit(void)
{
        pid_t pid = fork_child();
        if (pid == 0) {
                sd_bus *bus = place_connect(&place);
                CHECK(sd_bus_add_object_vtable(
                                      bus, NULL, "/org/freedesktop/PolicyKit1/Authority", AUTHORITY, polkit_vtable,
                                      NULL) >= 0);
                CHECK(sd_bus_request_name(bus, "org.freedesktop.PolicyKit1", 0) >= 0);
                for (;;)
                        if (sd_bus_process(bus, NULL) == 0)
                                (void)sd_bus_wait(bus, UINT64_MAX);
        }
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        while (sd_bus_call_method(
                               bus, "org.freedesktop.PolicyKit1", "/", "org.freedesktop.DBus.Peer", "Ping", NULL, NULL,
                               NULL) == -EHOSTUNREACH)
                sleep_ms(5);
        return pid;
}

/* The error's name, "" if there was none. */
static const char *try(sd_bus *bus, bool may_ask, const char *member, const char *types, uint32_t uid, uint32_t id)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        static char name[256];
        sd_bus_error error = SD_BUS_ERROR_NULL;

        CHECK(sd_bus_message_new_method_call(
                              bus, &call, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, member) >= 0);
        CHECK(sd_bus_message_set_allow_interactive_authorization(call, may_ask) >= 0);
        if (streq(types, "uu"))
                CHECK(sd_bus_message_append(call, "uu", uid, id) >= 0);
        if (streq(types, "s"))
                CHECK(sd_bus_message_append(call, "s", "stub") >= 0);
        int r = sd_bus_call(bus, call, 0, &error, NULL);
        (void)snprintf(name, sizeof(name), "%s", r >= 0 ? "" : error.name);
        sd_bus_error_free(&error);
        return name;
}

static int refused_without_polkit(sd_bus *bus, void *data)
{
        const JobRef *job = data;

        for (int may_ask = 0; may_ask < 2; may_ask++) {
                CHECK(streq(try(bus, may_ask, "ListAllJobs", "", 0, 0), SD_BUS_ERROR_ACCESS_DENIED));
                CHECK(streq(try(bus, may_ask, "CancelJob", "uu", 0, job->id), SD_BUS_ERROR_ACCESS_DENIED));
                CHECK(streq(try(bus, may_ask, "LoadModel", "s", 0, 0), SD_BUS_ERROR_ACCESS_DENIED));
                CHECK(streq(try(bus, may_ask, "UnloadModel", "", 0, 0), SD_BUS_ERROR_ACCESS_DENIED));
                /* Whether there is such a job is not told either. */
                CHECK(streq(try(bus, may_ask, "CancelJob", "uu", 0, 4711), SD_BUS_ERROR_ACCESS_DENIED));
        }
        JobRef own = {};
        CHECK(generate(bus, &own, "x", 0) >= 0);
        CHECK(streq(try(bus, false, "CancelJob", "uu", getuid(), own.id), ""));
        return 0;
}

static void test_without_polkit_root_only(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job = {};
        (void)state;

        if (!is_root())
                skip();
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        as_user(&place, "games", refused_without_polkit, &job);
        assert_string_equal(try(bus, false, "ListAllJobs", "", 0, 0), "");
        assert_string_equal(try(bus, false, "CancelJob", "uu", 0, 4711), IMAGINE_ERROR_NO_SUCH_JOB);
        assert_string_equal(try(bus, false, "CancelJob", "uu", 0, job.id), "");
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_CANCELLED));
}

static int asked(sd_bus *bus, void *data)
{
        const JobRef *job = data;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const char *state, *priority;
        uint32_t uid, id;
        double progress;

        CHECK(streq(try(bus, false, "ListAllJobs", "", 0, 0), SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED));
        CHECK(streq(try(bus, false, "CancelJob", "uu", 0, job->id), SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED));
        CHECK(streq(try(bus, false, "LoadModel", "s", 0, 0), ""));

        CHECK(sd_bus_message_new_method_call(
                              bus, &call, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "ListAllJobs") >= 0);
        CHECK(sd_bus_message_set_allow_interactive_authorization(call, true) >= 0);
        CHECK(sd_bus_call(bus, call, 0, NULL, &reply) >= 0);
        CHECK(sd_bus_message_enter_container(reply, 'a', "(uussd)") > 0);
        bool found = false;
        while (sd_bus_message_read(reply, "(uussd)", &uid, &id, &state, &priority, &progress) > 0)
                found = found || (uid == 0 && id == job->id && streq(priority, "batch"));
        CHECK(found);
        CHECK(streq(try(bus, true, "CancelJob", "uu", 0, job->id), ""));
        return 0;
}

/* Asked asynchronously: while the dialog is open, others are served. */
static void test_polkit_decides(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job = {};
        (void)state;

        if (!is_root())
                skip();
        pid_t polkit = start_polkit();
        assert_true(generate(
                                    bus, &job, "x", 4, "model", "s", "stub", "steps", "u", 500, "count", "u", 64,
                                    "priority", "s", "batch") >= 0);
        as_user(&place, "games", asked, &job);
        assert_false(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        (void)kill(polkit, SIGKILL);
        (void)waitpid(polkit, NULL, 0);
}

/* The program, as a user on the system bus; what it says goes into a file. Its exit code. */
static int run_client(const char *user, char *const argv[], char ret_said[static 1024])
{
        char path[PATH_MAX], said[PATH_MAX];

        (void)built("imagine", path);
        (void)snprintf(said, sizeof(said), "%s/said", place.directory);
        pid_t pid = fork_child();
        if (pid == 0) {
                int fd = open(said, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
                (void)setenv("DBUS_SYSTEM_BUS_ADDRESS", place.address, 1);
                (void)dup2(fd, STDOUT_FILENO);
                (void)dup2(fd, STDERR_FILENO);
                execute_as(user, path, argv);
        }
        int code = wait_for_exit(pid);
        _cleanup_(freep) char *text = read_text_file(said);
        (void)snprintf(ret_said, 1024, "%s", text);
        return code;
}
#define client(said, ...) run_client("games", (char *const[]) { (char *)"imagine", (char *)"--system", __VA_ARGS__, NULL }, said)

/* The client lets the service ask a person; what comes of it is its exit code. */
static void test_the_client_and_polkit(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char said[1024], id[16], text[64];
        JobRef job = {};
        (void)state;

        if (!is_root())
                skip();
        assert_true(generate(bus, &job, "a secret", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        (void)snprintf(id, sizeof(id), "%u", job.id);

        /* Nobody to ask: refused, and nothing is told of the job. */
        assert_int_not_equal(client(said, (char *)"jobs", (char *)"--all"), 0);
        assert_null(strstr(said, "root"));
        assert_int_not_equal(client(said, (char *)"cancel", (char *)"--of", (char *)"root", id), 0);
        assert_int_not_equal(client(said, (char *)"load", (char *)"stub"), 0);
        assert_int_not_equal(client(said, (char *)"unload"), 0);
        assert_true(job_string(bus, job.path, "State", text) >= 0);
        assert_false(state_is_final(text));

        /* It says yes to those that let it ask a person, as this client does. */
        pid_t polkit = start_polkit();
        assert_int_equal(client(said, (char *)"jobs", (char *)"--all"), 0);
        assert_non_null(strstr(said, "root"));
        assert_null(strstr(said, "secret"));
        assert_int_equal(client(said, (char *)"cancel", (char *)"--of", (char *)"root", id), 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_CANCELLED));
        assert_int_equal(client(said, (char *)"load", (char *)"stub"), 0);
        assert_true(place_worker(&place) > 0);
        assert_int_equal(client(said, (char *)"unload"), 0);
        assert_true(wait_for_model_state(bus, "unloaded"));
        (void)kill(polkit, SIGKILL);
        (void)waitpid(polkit, NULL, 0);
}

/* On a session bus there is one user; its apps are told apart by what the kernel shows of them. */
static int generate_from_sandbox(const Place *session, const char *app, int n)
{
        char root[PATH_MAX], path[PATH_MAX + 32], info[256];
        int granted = 0;

        (void)snprintf(root, sizeof(root), "%s/%s", session->directory, app);
        assert_int_equal(mkdir(root, 0755), 0);
        (void)snprintf(path, sizeof(path), "%s/.flatpak-info", root);
        (void)snprintf(info, sizeof(info), "[Instance]\nname=wrong\n[Application]\nname=%s\n", app);
        write_file(path, info);
        pid_t pid = fork_child();
        if (pid == 0) {
                sd_bus *bus = place_connect(session);
                sd_bus_error error = SD_BUS_ERROR_NULL;
                JobRef job = {};
                CHECK(chroot(root) == 0);
                while (granted < n && generate_error(
                                              bus, &job, &error, "x", 4, "model", "s", "stub-slow", "steps", "u", 500,
                                              "priority", "s", "interactive", "detach", "b", true) >= 0)
                        granted++;
                CHECK(granted == n || strstr(error.message, "interactive_per_app"));
                _exit(granted);
        }
        return wait_for_exit(pid);
}

static void test_apps_of_a_session(void **state)
{
        Place session;
        (void)state;

        if (!is_root())
                skip();
        place_open_bus(&session, true);
        place_add_model(&session, "stub-slow");
        place_start_service(&session, "interactive_per_app = 2;");
        assert_int_equal(generate_from_sandbox(&session, "org.example.One", 3), 2);
        assert_int_equal(generate_from_sandbox(&session, "org.example.Two", 2), 2);

        _cleanup_(bus_closep) sd_bus *bus = place_connect(&session);
        JobRef job = {};
        assert_true(generate(bus, &job, "x", 1, "priority", "s", "interactive") >= 0);
        assert_string_equal(try(bus, false, "ListAllJobs", "", 0, 0), "");
        place_close(&session);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_without_polkit_root_only),
                cmocka_unit_test(test_polkit_decides),
                cmocka_unit_test(test_the_client_and_polkit),
                cmocka_unit_test(test_apps_of_a_session),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
