/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A private system bus under the shipped policy, and the real service on it, with the stub worker:
 *
 *     Place place;
 *     place_open_with(&place, "stub", "stub-slow");
 *     place_start_service(&place, "jobs_per_user = 2;");
 *     _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
 *     …
 *     place_close(&place);
 *
 * or one place for all tests of a program (without settings, each test starts the service itself):
 *
 *     static Place place;
 *     static int setup(void **state)
 *     {
 *             return place_set_up(state, &place, "jobs_per_user = 2;", "stub", "stub-slow");
 *     }
 *     …
 *     return cmocka_run_group_tests(tests, setup, place_tear_down);
 *
 * or place_set_up_engine(state, &place, settings): the real engine, and the model "tiny".
 *
 * Code for other users runs in as_user(): a child process in which no cmocka assertion may fail; it uses CHECK. */

#include <pwd.h>
#include <systemd/sd-bus.h>

#include "dbus/names.h"
#include "process.h"

typedef struct Place {
        char directory[64];
        char address[128];
        pid_t bus, service;
        bool is_session; /* a session bus, and the user's instance; set before place_start_bus() */
        const char *run_as; /* a user's name, for a session: not this process's; place_open_bus_of() */
        const char *system_address; /* of the bus with the machine's instance, for a session; NULL: there is none */
        bool has_engine; /* the real one instead of the stub; place_add_tiny_model() */
        const char *writer; /* what makes prompts; NULL: the real program */
} Place;

static inline sd_bus *bus_close(sd_bus *bus)
{
        return sd_bus_flush_close_unref(bus);
}
DEFINE_CLEANUP(sd_bus *, bus_close)

/* What systemd's and Debian's system bus says before the included policy: everything is denied. */
static inline void place_write_bus_config(const Place *place, const char *path)
{
        bool shipped = is_root() && !place->run_as;
        char policy[PATH_MAX], text[3 * PATH_MAX];

        assert_non_null(realpath("dbus/org.imagined.Imagine1.conf", policy));
        (void)snprintf(
                        text, sizeof(text),
                        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN\"\n"
                        " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
                        "<busconfig><type>%s</type><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth>\n"
                        "<policy context=\"default\"><allow user=\"*\"/><deny own=\"*\"/>\n"
                        "<deny send_type=\"method_call\"/><allow send_type=\"signal\"/>\n"
                        "<allow send_requested_reply=\"true\" send_type=\"method_return\"/>\n"
                        "<allow send_requested_reply=\"true\" send_type=\"error\"/>\n"
                        "<allow receive_type=\"method_call\"/><allow receive_type=\"method_return\"/>\n"
                        "<allow receive_type=\"error\"/><allow receive_type=\"signal\"/>\n"
                        "<allow send_destination=\"org.freedesktop.DBus\"\n"
                        " send_interface=\"org.freedesktop.DBus\"/>\n"
                        "<allow send_destination=\"org.freedesktop.DBus\"\n"
                        " send_interface=\"org.freedesktop.DBus.Peer\"/>\n"
                        /* As the own policies of polkit, UPower, power-profiles-daemon and logind. */
                        "<allow send_destination=\"org.freedesktop.PolicyKit1\"/>\n"
                        "<allow send_destination=\"org.freedesktop.UPower\"/>\n"
                        "<allow send_destination=\"net.hadess.PowerProfiles\"/>\n"
                        "<allow send_destination=\"org.freedesktop.login1\"/></policy>\n"
                        "<policy user=\"root\"><allow own=\"org.freedesktop.PolicyKit1\"/>\n"
                        "<allow own=\"org.freedesktop.UPower\"/><allow own=\"net.hadess.PowerProfiles\"/>\n"
                        "<allow own=\"org.freedesktop.login1\"/></policy>\n"
                        "%s%s%s</busconfig>\n",
                        place->is_session ? "session" : "system", place->directory, shipped ? "<include>" : "<!--", policy,
                        shipped ? "</include>"
                                  : "--><policy context=\"default\"><allow own=\"*\"/>"
                                    "<allow send_destination=\"*\"/></policy>");
        write_file(path, text);
}

static inline void place_start_bus(Place *place)
{
        char config[PATH_MAX], option[PATH_MAX + 32];
        (void)snprintf(config, sizeof(config), "%s/bus.conf", place->directory);
        (void)snprintf(option, sizeof(option), "--config-file=%s", config);
        place_write_bus_config(place, config);

        int pipe_fds[2];
        assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
        place->bus = fork_child();
        if (place->bus == 0) {
                (void)setpgid(0, 0);
                (void)dup2(pipe_fds[1], 9);
                /* It complains about users that this machine lacks. */
                int null = open("/dev/null", O_WRONLY);
                if (null >= 0)
                        (void)dup2(null, STDERR_FILENO);
                (void)execlp("dbus-daemon", "dbus-daemon", option, "--nofork", "--print-address=9", "--nopidfile",
                             (char *)NULL);
                _exit(127);
        }
        (void)close(pipe_fds[1]);
        ssize_t n = read(pipe_fds[0], place->address, sizeof(place->address) - 1);
        (void)close(pipe_fds[0]);
        assert_true(n > 0);
        place->address[strcspn(place->address, "\n")] = '\0';
}

static inline void place_open_bus_of(Place *place, bool is_session, const char *run_as)
{
        char models[PATH_MAX];

        *place = (Place) { .is_session = is_session, .run_as = run_as };
        (void)snprintf(place->directory, sizeof(place->directory), "/tmp/imagined-test-XXXXXX");
        assert_non_null(mkdtemp(place->directory));
        assert_int_equal(chmod(place->directory, 0755), 0);
        (void)snprintf(models, sizeof(models), "%s/models", place->directory);
        assert_int_equal(mkdir(models, 0755), 0);
        place_start_bus(place);
}

static inline void place_open_bus(Place *place, bool is_session)
{
        place_open_bus_of(place, is_session, NULL);
}

static inline void place_open(Place *place)
{
        place_open_bus(place, false);
}

static inline void place_add_model(const Place *place, const char *name)
{
        char path[PATH_MAX], index[PATH_MAX + 32];

        (void)snprintf(path, sizeof(path), "%s/models/%s", place->directory, name);
        assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
        (void)snprintf(index, sizeof(index), "%s/model_index.json", path);
        write_file(index, "{}");
}

/* A small model for the real engine, named "tiny". */
static inline void place_add_tiny_model(const Place *place)
{
        char command[2 * PATH_MAX];

        (void)snprintf(
                        command, sizeof(command), "cp -RL tests/fixtures/tiny-model '%s/models/tiny'", place->directory);
        assert_int_equal(system(command), 0);
}

/* From that picture on, counted from 0, the steps of "stub-slow" behind that one wait until place_release(). */
static inline void place_hold_from(const Place *place, unsigned picture, unsigned step)
{
        char path[PATH_MAX], other[PATH_MAX], text[32];

        (void)snprintf(path, sizeof(path), "%s/hold", place->directory);
        (void)snprintf(other, sizeof(other), "%s/hold.new", place->directory);
        (void)snprintf(text, sizeof(text), "%u %u", step, picture);
        write_file(other, text);
        assert_int_equal(rename(other, path), 0);
}

/* From the first picture on; so does loading "stub-slow-load". */
static inline void place_hold(const Place *place, unsigned step)
{
        place_hold_from(place, 0, step);
}

static inline void place_release(const Place *place)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/hold", place->directory);
        assert_int_equal(unlink(path), 0);
}

static inline void place_write_config(const Place *place, const char *settings)
{
        char path[PATH_MAX], text[8 * PATH_MAX], worker[PATH_MAX], writer[PATH_MAX], prompts[PATH_MAX], net[PATH_MAX];

        assert_non_null(realpath("conf/prompts", prompts));
        (void)snprintf(path, sizeof(path), "%s/imagined.conf", place->directory);
        (void)snprintf(
                        text, sizeof(text),
                        "models = [\"%s/models\"];\nworker = \"%s\";\nprompt_worker = \"%s\";\n"
                        "prompts = [\"%s/prompts\", \"%s\"];\nnet_worker = \"%s\";\n%s\n",
                        place->directory, built(place->has_engine ? "imagined-engine" : "tests/service/stub-worker", worker),
                        place->writer ? place->writer : built("imagined-prompts", writer), place->directory, prompts, built("imagined-net", net), settings);
        write_file(path, text);
}

static inline char *place_log(const Place *place)
{
        char path[PATH_MAX];
        (void)snprintf(path, sizeof(path), "%s/log", place->directory);
        return read_text_file(path);
}

static inline void wait_for_log(const Place *place, const char *text)
{
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;; sleep_ms(10)) {
                _cleanup_(freep) char *log = place_log(place);
                if (strstr(log, text))
                        return;
                if (clock_usec(CLOCK_MONOTONIC) > end)
                        fail_msg("the log does not say '%s':\n%s", text, log);
        }
}

static inline sd_bus *place_connect(const Place *place)
{
        sd_bus *bus = NULL;
        const char *name;

        /* Through the door at once: a bus closes it on whoever takes half a minute, as one that is used later may. */
        if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, place->address) < 0 ||
            sd_bus_set_bus_client(bus, true) < 0 || sd_bus_start(bus) < 0 || sd_bus_get_unique_name(bus, &name) < 0) {
                (void)fprintf(stderr, "The bus at %s cannot be reached\n", place->address);
                abort();
        }
        (void)sd_bus_set_method_call_timeout(bus, PATIENCE);
        return bus;
}

static inline bool name_is_owned(sd_bus *bus, const char *name)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int owned = 0;

        int r = sd_bus_call_method(
                        bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner",
                        NULL, &reply, "s", name);
        return r >= 0 && sd_bus_message_read(reply, "b", &owned) >= 0 && owned;
}

static inline void become(const char *user)
{
        const struct passwd *entry = getpwnam(user);
        if (!entry || setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) < 0 ||
            setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) < 0)
                _exit(126);
}

/* Another user may not be able to see where the program is built. */
_Noreturn static inline void execute_as(const char *user, const char *path, char *const argv[])
{
        int fd = open(path, O_PATH | O_CLOEXEC);

        become(user);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setenv("HOME", "/nonexistent", 1);
        (void)execveat(fd, "", argv, environ, AT_EMPTY_PATH);
        _exit(127);
}

/* Starts the program, without waiting for anything. */
static inline void place_spawn_service(Place *place)
{
        char config[PATH_MAX], log[PATH_MAX], program[PATH_MAX];
        const char *path = built("imagined", program);

        (void)snprintf(config, sizeof(config), "%s/imagined.conf", place->directory);
        (void)snprintf(log, sizeof(log), "%s/log", place->directory);
        place->service = fork_child();
        if (place->service == 0) {
                int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
                (void)dup2(fd, STDERR_FILENO);
                (void)setenv(
                                place->is_session ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS",
                                place->address, 1);
                (void)setenv("SOURCE_DATE_EPOCH", "1767225600", 1); /* the same picture is the same bytes, whenever it is drawn */
                if (place->is_session)
                        (void)setenv(
                                        "DBUS_SYSTEM_BUS_ADDRESS",
                                        place->system_address ? place->system_address : "unix:path=/nonexistent", 1);
                (void)setenv("XDG_DATA_HOME", place->directory, 1); /* records: not those of who tests */
                char *argv[] = { (char *)path, (char *)"--user", (char *)"--config", config, NULL };
                if (place->run_as)
                        execute_as(place->run_as, path, argv);
                (void)execl(path, path, place->is_session ? "--user" : "--system", "--config", config, (char *)NULL);
                _exit(127);
        }
}

static inline void place_start_service(Place *place, const char *settings)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(place);
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;

        if (place->service > 0) { /* of a test that failed */
                _cleanup_(freep) char *log = place_log(place);
                (void)fprintf(stderr, "The service said:\n%s\n", log);
                (void)kill(place->service, SIGKILL);
                (void)waitpid(place->service, NULL, 0);
        }
        place_write_config(place, settings);
        place_spawn_service(place);
        while (!name_is_owned(bus, IMAGINE_BUS_NAME)) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                assert_int_equal(waitpid(place->service, NULL, WNOHANG), 0);
                sleep_ms(5);
        }
}

/* Ends the service as systemd would; it must end cleanly. */
static inline void place_stop_service(Place *place)
{
        if (place->service <= 0)
                return;
        assert_int_equal(kill(place->service, SIGTERM), 0);
        int status = wait_for_exit(place->service);
        place->service = 0;
        if (status != 0) {
                _cleanup_(freep) char *log = place_log(place);
                (void)fprintf(stderr, "%s\n", log);
        }
        assert_int_equal(status, 0);
}

static inline void place_stop_bus(Place *place)
{
        if (place->bus <= 0)
                return;
        (void)kill(place->bus, SIGKILL);
        (void)waitpid(place->bus, NULL, 0);
        place->bus = 0;
}

/* After a test that failed, or that has closed it: nothing of it runs on. */
static inline void place_abandon(Place *place)
{
        if (place->bus <= 0)
                return;
        if (place->service > 0)
                (void)kill(place->service, SIGKILL);
        place_stop_bus(place);
}

static inline void place_close(Place *place)
{
        char command[128];

        place_stop_service(place);
        place_stop_bus(place);
        (void)snprintf(command, sizeof(command), "rm -rf '%s'", place->directory);
        IGNORE(system(command));
}

static inline void place_open_models(Place *place, const char *const models[])
{
        place_open(place);
        for (; *models; models++)
                place_add_model(place, *models);
}
#define place_open_with(place, ...) place_open_models(place, (const char *const[]) { __VA_ARGS__, NULL })

/* cmocka's set-up and tear-down of a group; settings may be NULL: no service yet. */
#define place_set_up(state, place, settings, ...) \
        place_set_up_models(state, place, settings, (const char *const[]) { __VA_ARGS__, NULL })

static inline int place_set_up_models(void **state, Place *place, const char *settings, const char *const models[])
{
        place_open_models(place, models);
        if (settings)
                place_start_service(place, settings);
        *state = place;
        return 0;
}

/* With the real engine and the model "tiny". */
static inline int place_set_up_engine(void **state, Place *place, const char *settings)
{
        place_open(place);
        place->has_engine = true;
        place_add_tiny_model(place);
        if (settings)
                place_start_service(place, settings);
        *state = place;
        return 0;
}

static inline int place_tear_down(void **state)
{
        place_close(*state);
        return 0;
}

/* The process of the worker that holds a model; 0: none. Whatever is not yet its own program looks like the service. */
static inline pid_t place_worker(const Place *place)
{
        char command[128], line[64] = "";

        (void)snprintf(command, sizeof(command), "ps -o pid=,args= --ppid %d | grep -e ' --model ' | grep -v -e ' --digest'",
                       (int)place->service);
        FILE *pipe = popen(command, "r");
        assert_non_null(pipe);
        bool some = fgets(line, sizeof(line), pipe) != NULL;
        (void)pclose(pipe);
        return some ? atoi(line) : 0;
}

/* Runs a function as another user, with a connection of its own; it returns 0 or ends the process with CHECK. */
static inline void as_user(const Place *place, const char *user, int (*function)(sd_bus *bus, void *data), void *data)
{
        pid_t pid = fork_child();
        if (pid == 0) {
                become(user);
                sd_bus *bus = place_connect(place);
                int r = function(bus, data);
                (void)bus_close(bus);
                _exit(r);
        }
        assert_int_equal(wait_for_exit(pid), 0);
}
