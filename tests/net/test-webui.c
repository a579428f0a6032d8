/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Web UIs of AUTOMATIC1111's kind, as a server of our own plays them. */

#include "draw.h"

#define DIALECT NET_DIALECT_WEBUI

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

static void three(NetAsk *ask)
{
        ask->count = 3;
}

static void seeded(NetAsk *ask)
{
        three(ask);
        ask->flags = NET_ASK_SEED;
        ask->seed = 41;
}

static void previewed(NetAsk *ask)
{
        ask->draw.previews = 2;
}

static void test_transport(void **state)
{
        (void)state;
        check_patience(&fake, DIALECT, 0);
        check_transport(&fake, DIALECT, 1);
        check_check(&fake, DIALECT, "{\"models\":[\"one.safetensors [12]\",\"two\"]}");
}

static void test_answers(void **state)
{
        static const Play plays[] = {
                { "no-info", 0, NULL, 1 },
                { "bad-info", 0, NULL, 1 },
                { "lying-grid", 0, NULL, 1, three },
                { "slow", 0, NULL, ANY, previewed, .n_partial = 2 },
                { "no-images", NET_BAD_ANSWER, "without a picture", 1 },
                { "null-images", NET_BAD_ANSWER, "without a picture", 1 },
                { "text-images", NET_BAD_ANSWER, "no base64", 1 },
                { "404-init", NET_BAD_ANSWER, "404): Init image not found", 1 },
                { "422", NET_BAD_ANSWER, "422): value is not a valid integer", 1 },
                { "500-memory", NET_BAD_ANSWER, "500): OutOfMemoryError", 1 }, /* it would be short of memory again */
        };
        (void)state;
        check_plays(&fake, DIALECT, plays, ELEMENTSOF(plays));
}

static void all_fields(NetAsk *ask)
{
        seeded(ask);
        (void)strcpy(ask->model, "one");
        (void)strcpy(ask->draw.style, "ink");
        ask->count = 1;
        ask->draw.width = 512;
        ask->draw.height = 768;
        ask->draw.steps = 20;
        ask->draw.guidance = 7.5;
        ask->draw.strength = 0.5;
}

static void test_fields(void **state)
{
        static const struct {
                Play play;
                const char *fields;
        } all[] = {
                { { "fields" }, "{\"batch_size\": 1, \"prompt\": \"a \\\"red\\\" fox\", \"save_images\": false, \"send_images\": true}" },
                { { "fields", .change = all_fields, .parts = 1U << NET_PART_NEGATIVE | 1U << NET_PART_PICTURE | 1U << NET_PART_MASK },
                  "{\"batch_size\": 1, \"cfg_scale\": 7.5, \"denoising_strength\": 0.5, \"height\": 768, \"init_images\": [40], "
                  "\"inpaint_full_res\": false, \"inpainting_fill\": 1, \"inpainting_mask_invert\": 0, \"mask\": 40, \"mask_blur\": 0, \"negative_prompt\": \"text, blur\", "
                  "\"override_settings\": {\"sd_model_checkpoint\": \"one\"}, \"prompt\": \"a \\\"red\\\" fox\", \"save_images\": false, "
                  "\"seed\": 41, \"send_images\": true, \"steps\": 20, \"styles\": [\"ink\"], \"width\": 512}" },
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                Outcome o = draw_with(&fake, DIALECT, &all[i].play);
                if (o.code != 0)
                        fail_msg("%s", o.text);
                assert_string_equal(fields_of(&o), all[i].fields);
                outcome_done(&o);
        }
}

/* The sheet of all pictures is none of them. */
static void test_what_is_told(void **state)
{
        (void)state;

        Outcome o = draw_with(&fake, DIALECT, &(Play) { "grid", .change = seeded });
        assert_int_equal(o.n_results, 3);
        for (unsigned i = 0; i < 3; i++) {
                const char number[] = { (char)('0' + (int)i), '\0' };
                assert_int_equal(o.infos[i].has_seed, 1);
                assert_int_equal(o.infos[i].seed, 41 + i);
                assert_string_equal(o.infos[i].model, "one");
                assert_string_equal(o.results[i] + o.sizes[i] - 1, number);
        }
        outcome_done(&o);
}

/* The one at work is interrupted, and nothing else. */
static void test_cancel(void **state)
{
        (void)state;
        for (int by_closing = 0; by_closing < 2; by_closing++) {
                _cleanup_(freep) char *noted = cancel_at(&fake, DIALECT, &(Play) { "never", .requests = 1 }, NET_STAGE_WAITING, by_closing);
                assert_string_equal(noted, "interrupt\n");
        }
        _cleanup_(freep) char *later = cancel_at(&fake, DIALECT, &(Play) { "busy-never", .requests = 2 }, NET_STAGE_BACKING_OFF, false);
        assert_string_equal(later, "interrupt\n");
        assert_int_equal(setenv("IMAGINED_NET_TEST_WAIT_MS", "50000", 1), 0);
        _cleanup_(freep) char *noted = cancel_at(&fake, DIALECT, &(Play) { "429", .requests = 1 }, NET_STAGE_BACKING_OFF, false);
        assert_string_equal(noted, "");
        assert_int_equal(setenv("IMAGINED_NET_TEST_WAIT_MS", "1", 1), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_transport),    cmocka_unit_test(test_answers), cmocka_unit_test(test_fields),
                cmocka_unit_test(test_what_is_told), cmocka_unit_test(test_cancel),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
