/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runway's tasks, as a server of our own plays them. */

#include "draw.h"

#define DIALECT NET_DIALECT_RUNWAY

static Fake fake;

static int set_up(void **state)
{
        (void)state;
        return draw_set_up(&fake);
}

static int tear_down(void **state)
{
        (void)state;
        fake_remove(&fake);
        return 0;
}

static void test_transport(void **state)
{
        (void)state;
        check_patience(&fake, DIALECT, 2);
        check_transport(&fake, DIALECT, 0);
        check_check(&fake, DIALECT, "{\"models\":[\"gen4_image\"],\"credits\":99.0}");
}

static void two(NetAsk *ask)
{
        ask->count = 2;
}

static void test_tasks(void **state)
{
        static const Play plays[] = {
                { "long", 0, NULL, 6 },
                { "ok", 0, NULL, 6, two },
                { "flaky", 0, NULL, 4 }, /* a look that failed is no failed task */
                { "safety", NET_REFUSED, "refused: No celebrities", 5 },
                { "moderated", NET_REFUSED, "refused: Content moderation", 1 },
                { "failed", NET_BAD_ANSWER, "failed: It broke", 2 },
                { "cancelled", NET_BAD_ANSWER, "has cancelled", 2 },
                { "no-status", NET_BAD_ANSWER, "does not say", 3 }, /* and the task is deleted */
                { "odd-status", NET_BAD_ANSWER, "does not say", 3 },
                { "no-output", NET_BAD_ANSWER, "without a picture", 2 },
                { "null-output", NET_BAD_ANSWER, "without a picture", 2 },
                { "bad-id", NET_BAD_ANSWER, "does not name", 1 },
                { "no-id", NET_BAD_ANSWER, "does not name", 1 },
                { "long-id", NET_BAD_ANSWER, "does not name", 1 },
                { "expired", NET_BAD_ANSWER, "not at its address any more", 3 },
                { "output-loopback", NET_BAD_ANSWER, "not on the Internet", 2 },
                { "output-file", NET_BAD_ANSWER, "not followed", 2 },
        };
        (void)state;
        check_plays(&fake, DIALECT, plays, ELEMENTSOF(plays));
}

static void short_of_time_for_it(NetAsk *ask)
{
        ask->limits.total_ms = 1000;
}

/* Whatever ends it, the task there is deleted. */
static void test_cancel(void **state)
{
        static const struct {
                Play play;
                NetStage stage;
        } all[] = {
                { { "pending", .requests = 3 }, NET_STAGE_QUEUED },
                { { "running", .requests = 3 }, NET_STAGE_DRAWING },
                { { "hanging", .requests = 3 }, NET_STAGE_DRAWING },
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                for (int by_closing = 0; by_closing < 2; by_closing++) {
                        _cleanup_(freep) char *noted = cancel_at(&fake, DIALECT, &all[i].play, all[i].stage, by_closing);
                        if (strncmp(noted, "task-", 5) != 0 || strchr(noted, '\n')[1] != '\0')
                                fail_msg("%s: '%s'", all[i].play.name, noted);
                }
        fake_forget(&fake);
        Outcome o = draw_with(&fake, DIALECT, &(Play) { "pending", .change = short_of_time_for_it });
        assert_int_equal(o.code, NET_UNREACHABLE);
        assert_int_equal(count_lines(&fake, "cancelled"), 1);
        outcome_done(&o);

        /* Before there is a task, and after its end, there is nothing to delete. */
        _cleanup_(freep) char *before = cancel_at(&fake, DIALECT, &(Play) { "silent", .requests = 1 }, NET_STAGE_WAITING, false);
        assert_string_equal(before, "");
        _cleanup_(freep) char *after = cancel_at(&fake, DIALECT, &(Play) { "fetch-hangs", .requests = 3 }, NET_STAGE_QUEUED, false);
        assert_string_equal(after, "");
}

/* While the server is too busy to be asked how far it is, what it has begun may have to be paid. */
static void test_busy_while_it_draws(void **state)
{
        static const struct {
                const char *play;
                uint32_t may_cost;
        } all[] = { { "429", 0 }, { "flaky", 1 } };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                const NetAsk question = good_draw(&fake, DIALECT, all[i].play);
                NetMessage m = { .type = NET_TYPE_MAX };
                int socket;

                fake_forget(&fake);
                pid_t pid = start_worker(&socket);
                send_parts(socket, 0);
                send_ask(socket, &question);
                while (m.type != NET_PROGRESS || m.progress.stage != NET_STAGE_BACKING_OFF) {
                        _cleanup_(closep) int fd = -1;
                        assert_int_equal(net_receive(socket, &m, &fd), 1);
                        assert_int_equal(m.type, NET_PROGRESS);
                }
                if (m.progress.may_cost != all[i].may_cost)
                        fail_msg("%s: %u", all[i].play, m.progress.may_cost);
                Outcome o = hear(socket, pid);
                outcome_done(&o);
        }
}

static void all_fields(NetAsk *ask)
{
        ask->flags = NET_ASK_SEED;
        ask->seed = 41;
        ask->draw.width = 1920;
        ask->draw.height = 1080;
        (void)strcpy(ask->draw.moderation, "low");
}

static void test_fields(void **state)
{
        (void)state;
        fake_forget(&fake);
        Outcome o = draw_with(&fake, DIALECT, &(Play) { "fields", .change = all_fields, .parts = 1U << NET_PART_PICTURE });
        _cleanup_(freep) char *asked = fake_file(&fake, "asked");
        assert_int_equal(o.code, 0);
        assert_string_equal(asked, "{\"contentModeration\": {\"publicFigureThreshold\": \"low\"}, \"model\": \"gen4_image\", "
                                   "\"promptText\": \"a \\\"red\\\" fox\", \"ratio\": \"1920:1080\", \"referenceImages\": 1, \"seed\": 41}\n");
        assert_int_equal(o.infos[0].seed, 41);
        assert_string_equal(o.infos[0].mime, "image/png");
        outcome_done(&o);
        o = draw_with(&fake, DIALECT, &(Play) { "long" });
        assert_true(o.seen[NET_STAGE_QUEUED] && o.seen[NET_STAGE_DRAWING]);
        assert_true(o.fraction == 0.4);
        outcome_done(&o);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_transport), cmocka_unit_test(test_tasks), cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_busy_while_it_draws),
                cmocka_unit_test(test_fields),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
