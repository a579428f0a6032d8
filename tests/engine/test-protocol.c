/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Both ends of the workers' protocol: every message there and back, and what cannot be one. */

#include <sys/mman.h>

#include "tests/engine/messages.h"

static void test_all_types(void **state)
{
        (void)state;
        int before = count_descriptors();

        for (int type = 0; type < MESSAGE_TYPE_MAX; type++)
                assert_int_equal(pass(good((MessageType)type), NULL), 1);

        (void)good(MESSAGE_PING);
        message.ping = UINT64_MAX;
        message.job = 0;
        assert_int_equal(pass(&message, NULL), 1);
        assert_true(message.ping == UINT64_MAX);
        assert_int_equal(pass(good(MESSAGE_GENERATE), NULL), 1);
        assert_string_equal(message.generate.prompt, "a fox, füchsisch");
        assert_int_equal(pass(good(MESSAGE_FAILED), NULL), 1);
        assert_string_equal(message.failed.text, "width: 3 is not …");
        assert_int_equal(count_descriptors(), before);
}

/* RESUME comes with a state or without. */
static void test_optional_descriptor(void **state)
{
        Message *m = good(MESSAGE_RESUME);
        int fd = -1;
        (void)state;

        assert_int_equal(pass(m, &fd), 1);
        assert_int_equal(fd, -1);
        _cleanup_(closep) int own = memfd_new_sealed("test", "state", 5);
        assert_int_equal(protocol_send(sockets[0], good(MESSAGE_RESUME), own), 0);
        assert_int_equal(protocol_receive(sockets[1], m, &fd), 1);
        assert_true(fd >= 0);
        (void)close(fd);
}

static void test_descriptor(void **state)
{
        (void)state;
        int fd = -1;
        char text[8] = "";

        assert_int_equal(pass(good(MESSAGE_PICTURE), &fd), 1);
        assert_int_equal(pread(fd, text, 8, 0), 7);
        assert_string_equal(text, "picture");
        assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
        (void)close(fd);
}

/* Sends bytes and descriptors as they are; returns what the other side makes of them. */
static int pass_raw(const void *data, size_t size, const int *fds, size_t n_fds)
{
        union {
                struct cmsghdr header;
                uint8_t space[CMSG_SPACE(8 * sizeof(int))];
        } control = {};
        struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        static Message received;
        int fd = -1;

        if (n_fds > 0) {
                control.header.cmsg_level = SOL_SOCKET;
                control.header.cmsg_type = SCM_RIGHTS;
                control.header.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof(int));
                msg.msg_control = &control;
                msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        }
        assert_int_equal(sendmsg(sockets[0], &msg, 0), size);
        int r = protocol_receive(sockets[1], &received, &fd);
        assert_int_equal(fd, -1);
        return r;
}

static void test_bad_sizes(void **state)
{
        (void)state;
        const size_t header = offsetof(Message, generate);
        _cleanup_(freep) uint8_t *large = calloc(1, sizeof(Message) + 100);

        (void)good(MESSAGE_PROGRESS);
        for (size_t size = 1; size < header + sizeof(Progress) + 16; size++)
                if (size != header + sizeof(Progress))
                        assert_int_equal(pass_raw(&message, size, NULL, 0), -EBADMSG);
        memcpy(large, good(MESSAGE_GENERATE), sizeof(Message));
        assert_int_equal(pass_raw(large, header + sizeof(Request) + 1, NULL, 0), -EBADMSG);
        assert_int_equal(pass_raw(large, sizeof(Message) + 100, NULL, 0), -EBADMSG);
        (void)good(MESSAGE_CANCEL);
        message.type = MESSAGE_TYPE_MAX;
        assert_int_equal(pass_raw(&message, header, NULL, 0), -EBADMSG);
        message.type = UINT32_MAX;
        assert_int_equal(pass_raw(&message, header, NULL, 0), -EBADMSG);
        assert_int_equal(protocol_send(sockets[0], &message, -1), -EINVAL);
        assert_int_equal(protocol_receive(sockets[1], &message, &(int){ -1 }), -EAGAIN);
}

static void test_bad_descriptors(void **state)
{
        (void)state;
        const size_t header = offsetof(Message, generate);
        int before = count_descriptors();
        int sealed = memfd_new_sealed("test", "x", 1), empty = memfd_new_sealed("test", "", 0);
        int unsealed = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING),
            null = open("/dev/null", O_RDWR | O_CLOEXEC);
        int large = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        assert_int_equal(write(unsealed, "x", 1), 1);
        assert_int_equal(ftruncate(large, PROTOCOL_PREVIEW_BYTES_MAX + 1), 0);
        assert_int_equal(fcntl(large, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
                         0);

        const int bad[] = { empty, unsealed, null, large, sockets[0] };
        (void)good(MESSAGE_PREVIEW_IS);
        assert_int_equal(pass_raw(&message, header + sizeof(PreviewInfo), NULL, 0), -EBADMSG);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(pass_raw(&message, header + sizeof(PreviewInfo), &bad[i], 1), -EBADMSG);
        for (size_t n = 2; n <= 8; n++)
                assert_int_equal(pass_raw(&message, header + sizeof(PreviewInfo),
                                          (int[]){ sealed, sealed, sealed, sealed, sealed, sealed, sealed,
                                                   sealed },
                                          n),
                                 -EBADMSG);

        (void)good(MESSAGE_CANCEL); /* one that may not come */
        assert_int_equal(pass_raw(&message, header, &sealed, 1), -EBADMSG);
        assert_int_equal(pass_raw(&message, header, (int[]){ sealed, sealed }, 2), -EBADMSG);

        const int all[] = { sealed, empty, unsealed, null, large };
        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                (void)close(all[i]);
        assert_int_equal(count_descriptors(), before);
}

static void test_ends(void **state)
{
        (void)state;
        int fd = -1;

        assert_int_equal(protocol_receive(sockets[1], &message, &fd), -EAGAIN);
        int r;
        do
                r = protocol_send(sockets[0], good(MESSAGE_GENERATE), -1);
        while (r == 0);
        assert_int_equal(r, -EAGAIN);
        do
                r = protocol_receive(sockets[1], &message, &fd);
        while (r == 1);
        assert_int_equal(r, -EAGAIN);

        (void)close(sockets[0]);
        assert_int_equal(protocol_receive(sockets[1], &message, &fd), 0);
        assert_int_equal(protocol_send(sockets[1], good(MESSAGE_DONE), -1), -EPIPE);
        sockets[0] = -1;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_sockets, close_sockets)
        const struct CMUnitTest tests[] = {
                TEST(test_all_types), TEST(test_optional_descriptor), TEST(test_descriptor),
                TEST(test_bad_sizes), TEST(test_bad_descriptors), TEST(test_ends),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
