/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the service and the network worker take from each other, and what they do not. */

#include "harness.h"

#include <math.h>

static int sockets[2];
static NetMessage message;

static int open_sockets(void **state)
{
        (void)state;
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets);
}

static int close_sockets(void **state)
{
        (void)state;
        (void)close(sockets[0]);
        (void)close(sockets[1]);
        return 0;
}

/* One that nothing is wrong with. */
static NetMessage *good(NetMessageType type)
{
        static const Fake fake = { .port = 7 };

        message = (NetMessage) { .version = NET_VERSION, .type = type };
        if (type == NET_ASK)
                message.ask = good_ask(&fake, "ok");
        if (type == NET_PROGRESS)
                message.progress.try = 1;
        if (type == NET_FAILED)
                message.failed = (NetFailure) { .code = -EIO, .text = "no" };
        return &message;
}

static int pass_with(const NetMessage *m, const char *text)
{
        _cleanup_(closep) int fd = text ? memfd_new_sealed("x", text, strlen(text)) : -1, got = -1;
        NetMessage received;

        assert_int_equal(net_send(sockets[0], m, fd), 0);
        return net_receive(sockets[1], &received, &got);
}

static int pass(const NetMessage *m)
{
        return pass_with(m, m->type == NET_PART || m->type == NET_RESULT ? "text" : NULL);
}

static void test_good(void **state)
{
        (void)state;
        for (int type = 0; type < NET_TYPE_MAX; type++)
                assert_int_equal(pass(good((NetMessageType)type)), 1);
}

#define ASSERT_BAD(type, field, value)                          \
        do {                                                    \
                good(type)->field = (value);                    \
                assert_int_equal(pass(&message), -EBADMSG);     \
        } while (0)

static void test_bad(void **state)
{
        (void)state;
        ASSERT_BAD(NET_PART, version, NET_VERSION + 1);
        ASSERT_BAD(NET_PART, part, NET_PART_MAX);
        ASSERT_BAD(NET_ASK, ask.dialect, NET_DIALECT_MAX);
        ASSERT_BAD(NET_ASK, ask.count, 0);
        ASSERT_BAD(NET_ASK, ask.count, NET_COUNT_MAX + 1);
        ASSERT_BAD(NET_ASK, ask.flags, NET_ASK_CHECK << 1);
        ASSERT_BAD(NET_ASK, ask.draw.width, 512);
        ASSERT_BAD(NET_ASK, ask.draw.steps, NET_STEPS_MAX + 1);
        ASSERT_BAD(NET_ASK, ask.draw.previews, NET_PREVIEWS_MAX + 1);
        ASSERT_BAD(NET_ASK, ask.draw.format, 3);
        ASSERT_BAD(NET_ASK, ask.draw.compression, 101);
        ASSERT_BAD(NET_ASK, ask.draw.guidance, (double)INFINITY);
        ASSERT_BAD(NET_ASK, ask.draw.strength, 1.5);
        ASSERT_BAD(NET_ASK, ask.draw.style[0], '\xff');
        ASSERT_BAD(NET_ASK, ask.temperature, (double)NAN);
        ASSERT_BAD(NET_ASK, ask.temperature, 2.1);
        ASSERT_BAD(NET_ASK, ask.tokens, NET_TOKENS_MAX + 1);
        ASSERT_BAD(NET_ASK, ask.limits.connect_ms, 0);
        ASSERT_BAD(NET_ASK, ask.limits.tries, 0);
        ASSERT_BAD(NET_ASK, ask.limits.answer_bytes, NET_ANSWER_MAX + 1);
        ASSERT_BAD(NET_ASK, ask.url[3], '\n');
        ASSERT_BAD(NET_ASK, ask.url[0], '\0');
        ASSERT_BAD(NET_ASK, ask.key[0], '/');
        ASSERT_BAD(NET_ASK, ask.key[0], '.');
        ASSERT_BAD(NET_ASK, ask.model[0], '\xff');
        ASSERT_BAD(NET_PROGRESS, progress.stage, NET_STAGE_MAX);
        ASSERT_BAD(NET_PROGRESS, progress.result, NET_COUNT_MAX);
        ASSERT_BAD(NET_PROGRESS, progress.try, 0);
        ASSERT_BAD(NET_PROGRESS, progress.may_cost, 2);
        ASSERT_BAD(NET_RESULT, result.kind, NET_RESULT_KIND_MAX);
        ASSERT_BAD(NET_RESULT, result.truncated, 2);
        ASSERT_BAD(NET_RESULT, result.model[0], '\x80');
        ASSERT_BAD(NET_RESULT, result.has_seed, 2);
        ASSERT_BAD(NET_RESULT, result.cost, (double)NAN);
        ASSERT_BAD(NET_RESULT, result.mime[0], '\x80');
        ASSERT_BAD(NET_RESULT, result.revised[0], '\x80');
        ASSERT_BAD(NET_PROGRESS, progress.fraction, 1.5);
        ASSERT_BAD(NET_PROGRESS, progress.task[0], '\x80');
        ASSERT_BAD(NET_FAILED, failed.may_cost, 2);
        ASSERT_BAD(NET_FAILED, failed.code, 5);
        ASSERT_BAD(NET_FAILED, failed.text[0], '\xff');
        memset(good(NET_ASK)->ask.url, 'x', sizeof(message.ask.url));
        assert_int_equal(pass(&message), -EBADMSG);
}

static void test_descriptors(void **state)
{
        _cleanup_(closep) int unsealed = memfd_create("x", MFD_CLOEXEC);
        _cleanup_(freep) char *large = malloc(NET_TEXT_MAX + 2);
        NetMessage received;
        int got = -1;
        (void)state;

        assert_int_equal(pass_with(good(NET_PART), NULL), -EBADMSG);
        assert_int_equal(pass_with(good(NET_DONE), "text"), -EBADMSG);
        assert_int_equal(write(unsealed, "x", 1), 1);
        assert_int_equal(net_send(sockets[0], good(NET_PART), unsealed), 0);
        assert_int_equal(net_receive(sockets[1], &received, &got), -EBADMSG);
        memset(large, 'x', NET_TEXT_MAX + 1);
        large[NET_TEXT_MAX + 1] = '\0';
        assert_int_equal(pass_with(good(NET_PART), large), -EBADMSG);
        assert_int_equal(pass_with(good(NET_RESULT), large), -EBADMSG);
        good(NET_PART)->part = NET_PART_PICTURE;
        assert_int_equal(pass_with(&message, large), 1);
        good(NET_PART)->part = NET_PART_WORKFLOW;
        assert_int_equal(pass_with(&message, large), 1);
        good(NET_RESULT)->result.kind = NET_RESULT_REQUEST;
        assert_int_equal(pass_with(&message, large), 1);
        good(NET_RESULT)->result.kind = NET_RESULT_PICTURE;
        assert_int_equal(pass_with(&message, large), 1);
}

static void test_sizes(void **state)
{
        NetMessage received;
        int got = -1;
        (void)state;

        for (int type = 0; type < NET_TYPE_MAX; type++) {
                (void)good((NetMessageType)type);
                assert_int_equal(send(sockets[0], &message, sizeof(message), 0), sizeof(message));
                int r = net_receive(sockets[1], &received, &got);
                assert_true(r == -EBADMSG || sizeof(message) - offsetof(NetMessage, ask) == sizeof(NetAsk));
        }
        assert_int_equal(send(sockets[0], &message, 3, 0), 3);
        assert_int_equal(net_receive(sockets[1], &received, &got), -EBADMSG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_good, open_sockets, close_sockets),
                cmocka_unit_test_setup_teardown(test_bad, open_sockets, close_sockets),
                cmocka_unit_test_setup_teardown(test_descriptors, open_sockets, close_sockets),
                cmocka_unit_test_setup_teardown(test_sizes, open_sockets, close_sockets),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
