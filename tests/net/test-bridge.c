/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Our own HTTP bridge and the service behind it as one more real peer, of both interfaces that it has. */

#include "draw.h"

static Fake bridge; /* its port alone */

static NetAsk ask_bridge(NetDialect dialect)
{
        NetAsk ask = good_draw(&bridge, dialect, "");

        (void)snprintf(ask.url, sizeof(ask.url), "http://127.0.0.1:%u%s", bridge.port, dialect == NET_DIALECT_OPENAI_IMAGES ? "/v1" : "");
        (void)snprintf(ask.key, sizeof(ask.key), "%s", dialect == NET_DIALECT_OPENAI_IMAGES ? "bearer" : "basic");
        ask.flags = NET_ASK_SEED;
        ask.seed = 41;
        ask.count = 2;
        ask.draw.steps = 4;
        ask.draw.width = ask.draw.height = 64;
        return ask;
}

static Outcome ask_for_pictures(const NetAsk *ask)
{
        int socket;
        pid_t pid = start_worker(&socket);

        send_parts(socket, 1U << NET_PART_NEGATIVE);
        send_ask(socket, ask);
        return hear(socket, pid);
}

static void assert_drawn(const Outcome *o)
{
        if (o->code != 0)
                fail_msg("%s", o->text);
        assert_int_equal(o->n_results, 2);
        for (unsigned i = 0; i < 2; i++) {
                assert_memory_equal(o->results[i], PNG_START, strlen(PNG_START));
                assert_int_equal(o->infos[i].has_seed, 1);
                assert_int_equal(o->infos[i].seed, 41 + i);
        }
}

/* The pictures are the same in both ways of asking, byte for byte. */
static void test_both(void **state)
{
        NetAsk ask = ask_bridge(NET_DIALECT_OPENAI_IMAGES);
        (void)state;

        Outcome one = ask_for_pictures(&ask);
        ask = ask_bridge(NET_DIALECT_WEBUI);
        Outcome other = ask_for_pictures(&ask);
        assert_drawn(&one);
        assert_drawn(&other);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(one.sizes[i], other.sizes[i]);
                assert_memory_equal(one.results[i], other.results[i], one.sizes[i]);
        }
        outcome_done(&one);
        outcome_done(&other);
}

static void test_streamed(void **state)
{
        NetAsk ask = ask_bridge(NET_DIALECT_OPENAI_IMAGES);
        (void)state;

        ask.flags = 0;
        ask.draw.previews = 3;
        ask.draw.steps = 40;
        Outcome o = ask_for_pictures(&ask);
        if (o.code != 0)
                fail_msg("%s", o.text);
        assert_int_equal(o.n_results, 2);
        outcome_done(&o);
}

static void test_check_and_refusal(void **state)
{
        static const NetDialect dialects[] = { NET_DIALECT_OPENAI_IMAGES, NET_DIALECT_WEBUI };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(dialects); i++) {
                NetAsk ask = ask_bridge(dialects[i]);
                ask.flags = NET_ASK_CHECK;
                ask.count = 1;
                Outcome o = ask_for_pictures(&ask);
                if (o.code != 0 || !strstr(o.results[0], "\"default\""))
                        fail_msg("%s %s", o.text, o.results[0] ? o.results[0] : "");
                outcome_done(&o);
                ask.key[0] = '\0';
                o = ask_for_pictures(&ask);
                assert_int_equal(o.code, NET_KEY_REJECTED);
                outcome_done(&o);
                ask = ask_bridge(dialects[i]);
                ask.draw.steps = 499;
                ask.draw.width = 72; /* not this model's */
                ask.draw.height = 8;
                o = ask_for_pictures(&ask);
                assert_int_equal(o.code, NET_BAD_ANSWER);
                outcome_done(&o);
        }
}

int main(int argc, char *argv[])
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_both), cmocka_unit_test(test_streamed), cmocka_unit_test(test_check_and_refusal),
        };
        (void)argc;

        const char *port = getenv("BRIDGE_PORT");
        if (!port) { /* once more, with the service and the bridge around it */
                char program[PATH_MAX];

                assert_int_equal(setenv("BRIDGE", built("imagined-http", program), 1), 0);
                assert_int_equal(setenv("MODEL", "tests/fixtures/tiny-model", 1), 0);
                (void)execl("tests/with-service", "with-service", "tests/net/with-bridge", argv[0], (char *)NULL);
                return EXIT_FAILURE;
        }
        bridge.port = (unsigned)strtoul(port, NULL, 10);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
