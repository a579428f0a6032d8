/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The network worker against a server that plays every trick. */

#include "harness.h"

#define FOX "A red fox at dawn, golden light, watercolour"

static Fake fake;

static int set_up(void **state)
{
        (void)state;
        fake_make(&fake);
        fake_start(&fake, NULL);
        /* Waiting between tries is tested in test-retry.c. */
        return setenv("IMAGINED_NET_TEST_WAIT_MS", "1", 1);
}

static int tear_down(void **state)
{
        (void)state;
        fake_remove(&fake);
        return 0;
}

static void streamed(NetAsk *ask)
{
        ask->flags |= NET_ASK_STREAM;
}

static void hasty(NetAsk *ask)
{
        ask->limits.first_byte_ms = 200;
        ask->limits.tries = 1;
}

static void restless(NetAsk *ask)
{
        ask->limits.idle_ms = 200;
}

static void short_of_time(NetAsk *ask)
{
        ask->limits.total_ms = 200;
}

static void small(NetAsk *ask)
{
        ask->limits.answer_bytes = 65536;
}

static void three(NetAsk *ask)
{
        ask->count = 3;
        ask->flags |= NET_ASK_SEED;
        ask->seed = 41;
}

#define ANY SIZE_MAX

typedef struct Play {
        const char *name;
        int code;
        const char *says; /* the result, or a part of the error's sentence */
        size_t connections; /* ANY: as many as there was time for */
        void (*change)(NetAsk *ask);
        bool truncated;
} Play;

static void check(const Play *play)
{
        fake_forget(&fake);
        Outcome o = ask_with(&fake, play->name, play->change);
        size_t connections = fake_count(&fake, "connections") / strlen("connection\n");

        if (o.code != play->code || o.status != 0)
                fail_msg("%s: %d '%s', status %d", play->name, o.code, o.text, o.status);
        if (play->code == 0 && (o.n_results != 1 || !strstr(o.results[0], play->says) || o.results[0][0] == ' '))
                fail_msg("%s: %u results, '%s'", play->name, o.n_results, o.results[0]);
        if (play->code < 0 && (o.n_results > 0 || !strstr(o.text, play->says)))
                fail_msg("%s: '%s'", play->name, o.text);
        if (play->connections != ANY && connections != play->connections)
                fail_msg("%s: %zu connections", play->name, connections);
        assert_true(play->code < 0 || o.infos[0].truncated == play->truncated);
        outcome_done(&o);
}

static void check_all(const Play *plays, size_t n)
{
        for (size_t i = 0; i < n; i++)
                check(&plays[i]);
}

static void test_answers(void **state)
{
        static const Play plays[] = {
                { "ok", 0, FOX, 1 },
                { "parts", 0, "A red fox", 1 },
                { "length", 0, "A red fox at", 1, .truncated = true },
                { "think", 0, "a red fox", 1 },
                { "think-late", 0, "A red fox", 1 },
                { "control", 0, "A red [31m fox 🦊", 1 },
                { "half-characters", 0, "A red � fox �🦊", 1 },
                { "null", NET_BAD_ANSWER, "answered nothing", 1 },
                { "think-open", NET_BAD_ANSWER, "before it said anything", 1 },
                { "refusal", NET_REFUSED, "refused: I will not draw that.", 1 },
                { "filter", NET_REFUSED, "content filter", 1 },
                { "policy", NET_REFUSED, "not allowed here", 1 },
                { "empty", NET_BAD_ANSWER, "answered nothing", 1 },
                { "no-choices", NET_BAD_ANSWER, "no chat completion", 1 },
                { "html", NET_BAD_ANSWER, "no chat completion", 1 },
                { "nothing", NET_BAD_ANSWER, "no chat completion", 1 },
                { "long", NET_BAD_ANSWER, "longer than", 1 },
        };
        (void)state;
        check_all(plays, ELEMENTSOF(plays));
}

static void test_streams(void **state)
{
        static const Play plays[] = {
                { "stream", 0, FOX, 1, streamed },
                { "stream-crlf", 0, FOX, 1, streamed },
                { "stream-no-done", 0, FOX, 1, streamed },
                { "ok", 0, FOX, 1, streamed }, /* a server that cannot */
                { "stream-cut", NET_BAD_ANSWER, "cut off", 1, streamed },
                { "stream-error", NET_BAD_ANSWER, "out of soup", 1, streamed },
                { "stream-garbage", NET_BAD_ANSWER, "no stream", 1, streamed },
                { "stream", NET_BAD_ANSWER, "no chat completion", 1 }, /* nobody asked for it */
        };
        (void)state;
        check_all(plays, ELEMENTSOF(plays));
}

static void test_errors(void **state)
{
        static const Play plays[] = {
                { "400", NET_BAD_ANSWER, "status 400): no such model", 1 },
                { "401", NET_KEY_REJECTED, "wants a key", 1 },
                { "403", NET_KEY_REJECTED, "403", 1 },
                { "429-once", 0, FOX, 2 },
                { "429-date", 0, FOX, 2 },
                { "429", NET_LIMITED, "too many requests", 3 },
                { "429-long", NET_LIMITED, "too many requests", 1 },
                { "quota", NET_LIMITED, "is spent", 1 },
                { "500-twice", 0, FOX, 3 },
                { "500", NET_BAD_ANSWER, "status 503", 3 },
                { "no-retry", NET_BAD_ANSWER, "status 503", 1 },
        };
        (void)state;
        check_all(plays, ELEMENTSOF(plays));
}

static void test_lies(void **state)
{
        static const Play plays[] = {
                { "truncated", NET_BAD_ANSWER, "cut off", 1 },
                { "short", NET_BAD_ANSWER, "no chat completion", 1 },
                { "big", NET_BAD_ANSWER, "more than 65536 bytes", 1, small },
                { "endless", NET_BAD_ANSWER, "more than 65536 bytes", 1, small },
                { "endless-header", NET_BAD_ANSWER, "more than 65536 bytes", 1, small },
                { "gzip", NET_BAD_ANSWER, "no chat completion", 1 },
                { "close", NET_UNREACHABLE, "127.0.0.1", 3 },
                { "noise", NET_UNREACHABLE, "127.0.0.1", 3 },
        };
        (void)state;
        check_all(plays, ELEMENTSOF(plays));
}

static void test_slowness(void **state)
{
        static const Play plays[] = {
                { "silent", NET_UNREACHABLE, "does not answer", ANY, hasty },
                { "half", NET_UNREACHABLE, "stopped in the middle", 1, restless },
                { "drip", NET_UNREACHABLE, "stopped in the middle", 1, restless },
                { "drip", NET_UNREACHABLE, "longer than", ANY, short_of_time },
                { "silent", NET_UNREACHABLE, "longer than", ANY, short_of_time },
        };
        (void)state;
        check_all(plays, ELEMENTSOF(plays));
}

static void test_redirects(void **state)
{
        static const Play plays[] = {
                { "redirect-path", 0, "a fox", 2 },
                { "redirect-loop", NET_BAD_ANSWER, "not followed", 4 },
                { "redirect-host", NET_BAD_ANSWER, "not followed", 1 },
                { "redirect-port", NET_BAD_ANSWER, "not followed", 1 },
                { "redirect-file", NET_BAD_ANSWER, "not followed", 1 },
                { "redirect-302", NET_BAD_ANSWER, "not followed", 1 },
        };
        (void)state;
        check_all(plays, ELEMENTSOF(plays));
}

static void test_unreachable(void **state)
{
        static const Fake nobody = { .port = 1 };
        (void)state;

        Outcome o = ask_with(&nobody, "ok", NULL);
        assert_int_equal(o.code, NET_UNREACHABLE);
        assert_int_equal(o.backed_off, 2);
        outcome_done(&o);
}

/* One request each, with a seed of its own. */
static void test_several(void **state)
{
        (void)state;
        fake_forget(&fake);
        Outcome o = ask_with(&fake, "seed", three);

        assert_int_equal(o.code, 0);
        assert_int_equal(o.n_results, 3);
        assert_string_equal(o.results[0], "seed 41");
        assert_string_equal(o.results[2], "seed 43");
        assert_int_equal(o.infos[0].tokens_in, 11);
        assert_int_equal(o.infos[0].tokens_out, 7);
        assert_string_equal(o.infos[0].model, "fake-1");
        outcome_done(&o);
}

/* What the server is told, word for word. */
static void test_messages(void **state)
{
        NetAsk question = good_ask(&fake, "messages");
        int socket;
        pid_t pid = start_worker(&socket);
        (void)state;

        send_text(socket, NET_PART_ROLE, "You draw.");
        send_text(socket, NET_PART_PROMPT, "a \"fox\"");
        send_text(socket, NET_PART_EARLIER, "A fox.");
        send_text(socket, NET_PART_CHANGE, "warmer");
        send_text(socket, NET_PART_PICTURE, "\x89PNG");
        send_ask(socket, &question);
        Outcome o = hear(socket, pid);
        assert_int_equal(o.code, 0);
        assert_string_equal(
                        o.results[0],
                        "[{\"role\": \"system\", \"content\": \"You draw.\"}, {\"role\": \"user\", \"content\": [{\"type\": \"text\", "
                        "\"text\": \"a \\\"fox\\\"\"}, {\"type\": \"image_url\", \"image_url\": {\"url\": "
                        "\"data:image/png;base64,iVBORw==\"}}]}, {\"role\": \"assistant\", \"content\": \"A fox.\"}, "
                        "{\"role\": \"user\", \"content\": \"warmer\"}]");
        outcome_done(&o);
}

static void test_incomplete(void **state)
{
        NetAsk question = good_ask(&fake, "ok");
        (void)state;

        for (int i = 0; i < 2; i++) {
                int socket;
                pid_t pid = start_worker(&socket);
                send_text(socket, NET_PART_ROLE, "You draw.");
                if (i == 1) {
                        send_text(socket, NET_PART_PROMPT, "a fox");
                        send_text(socket, NET_PART_CHANGE, "warmer");
                }
                send_ask(socket, &question);
                Outcome o = hear(socket, pid);
                assert_int_equal(o.code, -EINVAL);
                assert_true(o.text[0]);
                outcome_done(&o);
        }
}

/* Until a file of the server's has something. */
static void wait_for(const char *name)
{
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;

        while (fake_count(&fake, name) == 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
}

static pid_t begin(const char *play, int *ret_socket)
{
        NetAsk question = good_ask(&fake, play);
        pid_t pid = start_worker(ret_socket);

        fake_forget(&fake);
        send_text(*ret_socket, NET_PART_PROMPT, "a fox");
        send_ask(*ret_socket, &question);
        return pid;
}

/* Before the answer, in its middle, and while the worker waits to try again. */
static void test_cancel(void **state)
{
        static const struct {
                const char *play, *file;
                NetStage stage;
        } plays[] = {
                { "silent", "left", NET_STAGE_WAITING },
                { "half", "left", NET_STAGE_RECEIVING },
                { "429", "received", NET_STAGE_BACKING_OFF },
        };
        (void)state;

        assert_int_equal(setenv("IMAGINED_NET_TEST_WAIT_MS", "50000", 1), 0);
        for (size_t i = 0; i < ELEMENTSOF(plays); i++) {
                NetMessage m = { .type = NET_TYPE_MAX };
                int socket, fd = -1;
                pid_t pid = begin(plays[i].play, &socket);

                while (m.type != NET_PROGRESS || m.progress.stage != plays[i].stage)
                        assert_int_equal(net_receive(socket, &m, &fd), 1);
                wait_for("received");
                m = (NetMessage) { .version = NET_VERSION, .type = NET_CANCEL };
                assert_int_equal(net_send(socket, &m, -1), 0);
                Outcome o = hear(socket, pid);
                assert_int_equal(o.code, -ECANCELED);
                wait_for(plays[i].file);
                outcome_done(&o);
        }
        assert_int_equal(setenv("IMAGINED_NET_TEST_WAIT_MS", "1", 1), 0);
}

/* When the service goes, so does the worker. */
static void test_abandoned(void **state)
{
        int socket;
        (void)state;

        pid_t pid = begin("silent", &socket);
        wait_for("received");
        (void)close(socket);
        assert_int_equal(wait_for_exit(pid), 0);
        wait_for("left");

        pid = start_worker(&socket);
        (void)close(socket);
        assert_int_equal(wait_for_exit(pid), 0);
}

static void test_nonsense(void **state)
{
        int socket;
        (void)state;

        pid_t pid = start_worker(&socket);
        assert_int_equal(send(socket, "fox", 3, 0), 3);
        Outcome o = hear(socket, pid);
        assert_int_equal(o.code, -EBADMSG);
        outcome_done(&o);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answers),   cmocka_unit_test(test_streams),    cmocka_unit_test(test_errors),
                cmocka_unit_test(test_lies),      cmocka_unit_test(test_slowness),   cmocka_unit_test(test_redirects),
                cmocka_unit_test(test_unreachable), cmocka_unit_test(test_several),  cmocka_unit_test(test_messages),
                cmocka_unit_test(test_incomplete), cmocka_unit_test(test_cancel),    cmocka_unit_test(test_abandoned),
                cmocka_unit_test(test_nonsense),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
