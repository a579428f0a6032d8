/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* OpenAI's Images, as a server of our own plays them. */

#include "draw.h"

#define DIALECT NET_DIALECT_OPENAI_IMAGES

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

static void streamed(NetAsk *ask)
{
        ask->draw.previews = 2;
}

static void test_transport(void **state)
{
        (void)state;
        check_patience(&fake, DIALECT, 0);
        check_transport(&fake, DIALECT, 0);
}

static void test_answers(void **state)
{
        static const Play plays[] = {
                { "data-url", 0, NULL, 1 },
                { "half-characters", 0, NULL, 1 },
                { "bomb", 0, NULL, 1 }, /* whoever decodes it finds out */
                { "more", 0, NULL, 1, three },
                { "fewer", 0, NULL, 3, three }, /* the rest is asked for again */
                { "empty-data", NET_BAD_ANSWER, "without a picture", 1 },
                { "no-data", NET_BAD_ANSWER, "without a picture", 1 },
                { "null-picture", NET_BAD_ANSWER, "no base64", 1 },
                { "bad-base64", NET_BAD_ANSWER, "no base64", 1 },
                { "cut-base64", NET_BAD_ANSWER, "no base64", 1 },
                { "text-as-picture", NET_BAD_ANSWER, "no PNG, JPEG or WebP", 1 },
                { "error-200", NET_BAD_ANSWER, "out of soup", 1 },
                { "huge-body", NET_BAD_ANSWER, "more than 65536 bytes", 1, small },
                { "moderation", NET_REFUSED, "refused: not allowed here", 1 },
                { "moderation-type", NET_REFUSED, "refused: not allowed here", 1 },
                { "policy", NET_REFUSED, "refused: not allowed here", 1 },
                { "quota", NET_LIMITED, "is spent", 1 },
        };
        (void)state;
        check_plays(&fake, DIALECT, plays, ELEMENTSOF(plays));
}

static void test_streams(void **state)
{
        static const Play plays[] = {
                { "stream", 0, NULL, 1, streamed, .n_partial = 2 },
                { "stream-bits", 0, NULL, 1, streamed, .n_partial = 1 },
                { "stream-fewer", 0, NULL, 1, streamed },
                { "ok", 0, NULL, 1, streamed }, /* a server that cannot */
                { "stream", 0, NULL, 1, streamed, 1U << NET_PART_PICTURE, 2 },
                { "stream-cut", NET_BAD_ANSWER, "cut off", 1, streamed, .n_partial = 1 },
                { "stream-partials", NET_BAD_ANSWER, "cut off", 1, streamed, .n_partial = 2 },
                { "stream-error", NET_BAD_ANSWER, "out of soup", 1, streamed, .n_partial = 1 },
                { "stream-refused", NET_REFUSED, "not allowed here", 1, streamed, .n_partial = 1 },
                { "stream-garbage", NET_BAD_ANSWER, "no stream", 1, streamed, .n_partial = 1 },
                { "stream-text", NET_BAD_ANSWER, "no PNG", 1, streamed },
                { "stream", NET_BAD_ANSWER, "no list of pictures", 1 }, /* nobody asked for it */
        };
        (void)state;
        check_plays(&fake, DIALECT, plays, ELEMENTSOF(plays));
}

static void much(NetAsk *ask)
{
        ask->limits.answer_bytes = 96 << 20;
}

static void much_streamed(NetAsk *ask)
{
        much(ask);
        streamed(ask);
}

/* What the protocol promises fits into the worker's memory, in either way. */
static void test_large(void **state)
{
        static const Play plays[] = {
                { "large", 0, NULL, 1, much },
                { "stream-large", 0, NULL, 1, much_streamed },
                { "too-large", NET_BAD_ANSWER, "more than 33554432 bytes", 1, much },
        };
        (void)state;
        check_plays(&fake, DIALECT, plays, ELEMENTSOF(plays));
}

static void test_links(void **state)
{
        static const Play plays[] = {
                { "link", 0, NULL, 2 },
                { "link-untyped", 0, NULL, 2 },
                { "link-moved", 0, NULL, 3 },
                { "link-html", NET_BAD_ANSWER, "no PNG, JPEG or WebP", 2 },
                { "link-expired", NET_BAD_ANSWER, "not at its address any more", 2 },
                { "link-huge", NET_BAD_ANSWER, "more than 65536 bytes", 2, small },
                { "link-loop", NET_BAD_ANSWER, "not followed", 5 },
                { "link-to-file", NET_BAD_ANSWER, "not followed", 2 },
                { "link-to-ftp", NET_BAD_ANSWER, "not followed", 2 },
                { "link-to-port", NET_BAD_ANSWER, "not followed", 2 },
                { "link-to-private", NET_BAD_ANSWER, "not on the Internet", 2 },
                { "link-file", NET_BAD_ANSWER, "not followed", 1 },
                { "link-ftp", NET_BAD_ANSWER, "not followed", 1 },
                { "link-plain", NET_BAD_ANSWER, "not followed", 1 },
                { "link-user", NET_BAD_ANSWER, "not followed", 1 },
                { "link-loopback", NET_BAD_ANSWER, "not on the Internet", 1 },
                { "link-name", NET_BAD_ANSWER, "not on the Internet", 1 },
                { "link-number", NET_BAD_ANSWER, "not on the Internet", 1 },
                { "link-six", NET_BAD_ANSWER, "not on the Internet", 1 },
                { "link-number-type", NET_BAD_ANSWER, NULL, 1 },
        };
        (void)state;
        check_plays(&fake, DIALECT, plays, ELEMENTSOF(plays));
}

static void official(NetAsk *ask)
{
        (void)strcpy(ask->model, "gpt-image-1");
        (void)strcpy(ask->draw.quality, "low");
        (void)strcpy(ask->draw.background, "transparent");
        (void)strcpy(ask->draw.moderation, "low");
        ask->draw.width = 1536;
        ask->draw.height = 1024;
        ask->draw.compression = 80;
        ask->draw.format = 1;
        ask->count = 2;
}

static void a_copy(NetAsk *ask)
{
        ask->flags = NET_ASK_SEED;
        ask->seed = INT64_MAX;
        ask->draw.steps = 8;
        ask->draw.guidance = 4.5;
        ask->draw.strength = 0.25;
        ask->draw.width = 640;
        ask->draw.height = 384;
}

/* What is asked, field by field. */
static void test_fields(void **state)
{
        static const struct {
                Play play;
                const char *fields;
        } all[] = {
                { { "fields", .change = official },
                  "{\"background\": \"transparent\", \"model\": \"gpt-image-1\", \"moderation\": \"low\", \"n\": 2, \"output_compression\": 80, "
                  "\"output_format\": \"jpeg\", \"prompt\": \"a \\\"red\\\" fox\", \"quality\": \"low\", \"size\": \"1536x1024\"}" },
                { { "fields", .change = a_copy, .parts = 1U << NET_PART_NEGATIVE },
                  "{\"cfg_scale\": 4.5, \"n\": 1, \"negative_prompt\": \"text, blur\", \"prompt\": \"a \\\"red\\\" fox\", "
                  "\"response_format\": \"b64_json\", \"seed\": 9223372036854775807, \"size\": \"640x384\", \"steps\": 8}" },
                { { "fields", .change = a_copy, .parts = 1U << NET_PART_PICTURE | 1U << NET_PART_MASK },
                  "{\"cfg_scale\": \"4.5\", \"image\": \"30 bytes\", \"mask\": \"30 bytes\", \"n\": \"1\", \"prompt\": \"a \\\"red\\\" fox\", "
                  "\"response_format\": \"b64_json\", \"seed\": \"9223372036854775807\", \"size\": \"640x384\", \"steps\": \"8\", "
                  "\"strength\": \"0.25\"}" },
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

static void test_what_is_told(void **state)
{
        (void)state;

        Outcome o = draw_with(&fake, DIALECT, &(Play) { "ok", .change = three });
        assert_int_equal(o.n_results, 3);
        assert_int_equal(o.infos[0].kind, NET_RESULT_PICTURE);
        assert_int_equal(o.infos[0].tokens_in, 50);
        assert_int_equal(o.infos[0].tokens_in_pictures, 40);
        assert_int_equal(o.infos[1].tokens_in, 0); /* it was said of all together */
        assert_string_equal(o.infos[2].mime, "image/png");
        outcome_done(&o);

        o = draw_with(&fake, DIALECT, &(Play) { "link" });
        assert_string_equal(o.infos[0].revised, "A very red fox");
        assert_string_equal(o.infos[0].mime, "image/png");
        outcome_done(&o);

        o = draw_with(&fake, DIALECT, &(Play) { "seeds", .change = a_copy });
        assert_int_equal(o.infos[0].has_seed, 1);
        assert_int_equal(o.infos[0].seed, INT64_MAX);
        outcome_done(&o);
}

static void silent(NetAsk *ask)
{
        ask->limits.total_ms = 300;
}

/* What the budget has to know of a failure. */
static void test_cost(void **state)
{
        static const struct {
                Play play;
                bool may_cost;
                unsigned wait_s;
        } all[] = {
                { { "silent", .change = silent }, true }, { { "truncated" }, true },          { { "moderation" }, false },
                { { "401" }, false },                     { { "429-long" }, false, 3600 },    { { "empty-data" }, true },
                { { "500" }, false },                     { { "502" }, true },
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                Outcome o = draw_with(&fake, DIALECT, &all[i].play);
                if (o.code == 0 || o.failure.may_cost != all[i].may_cost || o.failure.wait_s != all[i].wait_s)
                        fail_msg("%s: %u, %u s", all[i].play.name, o.failure.may_cost, o.failure.wait_s);
                outcome_done(&o);
        }
}

static void dry(NetAsk *ask)
{
        ask->count = 3;
        ask->flags |= NET_ASK_DRY_RUN;
}

static void test_dry_run_and_check(void **state)
{
        (void)state;

        fake_forget(&fake);
        Outcome o = draw_with(&fake, DIALECT, &(Play) { "ok", .change = dry });
        assert_int_equal(o.code, 0);
        assert_int_equal(o.n_results, 1); /* one request for all three */
        const char *shown = o.results[0] ? o.results[0] : "";
        assert_non_null(strstr(shown, "POST /ok/v1/images/generations HTTP/1.1\r\n"));
        assert_non_null(strstr(shown, "\"n\":3"));
        assert_int_equal(fake_count(&fake, "received"), 0);
        outcome_done(&o);

        check_check(&fake, DIALECT, "{\"models\":[\"gpt-image-1\",\"dall-e-3\"]}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_transport), cmocka_unit_test(test_answers), cmocka_unit_test(test_streams),
                cmocka_unit_test(test_links),     cmocka_unit_test(test_fields),  cmocka_unit_test(test_what_is_told),
                cmocka_unit_test(test_cost),      cmocka_unit_test(test_dry_run_and_check), cmocka_unit_test(test_large),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
