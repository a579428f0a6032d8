/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Providers that are programs: what they say, what they find around them, and that they end. */

#include "draw.h"

#include <sys/syscall.h>

static Fake fake;
static char program[128];

static int set_up(void **state)
{
        char command[256];
        (void)state;

        int r = draw_set_up(&fake);
        /* Where nobody else may write, whatever the checkout's mode is. */
        (void)snprintf(command, sizeof(command), "cp -r tests/net/fake tests/net/fake-provider %s && chmod -R go-w %s", fake.directory,
                       fake.directory);
        assert_int_equal(system(command), 0);
        (void)snprintf(program, sizeof(program), "%s/fake-provider", fake.directory);
        return r;
}

static int tear_down(void **state)
{
        (void)state;
        fake_remove(&fake);
        return 0;
}

static NetAsk ask_for(const char *play)
{
        NetAsk ask = good_draw(&fake, NET_DIALECT_PROGRAM, "");

        (void)snprintf(ask.url, sizeof(ask.url), "%s", program);
        (void)snprintf(ask.model, sizeof(ask.model), "%s", play);
        return ask;
}

static Outcome run(const NetAsk *ask, uint32_t parts)
{
        int socket;
        pid_t pid = start_worker(&socket);

        send_parts(socket, parts);
        send_ask(socket, ask);
        return hear(socket, pid);
}

static Outcome play_with(const char *play, void (*change)(NetAsk *ask), uint32_t parts)
{
        NetAsk ask = ask_for(play);

        if (change)
                change(&ask);
        return run(&ask, parts);
}

static void three(NetAsk *ask)
{
        ask->count = 3;
}

static void impatient(NetAsk *ask)
{
        ask->limits.total_ms = 500;
}

static void test_answers(void **state)
{
        static const struct {
                const char *play;
                int code;
                const char *says;
                void (*change)(NetAsk *ask);
        } plays[] = {
                { "", 0, NULL, three },
                { "written", 0, NULL, three },
                { "progress", 0 },
                { "refused", NET_REFUSED, "refused: not allowed here" },
                { "limited", NET_LIMITED, "failed: come back" },
                { "bad-key", NET_KEY_REJECTED, "failed: unknown" },
                { "unsupported", NET_UNSUPPORTED, "failed: no seeds" },
                { "failed", NET_BAD_ANSWER, "failed: out of soup" },
                { "odd-error", NET_BAD_ANSWER, "no reason given" },
                { "nothing", NET_BAD_ANSWER, "ended without an answer" },
                { "dies", NET_BAD_ANSWER, "ended without an answer" },
                { "fewer", NET_BAD_ANSWER, "ended without an answer", three },
                { "more", NET_BAD_ANSWER, "more than was asked", three },
                { "garbage", NET_BAD_ANSWER, "does not speak" },
                { "array", NET_BAD_ANSWER, "does not speak" },
                { "text", NET_BAD_ANSWER, "no PNG" },
                { "bad-base64", NET_BAD_ANSWER, "no base64" },
                { "no-bytes", NET_BAD_ANSWER, "not written" },
                { "lying-bytes", NET_BAD_ANSWER, "not written" },
                { "huge-bytes", NET_BAD_ANSWER, "not written" },
                { "long-line", NET_BAD_ANSWER, "too long" },
                { "flood", NET_BAD_ANSWER, "does not speak" },
                { "floods", NET_BAD_ANSWER, "ended without an answer" },
                { "hangs", NET_UNREACHABLE, "longer than", impatient },
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(plays); i++) {
                Outcome o = play_with(plays[i].play, plays[i].change, 0);
                if (o.code != plays[i].code || o.status != 0 || (plays[i].says && !strstr(o.text, plays[i].says)))
                        fail_msg("%s: %d '%s', status %d", plays[i].play, o.code, o.text, o.status);
                outcome_done(&o);
        }
}

static void seeded(NetAsk *ask)
{
        ask->flags = NET_ASK_SEED;
        ask->seed = 41;
        ask->draw.width = 640;
        ask->draw.height = 480;
        ask->draw.guidance = 4.5;
        ask->draw.previews = 2;
}

static void test_fields(void **state)
{
        (void)state;
        Outcome o = play_with("fields", seeded, 1U << NET_PART_NEGATIVE | 1U << NET_PART_PICTURE);
        assert_int_equal(o.code, 0);
        assert_string_equal(fields_of(&o), "{\"count\": 1, \"format\": \"png\", \"guidance\": 4.5, \"height\": 480, \"key\": false, \"mask\": false, "
                                           "\"model\": \"fields\", \"negative_prompt\": \"text, blur\", \"picture\": true, \"previews\": 2, "
                                           "\"prompt\": \"a \\\"red\\\" fox\", \"seconds\": 100, \"seed\": 41, \"type\": \"draw\", \"version\": 1, "
                                           "\"width\": 640}");
        outcome_done(&o);
        o = play_with("parts", NULL, 1U << NET_PART_PICTURE | 1U << NET_PART_MASK);
        assert_int_equal(o.code, 0);
        assert_string_equal(o.results[0], A_PICTURE "|" A_PICTURE);
        outcome_done(&o);
}

static void test_what_is_told(void **state)
{
        (void)state;
        Outcome o = play_with("told", NULL, 0);
        assert_int_equal(o.infos[0].seed, 7);
        assert_true(o.infos[0].cost == 0.04);
        assert_string_equal(o.infos[0].currency, "USD");
        assert_string_equal(o.infos[0].model, "m-1");
        assert_string_equal(o.infos[0].revised, "A fox");
        outcome_done(&o);
        o = play_with("written", three, 0);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(o.infos[i].seed, 40 + i);
                assert_int_equal(o.results[i][o.sizes[i] - 1], '0' + (int)i);
        }
        outcome_done(&o);
        o = play_with("progress", NULL, 0);
        assert_int_equal(o.n_partial, 1);
        assert_true(o.fraction == 0.5 && o.seen[NET_STAGE_QUEUED] && o.seen[NET_STAGE_DRAWING]);
        outcome_done(&o);
        o = play_with("limited", NULL, 0);
        assert_int_equal(o.failure.wait_s, 30);
        assert_int_equal(o.failure.may_cost, 0);
        o = play_with("failed", NULL, 0);
        assert_int_equal(o.failure.may_cost, 1);
}

/* Nothing of ours: no environment, arguments or descriptors, nothing to write to. */
static void test_world(void **state)
{
        const bool has_landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* which version */) >= 1;
        (void)state;

        assert_int_equal(setenv("SECRET", "x", 1), 0);
        Outcome o = play_with("world", NULL, 0);
        assert_int_equal(o.code, 0);
        const char *found = fields_of(&o);
        assert_non_null(strstr(found, "\"arguments\": [], \"descriptors\": [0, 1, 2, 3, 4, 5, 6, 7], \"environment\": [\"HOME\", \"LANG\", "
                                      "\"PATH\"], \"folder\": \"/\", \"leads\": true, \"null\": true"));
        if (has_landlock && !strstr(found, "\"writes\": false"))
                fail_msg("%s", found);
        outcome_done(&o);
        assert_int_equal(unsetenv("SECRET"), 0);
}

/* The key comes through a descriptor alone, and is taken out of what the program says. */
static void test_key(void **state)
{
        char path[PATH_MAX];
        NetAsk ask = ask_for("key");
        (void)state;

        (void)snprintf(path, sizeof(path), "%s/k", fake.directory);
        write_file(path, THE_KEY "\n");
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", fake.directory, 1), 0);
        (void)strcpy(ask.key, "k");
        Outcome o = run(&ask, 0);
        assert_int_equal(o.code, 0);
        assert_string_equal(fields_of(&o), THE_KEY); /* a picture's bytes are nobody's text */
        outcome_done(&o);
        ask = ask_for("key-told");
        (void)strcpy(ask.key, "k");
        o = run(&ask, 0);
        assert_int_equal(o.code, NET_BAD_ANSWER);
        assert_null(strstr(o.text, "7Hq2mZx9"));
        outcome_done(&o);
        (void)strcpy(ask.key, "missing");
        o = run(&ask, 0);
        assert_int_equal(o.code, NET_NO_KEY);
        outcome_done(&o);
        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void check_only(NetAsk *ask)
{
        ask->flags = NET_ASK_CHECK;
}

static void dry(NetAsk *ask)
{
        ask->flags = NET_ASK_DRY_RUN;
        ask->count = 3;
}

static void test_check_and_dry_run(void **state)
{
        (void)state;
        Outcome o = play_with("", check_only, 0);
        assert_int_equal(o.code, 0);
        assert_string_equal(o.results[0], "{\"models\":[\"a\",\"b\"],\"credits\":3.0}");
        outcome_done(&o);
        o = play_with("dies", dry, 0); /* it is not even started */
        assert_int_equal(o.code, 0);
        assert_non_null(strstr(o.results[0], "\"prompt\":\"a \\\"red\\\" fox\""));
        outcome_done(&o);
}

static void assert_not_run(const char *path, const char *says)
{
        NetAsk ask = ask_for("");

        (void)snprintf(ask.url, sizeof(ask.url), "%s", path);
        Outcome o = run(&ask, 0);
        assert_int_equal(o.code, -EINVAL);
        if (!strstr(o.text, says))
                fail_msg("%s", o.text);
        outcome_done(&o);
}

static void test_not_run(void **state)
{
        char path[PATH_MAX];
        (void)state;

        assert_not_run("tests/net/fake-provider", "no program");
        assert_not_run("/does/not/exist", "no program");
        assert_not_run("/etc", "no program");
        assert_not_run("/etc/passwd", "no program");
        (void)snprintf(path, sizeof(path), "%s/open", fake.directory);
        write_file(path, "#!/bin/sh\n");
        assert_int_equal(chmod(path, 0777), 0);
        assert_not_run(path, "changed by others");
}

static void wait_for_note(const char *name)
{
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; fake_count(&fake, name) == 0; sleep_ms(5))
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
}

/* Once it says that it is at work, and whether by a message or by going. */
static void cancel(const char *play, const char *before, bool by_closing)
{
        NetMessage m = { .type = NET_TYPE_MAX };
        NetAsk ask = ask_for(play);
        char url[64];
        int socket;

        fake_forget(&fake);
        pid_t pid = start_worker(&socket);
        (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", fake.port);
        send_text(socket, NET_PART_PROMPT, url);
        send_ask(socket, &ask);
        while (m.type != NET_PROGRESS || m.progress.stage != NET_STAGE_DRAWING) {
                _cleanup_(closep) int fd = -1;
                assert_int_equal(net_receive(socket, &m, &fd), 1);
        }
        if (before)
                wait_for_note(before);
        if (by_closing) {
                (void)close(socket);
                assert_int_equal(wait_for_exit(pid), 0);
                return;
        }
        m = (NetMessage) { .version = NET_VERSION, .type = NET_CANCEL };
        assert_int_equal(net_send(socket, &m, -1), 0);
        Outcome o = hear(socket, pid);
        assert_int_equal(o.code, -ECANCELED);
        outcome_done(&o);
}

/* It is told, and has time to tell its server; if it does not heed that, it and its children are killed. */
static void test_cancel(void **state)
{
        (void)state;
        for (int by_closing = 0; by_closing < 2; by_closing++) {
                cancel("polite", NULL, by_closing);
                assert_int_equal(count_lines(&fake, "cancelled"), 1);
        }
        static const char *const stubborn[] = { "deaf", "scattered" };
        for (size_t i = 0; i < ELEMENTSOF(stubborn); i++) {
                cancel(stubborn[i], "requests", false);
                wait_for_note("left");
        }
}

/* A worker that is killed takes the program with it. */
static void test_killed(void **state)
{
        NetMessage m = { .type = NET_TYPE_MAX };
        NetAsk ask = ask_for("deaf");
        char url[64];
        int socket;
        (void)state;

        fake_forget(&fake);
        pid_t pid = start_worker(&socket);
        (void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", fake.port);
        send_text(socket, NET_PART_PROMPT, url);
        send_ask(socket, &ask);
        while (m.type != NET_PROGRESS || m.progress.stage != NET_STAGE_DRAWING) {
                _cleanup_(closep) int fd = -1;
                assert_int_equal(net_receive(socket, &m, &fd), 1);
        }
        wait_for_note("requests");
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        wait_for_note("left");
        (void)close(socket);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answers), cmocka_unit_test(test_fields),            cmocka_unit_test(test_what_is_told),
                cmocka_unit_test(test_world),   cmocka_unit_test(test_key),               cmocka_unit_test(test_check_and_dry_run),
                cmocka_unit_test(test_not_run), cmocka_unit_test(test_cancel),            cmocka_unit_test(test_killed),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
