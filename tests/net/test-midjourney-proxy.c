/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tasks of a proxy for Midjourney, as a server of our own plays them. */

#include "draw.h"

#define DIALECT NET_DIALECT_MIDJOURNEY_PROXY

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
        check_check(&fake, DIALECT, "{}");
}

static void test_tasks(void **state)
{
        static const Play plays[] = {
                { "long", 0, NULL, 6 },
                { "queued", 0, NULL, 3 },
                { "odd-progress", 0, NULL, 4 },
                { "banned", NET_REFUSED, "refused: There are banned words", 1 },
                { "moderated", NET_REFUSED, "refused: Blocked by AI moderator", 2 },
                { "full", NET_LIMITED, "The queue is full", 3 },
                { "full-once", 0, NULL, 4 },
                { "odd-code", NET_BAD_ANSWER, "failed (status 400): parameter error", 1 },
                { "failed", NET_BAD_ANSWER, "failed: Timeout", 2 },
                { "cancelled", NET_BAD_ANSWER, "has cancelled", 2 },
                { "no-url", NET_BAD_ANSWER, "without a picture", 2 },
                { "odd-status", NET_BAD_ANSWER, "does not say", 2 },
        };
        (void)state;
        check_plays(&fake, DIALECT, plays, ELEMENTSOF(plays));
}

/* What its queue did not take costs nothing. */
static void test_costs(void **state)
{
        static const struct {
                Play play;
                uint32_t may_cost;
        } all[] = { { { "full" }, 0 }, { { "banned" }, 0 }, { { "odd-code" }, 0 }, { { "502" }, 1 }, { { "failed" }, 1 } };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                Outcome o = draw_with(&fake, DIALECT, &all[i].play);
                if (o.code == 0 || o.failure.may_cost != all[i].may_cost)
                        fail_msg("%s: %u", all[i].play.name, o.failure.may_cost);
                outcome_done(&o);
        }
}

/* There is no way to take it back. */
static void test_cancel(void **state)
{
        (void)state;
        _cleanup_(freep) char *noted = cancel_at(&fake, DIALECT, &(Play) { "pending", .requests = 3 }, NET_STAGE_DRAWING, false);
        assert_string_equal(noted, "");
}

static void all_fields(NetAsk *ask)
{
        ask->flags = NET_ASK_SEED;
        ask->seed = 41;
        ask->draw.width = 1920;
        ask->draw.height = 1080;
        (void)strcpy(ask->draw.quality, "2");
        (void)strcpy(ask->draw.style, "raw");
}

static void test_fields(void **state)
{
        (void)state;
        fake_forget(&fake);
        Outcome o = draw_with(&fake, DIALECT,
                              &(Play) { "fields", .change = all_fields, .parts = 1U << NET_PART_PICTURE | 1U << NET_PART_NEGATIVE });
        _cleanup_(freep) char *asked = fake_file(&fake, "asked");
        assert_int_equal(o.code, 0);
        assert_string_equal(asked, "{\"base64Array\": 1, \"prompt\": \"a \\\"red\\\" fox --no text, blur --ar 16:9 --seed 41 --q 2 "
                                   "--style raw\", \"state\": \"\"}\n");
        outcome_done(&o);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_transport), cmocka_unit_test(test_tasks), cmocka_unit_test(test_costs), cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_fields),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
