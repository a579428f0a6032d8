/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A call of the network worker that is given up, in each state that it can be in: what the server has heard by then, what it is
 * told, and whether it may want to be paid. */

#include "../net/harness.h"
#include "service/remote/net-call.h"

static Fake fake;

static int set_up(void **state)
{
        (void)state;
        fake_make(&fake);
        fake_start(&fake, NULL);
        sigset_t mask;
        assert_int_equal(sigemptyset(&mask) + sigaddset(&mask, SIGCHLD) + sigprocmask(SIG_BLOCK, &mask, NULL), 0);
        assert_int_equal(setenv("IMAGINED_NET_TEST_WAIT_MS", "1", 1), 0);
        return setenv("XDG_RUNTIME_DIR", fake.directory, 1); /* where no manager listens */
}

static int tear_down(void **state)
{
        (void)state;
        fake_remove(&fake);
        return 0;
}

typedef struct Scene {
        sd_event *event;
        NetStage until;
        bool is_there, has_ended;
} Scene;

static void on_progress(const NetProgress *progress, void *userdata)
{
        Scene *scene = userdata;

        scene->is_there = scene->is_there || progress->stage == (uint32_t)scene->until;
}

static int on_result(const NetResult *result, int fd, void *userdata)
{
        (void)result, (void)fd, (void)userdata;
        return 0;
}

static void on_ended(const Error *error, void *userdata)
{
        Scene *scene = userdata;

        print_message("%s\n", error ? error->text : "It is done");
        scene->has_ended = true;
}

static bool has_noted(const char *name, const char *text)
{
        _cleanup_(freep) char *noted = fake_file(&fake, name);

        return strstr(noted, text);
}

static void wait_for_note(const char *name, const char *text)
{
        for (const uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; !has_noted(name, text); sleep_ms(5))
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
}

static NetAsk ask_for(const char *play)
{
        NetAsk ask = good_ask(&fake, play);

        ask.dialect = NET_DIALECT_RUNWAY;
        ask.draw = (NetDraw) { .guidance = -1, .strength = -1 };
        ask.model[0] = '\0';
        *strrchr(ask.url, '/') = '\0'; /* the version */
        return ask;
}

/* As a service does: what it has given up may still have to tell its server. */
static void wait_until_nobody_asks(sd_event *event)
{
        const uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        char command[64];

        (void)snprintf(command, sizeof(command), "pgrep -x imagined-net -P %d >/dev/null", (int)getpid());
        while (system(command) == 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                assert_true(sd_event_run(event, 10000) >= 0);
        }
}

/* Begins, and gives up once that stage has been told of (NET_STAGE_MAX: at once) and the server has got that request ("": any or
 * none). Whether it may cost. */
static bool give_up(const char *play, NetStage stage, const char *request)
{
        static const NetCallHandlers handlers = { .progress = on_progress, .result = on_result, .ended = on_ended };
        const NetAsk ask = ask_for(play);
        int parts[NET_PART_MAX];
        Scene scene = { .until = stage };
        char program[PATH_MAX];
        NetCall *call = NULL;
        Error error = {};

        fake_forget(&fake);
        for (size_t i = 0; i < NET_PART_MAX; i++)
                parts[i] = -1;
        parts[NET_PART_PROMPT] = memfd_new_sealed("text", "a fox", 5);
        assert_true(sd_event_new(&scene.event) >= 0);
        (void)built("imagined-net", program);
        if (net_call_new(&call, scene.event, program, &ask, parts, &handlers, &scene, &error) < 0)
                fail_msg("%s", error.text);
        while (stage < NET_STAGE_MAX && !scene.is_there && !scene.has_ended)
                assert_true(sd_event_run(scene.event, UINT64_MAX) >= 0);
        assert_false(scene.has_ended);
        wait_for_note("requests", request);
        const bool may_cost = net_call_may_cost(call);
        call = net_call_free(call);
        (void)close(parts[NET_PART_PROMPT]);
        wait_until_nobody_asks(scene.event);
        sd_event_unref(scene.event);
        return may_cost;
}

static void test_before_anything_is_sent(void **state)
{
        (void)state;
        assert_false(give_up("ok", NET_STAGE_MAX, ""));
        assert_int_equal(fake_count(&fake, "received"), 0);
}

/* The server wants to be asked again in fifty seconds: it was too busy to begin, and is asked no more. */
static void test_backing_off(void **state)
{
        (void)state;
        assert_int_equal(unsetenv("IMAGINED_NET_TEST_WAIT_MS"), 0);
        assert_false(give_up("429-later", NET_STAGE_BACKING_OFF, ""));
        assert_int_equal(setenv("IMAGINED_NET_TEST_WAIT_MS", "1", 1), 0);
        _cleanup_(freep) char *requests = fake_file(&fake, "requests");
        assert_string_equal(requests, "POST /429-later/v1/text_to_image\n");
        assert_int_equal(fake_count(&fake, "cancelled"), 0);
}

static void test_waiting_for_the_answer(void **state)
{
        (void)state;
        assert_true(give_up("silent", NET_STAGE_WAITING, "POST "));
        wait_for_note("left", "left");
        assert_int_equal(fake_count(&fake, "cancelled"), 0); /* there is no task that it knows of */
}

static void test_polling(void **state)
{
        (void)state;
        assert_true(give_up("running", NET_STAGE_DRAWING, ""));
        wait_for_note("cancelled", "task-");
}

/* The picture is drawn, and there is nothing to be taken back. */
static void test_downloading(void **state)
{
        (void)state;
        assert_true(give_up("fetch-hangs", NET_STAGE_WAITING, "/files/hang"));
        assert_int_equal(fake_count(&fake, "cancelled"), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_before_anything_is_sent), cmocka_unit_test(test_backing_off), cmocka_unit_test(test_waiting_for_the_answer),
                cmocka_unit_test(test_polling), cmocka_unit_test(test_downloading),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
