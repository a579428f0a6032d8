/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ComfyUI's workflows, as a server of our own plays them. */

#include "draw.h"

#define DIALECT NET_DIALECT_COMFYUI

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

#define TEXT_ONLY "{\"6\":{\"class_type\":\"CLIPTextEncode\",\"inputs\":{\"text\":\"{{prompt}}, film\",\"clip\":[\"4\",1]}}}"
#define FULL                                                                                                                  \
        "{\"3\":{\"inputs\":{\"seed\":\"{{seed}}\",\"steps\":\"{{steps|20}}\",\"cfg\":\"{{guidance|7.5}}\",\"denoise\":\"{{strength|1}}\","  \
        "\"n\":\"{{count}}\",\"w\":\"{{width|512}}\",\"h\":\"{{height|512}}\",\"text\":\"{{prompt}}; {{style}}\",\"no\":\"{{negative_prompt|ugly}}\","  \
        "\"image\":\"{{image|none}}\",\"mask\":\"{{mask|none}}\",\"ckpt\":\"{{model|sd.safetensors}}\",\"list\":[1,true,null,\"{{x\",\"}}\"]}}}"

static Outcome draw_workflow(const char *play, const char *workflow, uint32_t parts, void (*change)(NetAsk *ask))
{
        NetAsk question = good_draw(&fake, DIALECT, play);
        int socket;

        fake_forget(&fake);
        pid_t pid = start_worker(&socket);
        if (change)
                change(&question);
        send_parts(socket, parts);
        if (workflow)
                send_text(socket, NET_PART_WORKFLOW, workflow);
        send_ask(socket, &question);
        return hear(socket, pid);
}

static void test_transport(void **state)
{
        (void)state;
        check_patience(&fake, DIALECT, 3);
        check_transport(&fake, DIALECT, 0);
        check_check(&fake, DIALECT, "{}");
}

static void test_tasks(void **state)
{
        static const Play plays[] = {
                { "failed", NET_BAD_ANSWER, "failed: CUDA out of memory", 2 },
                { "no-pictures", NET_BAD_ANSWER, "puts out no picture", 2 },
                { "node-errors", NET_BAD_ANSWER, "400): Prompt outputs failed validation", 1 },
                { "bad-id", NET_BAD_ANSWER, "does not name", 1 },
        };
        (void)state;
        check_plays(&fake, DIALECT, plays, ELEMENTSOF(plays));
}

static void all_fields(NetAsk *ask)
{
        ask->flags = NET_ASK_SEED;
        ask->seed = 41;
        ask->count = 1;
        ask->draw.steps = 8;
        ask->draw.guidance = 4;
        ask->draw.strength = 0.5;
        ask->draw.width = ask->draw.height = 640;
        (void)strcpy(ask->draw.style, "ink");
        (void)strcpy(ask->model, "flux");
}

static void assert_filled(const char *workflow, uint32_t parts, void (*change)(NetAsk *ask), const char *expected)
{
        Outcome o = draw_workflow("fields", workflow, parts, change);
        if (o.code != 0)
                fail_msg("%s", o.text);
        _cleanup_(freep) char *asked = fake_file(&fake, "asked");
        assert_string_equal(asked, expected);
        outcome_done(&o);
}

static void test_workflow(void **state)
{
        (void)state;
        assert_filled(TEXT_ONLY, 0, NULL,
                      "{\"6\": {\"class_type\": \"CLIPTextEncode\", \"inputs\": {\"clip\": [\"4\", 1], \"text\": \"a \\\"red\\\" fox, film\"}}}\n");
        assert_filled(FULL, 1U << NET_PART_NEGATIVE | 1U << NET_PART_PICTURE | 1U << NET_PART_MASK, all_fields,
                      "{\"3\": {\"inputs\": {\"cfg\": 4, \"ckpt\": \"flux\", \"denoise\": 0.5, \"h\": 640, \"image\": \"imagined/up-30.png\", "
                      "\"list\": [1, true, null, \"{{x\", \"}}\"], \"mask\": \"imagined/up-30.png\", \"n\": 1, \"no\": \"text, blur\", \"seed\": 41, "
                      "\"steps\": 8, \"text\": \"a \\\"red\\\" fox; ink\", \"w\": 640}}}\n");
}

static void seeded(NetAsk *ask)
{
        ask->flags = NET_ASK_SEED;
        ask->seed = 41;
}

static void test_no_place(void **state)
{
        static const struct {
                const char *workflow, *says;
                void (*change)(NetAsk *ask);
                int code;
        } all[] = {
                { NULL, "no workflow", NULL, -EINVAL },
                { "[]", "no place for {{prompt}}", NULL, NET_UNSUPPORTED },
                { "[\"{{prompt}}\"]", "no JSON object", NULL, -EINVAL },
                { "{\"a\":\"{{prompt}}\"", "no JSON object", NULL, -EINVAL },
                { TEXT_ONLY, "no place for {{seed}}", seeded, NET_UNSUPPORTED },
                { "{\"a\":\"{{prompt}} {{soup}}\"}", "unknown placeholder {{soup}}", NULL, NET_UNSUPPORTED },
                { "{\"a\":\"{{prompt}}\",\"b\":\"{{steps}}\"}", "wants to be told {{steps}}", NULL, NET_UNSUPPORTED },
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                Outcome o = draw_workflow("ok", all[i].workflow, 0, all[i].change);
                if (o.code != all[i].code || !strstr(o.text, all[i].says))
                        fail_msg("%s: %d %s", all[i].workflow, o.code, o.text);
                assert_int_equal(count_lines(&fake, "requests"), 0);
                outcome_done(&o);
        }
}

static void three(NetAsk *ask)
{
        ask->count = 3;
}

/* A workflow that has a place for the number makes all at once, another one is queued for each; previews are not taken. */
static void test_several(void **state)
{
        (void)state;
        Outcome o = draw_workflow("ok", FULL, 0, three);
        assert_int_equal(o.code, 0);
        assert_int_equal(o.n_results, 3);
        assert_string_equal(fields_of(&o), "föx & co.png");
        assert_int_equal(o.infos[0].has_seed, 1);
        assert_int_equal(o.infos[1].has_seed, 0);
        assert_int_equal(count_lines(&fake, "requests"), 1 + 2 + 3);
        outcome_done(&o);
        o = draw_workflow("ok", TEXT_ONLY, 0, three);
        assert_int_equal(o.n_results, 3);
        assert_int_equal(count_lines(&fake, "requests"), 3 * (1 + 2 + 1));
        outcome_done(&o);
}

static void test_cancel(void **state)
{
        (void)state;
        for (int by_closing = 0; by_closing < 2; by_closing++) {
                _cleanup_(freep) char *noted = cancel_at(&fake, DIALECT, &(Play) { "pending", .requests = 3 }, NET_STAGE_DRAWING, by_closing);
                if (strncmp(noted, "/queue {\"delete\":[\"0000-", 23) != 0 || !strstr(noted, "\n/interrupt {\"prompt_id\":\"0000-"))
                        fail_msg("%s", noted);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_transport), cmocka_unit_test(test_tasks),   cmocka_unit_test(test_workflow),
                cmocka_unit_test(test_no_place),  cmocka_unit_test(test_several), cmocka_unit_test(test_cancel),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
