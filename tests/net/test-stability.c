/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stability's pictures, as a server of our own plays them. */

#include "draw.h"

#define DIALECT NET_DIALECT_STABILITY

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

static void two(NetAsk *ask)
{
        ask->count = 2;
        ask->flags = NET_ASK_SEED;
        ask->seed = 41;
}

static void test_transport(void **state)
{
        (void)state;
        check_patience(&fake, DIALECT, 0);
        check_transport(&fake, DIALECT, 0);
        check_check(&fake, DIALECT, "{\"credits\":12.5}");
}

static void test_answers(void **state)
{
        static const Play plays[] = {
                { "bytes", 0, NULL, 1 },
                { "ok", 0, NULL, 2, two },
                { "leave-second", 0, NULL, 2, two }, /* the second is not sent on the first one's connection, and so not twice */
                { "filtered", NET_REFUSED, "content filter", 1 }, /* it came as a success, with a picture */
                { "bytes-filtered", NET_REFUSED, "content filter", 1 },
                { "bytes-text", NET_BAD_ANSWER, "no PNG", 1 },
                { "failed", NET_BAD_ANSWER, "failed", 1 },
                { "no-image", NET_BAD_ANSWER, "without a picture", 1 },
                { "403-moderation", NET_REFUSED, "refused: Your request was flagged", 1 },
                { "402", NET_LIMITED, "spent: You lack sufficient credits", 1 },
                { "413", NET_BAD_ANSWER, "413): too large", 1 },
                { "422", NET_BAD_ANSWER, "422): aspect_ratio", 1 },
        };
        (void)state;
        check_plays(&fake, DIALECT, plays, ELEMENTSOF(plays));
}

static void core(NetAsk *ask)
{
        two(ask);
        (void)strcpy(ask->draw.style, "origami");
        ask->count = 1;
        ask->draw.width = 1344;
        ask->draw.height = 756;
}

static void sd3(NetAsk *ask)
{
        (void)strcpy(ask->model, "sd3.5-medium");
        ask->draw.guidance = 4;
        ask->draw.strength = 0.5;
        ask->draw.width = ask->draw.height = 1024;
}

static void inpaint(NetAsk *ask)
{
        (void)strcpy(ask->model, "inpaint");
}

static void unknown(NetAsk *ask)
{
        (void)strcpy(ask->model, "../admin");
}

static void test_fields(void **state)
{
        static const struct {
                Play play;
                const char *fields;
        } all[] = {
                { { "fields", .change = core, .parts = 1U << NET_PART_NEGATIVE },
                  "{\"accept\": \"application/json\", \"aspect_ratio\": \"16:9\", \"negative_prompt\": \"text, blur\", \"output_format\": \"png\", "
                  "\"path\": \"/v2beta/stable-image/generate/core\", \"prompt\": \"a \\\"red\\\" fox\", \"seed\": \"41\", \"style_preset\": \"origami\"}" },
                { { "fields", .change = sd3, .parts = 1U << NET_PART_PICTURE },
                  "{\"accept\": \"application/json\", \"cfg_scale\": \"4\", \"image\": \"30 bytes\", \"mode\": \"image-to-image\", "
                  "\"model\": \"sd3.5-medium\", \"output_format\": \"png\", \"path\": \"/v2beta/stable-image/generate/sd3\", "
                  "\"prompt\": \"a \\\"red\\\" fox\", \"strength\": \"0.5\"}" },
                { { "fields", .change = inpaint, .parts = 1U << NET_PART_PICTURE | 1U << NET_PART_MASK },
                  "{\"accept\": \"application/json\", \"image\": \"30 bytes\", \"mask\": \"30 bytes\", \"output_format\": \"png\", "
                  "\"path\": \"/v2beta/stable-image/edit/inpaint\", \"prompt\": \"a \\\"red\\\" fox\"}" },
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                Outcome o = draw_with(&fake, DIALECT, &all[i].play);
                if (o.code != 0)
                        fail_msg("%s", o.text);
                assert_string_equal(fields_of(&o), all[i].fields);
                outcome_done(&o);
        }
        check_play(&fake, DIALECT, &(Play) { "ok", -EINVAL, "no model ../admin", 0, unknown });
        check_play(&fake, DIALECT, &(Play) { "ok", -EINVAL, "its mask", 0, inpaint, 1U << NET_PART_PICTURE });
}

static void test_what_is_told(void **state)
{
        static const struct {
                Play play;
                uint64_t seed;
        } all[] = { { { "ok" }, 5 }, { { "ok", .change = two }, 41 }, { { "bytes" }, 77 } };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                Outcome o = draw_with(&fake, DIALECT, &all[i].play);
                assert_int_equal(o.infos[0].has_seed, 1);
                assert_int_equal(o.infos[0].seed, all[i].seed);
                outcome_done(&o);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_transport), cmocka_unit_test(test_answers), cmocka_unit_test(test_fields),
                cmocka_unit_test(test_what_is_told),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
