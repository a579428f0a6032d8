/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Keys out of a keyring, with everything recorded that others could see: the bus, the log, command lines, answers. */

#include "keyring.h"

static Fake fake;
static char address[256], capture[PATH_MAX], log_file[PATH_MAX];
static pid_t bus, monitor;

static void start_bus(void)
{
        int pipe_fds[2];

        assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
        bus = fork_child();
        if (bus == 0) {
                (void)dup2(pipe_fds[1], 9);
                (void)execlp("dbus-daemon", "dbus-daemon", "--session", "--nofork", "--print-address=9", "--nopidfile", "--nosyslog", (char *)NULL);
                _exit(127);
        }
        (void)close(pipe_fds[1]);
        ssize_t n = read(pipe_fds[0], address, sizeof(address) - 1);
        (void)close(pipe_fds[0]);
        assert_true(n > 0);
        address[strcspn(address, "\n")] = '\0';
}

/* All that goes over the bus, byte for byte. */
static void start_monitor(void)
{
        struct stat st;

        (void)snprintf(capture, sizeof(capture), "%s/capture", fake.directory);
        monitor = fork_child();
        if (monitor == 0) {
                int fd = open(capture, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                (void)dup2(fd, STDOUT_FILENO);
                (void)execlp("dbus-monitor", "dbus-monitor", "--address", address, "--binary", (char *)NULL);
                _exit(127);
        }
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        while (stat(capture, &st) < 0 || st.st_size == 0) { /* it is told its name */
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
}

static int set_up(void **state)
{
        (void)state;
        if (system("command -v dbus-daemon dbus-monitor >/dev/null 2>&1") != 0) {
                (void)fprintf(stderr, "no dbus-monitor on this machine\n");
                exit(77);
        }
        fake_make(&fake);
        fake_start(&fake, NULL);
        start_bus();
        start_monitor();
        (void)snprintf(log_file, sizeof(log_file), "%s/log", fake.directory);
        (void)unsetenv("CREDENTIALS_DIRECTORY");
        return setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
}

static int tear_down(void **state)
{
        (void)state;
        (void)kill(monitor, SIGKILL);
        (void)kill(bus, SIGKILL);
        (void)waitpid(monitor, NULL, 0);
        (void)waitpid(bus, NULL, 0);
        fake_remove(&fake);
        return 0;
}

static void with_key(NetAsk *ask)
{
        (void)snprintf(ask->key, sizeof(ask->key), "openai");
}

/* With stderr in the file "log". */
static Outcome ask_logged(const char *play)
{
        int copy = dup(STDERR_FILENO), log = open(log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        assert_true(copy >= 0 && log >= 0);
        (void)dup2(log, STDERR_FILENO);
        Outcome o = ask_with(&fake, play, with_key);
        (void)dup2(copy, STDERR_FILENO);
        (void)close(copy);
        (void)close(log);
        return o;
}

static Outcome ask_keyring(Keyring keyring, const char *play)
{
        pid_t pid = keyring_start(address, keyring);
        Outcome o = ask_logged(play);

        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return o;
}

/* Also in parts of eight characters. */
static bool holds_key(const char *data, size_t size)
{
        static const char key[] = THE_KEY;

        for (size_t i = 0; i + 8 < sizeof(key); i++)
                if (memmem(data, size, key + i, 8))
                        return true;
        return false;
}

static void assert_file_without_key(const char *path)
{
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        char *data = calloc(1, 8 << 20);

        assert_non_null(file);
        assert_non_null(data);
        size_t n = fread(data, 1, 8 << 20, file);
        if (holds_key(data, n))
                fail_msg("the key stands in %s", path);
        free(data);
}

static void test_keyring(void **state)
{
        (void)state;
        fake_forget(&fake);
        Outcome o = ask_keyring((Keyring) { .secret = THE_KEY }, "ok");
        if (o.code != 0)
                fail_msg("%s", o.text);
        _cleanup_(freep) char *received = fake_file(&fake, "received");
        assert_non_null(strstr(received, "\r\nAuthorization: Bearer " THE_KEY "\r\n"));
        assert_true(o.seen[NET_STAGE_KEY]);
        outcome_done(&o);
}

/* Nothing leaves without the key. */
static void test_no_key(void **state)
{
        static const struct {
                Keyring keyring;
                const char *says;
        } cases[] = {
                { { .secret = NULL }, "nor in the keyring" },
                { { .secret = THE_KEY, .is_locked = true }, "is locked" },
                { { .secret = THE_KEY, .lies = true }, "openai" },
                { { .secret = "no key at all" }, "is no key" },
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fake_forget(&fake);
                Outcome o = ask_keyring(cases[i].keyring, "ok");
                assert_int_equal(o.code, NET_NO_KEY);
                if (!strstr(o.text, cases[i].says))
                        fail_msg("%s", o.text);
                assert_int_equal(fake_count(&fake, "connections"), 0);
                outcome_done(&o);
        }
        Outcome o = ask_logged("ok"); /* no keyring at all */
        assert_int_equal(o.code, NET_NO_KEY);
        outcome_done(&o);
}

/* Servers that quote it. */
static void test_quoted(void **state)
{
        static const struct {
                const char *play;
                int code;
        } plays[] = { { "key", 0 }, { "key-error", NET_BAD_ANSWER }, { "401", NET_KEY_REJECTED } };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(plays); i++) {
                Outcome o = ask_keyring((Keyring) { .secret = THE_KEY }, plays[i].play);
                assert_int_equal(o.code, plays[i].code);
                assert_false(holds_key(o.text, strlen(o.text)));
                assert_true(o.n_results == 0 || !holds_key(o.results[0], strlen(o.results[0])));
                outcome_done(&o);
        }
}

/* While the worker has the key and waits for the server: what others see of its process. */
static void test_process(void **state)
{
        static const char *const files[] = { "cmdline", "environ", "comm" };
        NetAsk question = good_ask(&fake, "silent");
        pid_t keyring = keyring_start(address, (Keyring) { .secret = THE_KEY });
        NetMessage m = { .type = NET_TYPE_MAX };
        char path[64];
        int socket, fd = -1;
        (void)state;

        pid_t pid = start_worker(&socket);
        with_key(&question);
        send_text(socket, NET_PART_PROMPT, "a fox");
        send_ask(socket, &question);
        while (m.type != NET_PROGRESS || m.progress.stage != NET_STAGE_WAITING)
                assert_int_equal(net_receive(socket, &m, &fd), 1);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, files[i]);
                assert_file_without_key(path);
        }
        (void)close(socket);
        assert_int_equal(wait_for_exit(pid), 0);
        (void)kill(keyring, SIGKILL);
        (void)waitpid(keyring, NULL, 0);
}

/* After all of the above; the capture is whole when it has what is said last. */
static void test_nowhere(void **state)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        char command[PATH_MAX + 128];
        (void)state;

        (void)snprintf(command, sizeof(command),
                       "dbus-send --bus='%s' --type=signal /end org.imagined.Test.TheEndOfTheCapture", address);
        assert_int_equal(system(command), 0);
        (void)snprintf(command, sizeof(command), "grep -aq TheEndOfTheCapture '%s'", capture);
        while (system(command) != 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
        (void)snprintf(command, sizeof(command), "grep -aq GetSecret '%s'", capture); /* it has seen the keyring */
        assert_int_equal(system(command), 0);
        assert_file_without_key(capture);
        assert_file_without_key(log_file);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_keyring), cmocka_unit_test(test_no_key),  cmocka_unit_test(test_quoted),
                cmocka_unit_test(test_process), cmocka_unit_test(test_nowhere),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
