/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Both ends of the workers' protocol: every message there and back, and every way to be refused. */

#include "tests/engine/fixtures.h"

#include <dirent.h>
#include <math.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/memfd.h"
#include "workers/protocol.h"

static int sockets[2];
static Message message; /* too large for a stack that is not ours */

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

static int count_descriptors(void)
{
        DIR *dir = opendir("/proc/self/fd");
        int n = 0;
        assert_non_null(dir);
        while (readdir(dir))
                n++;
        (void)closedir(dir);
        return n;
}

/* A message of each type that nothing is wrong with. */
static Message *good(MessageType type)
{
        memset(&message, 0, sizeof(message));
        message.version = PROTOCOL_VERSION;
        message.type = type;
        message.job = 7;
        switch (type) {
        case MESSAGE_GENERATE:
                request_init(&message.generate);
                strcpy(message.generate.prompt, "a fox, füchsisch");
                break;
        case MESSAGE_READY:
                message.ready = (ModelReady) {
                        .name = "de.fault_1-x",
                        .width = 512,
                        .height = 512,
                        .size_multiple = 8,
                        .steps = 20,
                        .sampler = SAMPLER_DDIM,
                        .guidance = 7.5,
                };
                break;
        case MESSAGE_DIGEST:
                message.digest = (DigestInfo) { .name = "", .version = "0.1", .license = "CC0-1.0" };
                memset(message.digest.digest, 'a', 64);
                break;
        case MESSAGE_STARTED:
                message.started = (Resolved) {
                        .width = 512, .height = 512, .steps = 20, .sampler = SAMPLER_DDIM, .guidance = 0,
                        .drawn_width = 128, .drawn_height = 128, .enlarge = ENLARGE_NETWORK,
                };
                break;
        case MESSAGE_PROGRESS:
                message.progress = (Progress) {
                        .stage = STAGE_DENOISE, .step = 3, .steps = 20, .fraction = 0.2
                };
                break;
        case MESSAGE_PREVIEW_IS:
                message.preview = (PreviewInfo) { .step = 3, .width = 256, .height = 256 };
                break;
        case MESSAGE_PICTURE:
                message.picture = (PictureInfo) { .width = 512, .height = 768, .seed = UINT64_MAX };
                break;
        case MESSAGE_FAILED:
                message.failed.code = -EINVAL;
                strcpy(message.failed.text, "width: 3 is not …");
                break;
        default:
                break;
        }
        return &message;
}

static bool takes_memfd(MessageType type)
{
        return type == MESSAGE_PREVIEW_IS || type == MESSAGE_PICTURE || type == MESSAGE_STATE;
}

/* Sends the message, with a sealed memfd where the type wants one, and returns what the other side makes of
 * it. */
static int pass(const Message *m, int *ret_fd)
{
        static Message received;
        int own_fd = -1;
        _cleanup_(closep) int fd =
                        takes_memfd((MessageType)m->type) ? memfd_new_sealed("test", "picture", 7) : -1;

        assert_int_equal(protocol_send(sockets[0], m, fd), 0);
        int r = protocol_receive(sockets[1], &received, &own_fd);
        if (r == 1) {
                assert_int_equal(received.type, m->type);
                assert_int_equal(received.job, m->job);
                assert_true((own_fd >= 0) == (fd >= 0));
                message = received;
        } else {
                assert_int_equal(own_fd, -1);
        }
        if (ret_fd)
                *ret_fd = own_fd;
        else if (own_fd >= 0)
                (void)close(own_fd);
        return r;
}

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

/* Each line breaks one field of a good message. */
#define REFUSED(type, statement)                                 \
        do {                                                     \
                Message *m = good(type);                         \
                statement;                                       \
                if (pass(m, NULL) != -EBADMSG)                   \
                        fail_msg("not refused: %s", #statement); \
        } while (0)

static void test_bad_fields(void **state)
{
        (void)state;
        int before = count_descriptors();

        REFUSED(MESSAGE_STATE, m->state.picture = REQUEST_COUNT_MAX);
        REFUSED(MESSAGE_RESUME, m->state.step = REQUEST_STEPS_MAX + 1);
        REFUSED(MESSAGE_CANCEL, m->version = PROTOCOL_VERSION + 1);
        for (int type = 0; type < MESSAGE_TYPE_MAX; type++)
                if (type != MESSAGE_PING && type != MESSAGE_PONG && type != MESSAGE_READY &&
                    type != MESSAGE_DIGEST && type != MESSAGE_FAILED)
                        REFUSED((MessageType)type, m->job = 0);

        REFUSED(MESSAGE_GENERATE, memset(m->generate.prompt, 'a', sizeof(m->generate.prompt)));
        REFUSED(MESSAGE_GENERATE, strcpy(m->generate.prompt, "\xff"));
        REFUSED(MESSAGE_GENERATE, strcpy(m->generate.negative_prompt, "\xc0\x80"));
        REFUSED(MESSAGE_GENERATE, m->generate.width = 2049);
        REFUSED(MESSAGE_GENERATE, m->generate.height = 15);
        REFUSED(MESSAGE_GENERATE, m->generate.steps = 501);
        REFUSED(MESSAGE_GENERATE, m->generate.count = 0);
        REFUSED(MESSAGE_GENERATE, m->generate.count = 65);
        REFUSED(MESSAGE_GENERATE, m->generate.preview_every = 501);
        REFUSED(MESSAGE_GENERATE, m->generate.sampler = SAMPLER_MAX);
        REFUSED(MESSAGE_GENERATE, m->generate.guidance = NAN);
        REFUSED(MESSAGE_GENERATE, m->generate.guidance = INFINITY);
        REFUSED(MESSAGE_GENERATE, m->generate.guidance = 101);
        REFUSED(MESSAGE_GENERATE, m->generate.prompt_metadata = 2);
        REFUSED(MESSAGE_GENERATE, m->generate.enlarge = ENLARGE_MAX);
        REFUSED(MESSAGE_GENERATE, m->generate.sharpen = 1.1);
        REFUSED(MESSAGE_GENERATE, m->generate.smooth_edges = NAN);
        REFUSED(MESSAGE_GENERATE, m->generate.remove_artefacts = INFINITY);

        REFUSED(MESSAGE_READY, memset(m->ready.name, 'a', sizeof(m->ready.name)));
        REFUSED(MESSAGE_READY, m->ready.name[0] = '\0');
        REFUSED(MESSAGE_READY, strcpy(m->ready.name, "two words"));
        REFUSED(MESSAGE_READY, memset(m->ready.version, 'a', sizeof(m->ready.version)));
        REFUSED(MESSAGE_READY, strcpy(m->ready.license, "\x80"));
        REFUSED(MESSAGE_READY, m->ready.width = 0);
        REFUSED(MESSAGE_READY, m->ready.height = 2049);
        REFUSED(MESSAGE_READY, m->ready.size_multiple = 0);
        REFUSED(MESSAGE_READY, m->ready.steps = 0);
        REFUSED(MESSAGE_READY, m->ready.sampler = SAMPLER_DEFAULT);
        REFUSED(MESSAGE_READY, m->ready.guidance = -1);
        REFUSED(MESSAGE_READY, m->ready.guidance = NAN);

        REFUSED(MESSAGE_DIGEST, m->digest.digest[63] = '\0');
        REFUSED(MESSAGE_DIGEST, m->digest.digest[64] = 'a');
        REFUSED(MESSAGE_DIGEST, m->digest.digest[5] = 'A');
        REFUSED(MESSAGE_DIGEST, m->digest.check = MODEL_CHECK_MAX);
        REFUSED(MESSAGE_DIGEST, strcpy(m->digest.difference, "\xff"));
        REFUSED(MESSAGE_DIGEST, memset(m->digest.difference, 'a', sizeof(m->digest.difference)));
        REFUSED(MESSAGE_DIGEST, strcpy(m->digest.name, "two words"));
        REFUSED(MESSAGE_DIGEST, strcpy(m->digest.version, "\x80"));
        REFUSED(MESSAGE_DIGEST, strcpy(m->digest.license, "\x80"));

        REFUSED(MESSAGE_STARTED, m->started.width = 0);
        REFUSED(MESSAGE_STARTED, m->started.drawn_height = 4097);
        REFUSED(MESSAGE_STARTED, m->started.enlarge = ENLARGE_DEFAULT);
        REFUSED(MESSAGE_STARTED, m->started.enlarge = ENLARGE_MAX);
        REFUSED(MESSAGE_STARTED, m->started.sharpen = -1);
        REFUSED(MESSAGE_STARTED, m->started.smooth_edges = 1.1);
        REFUSED(MESSAGE_STARTED, m->started.remove_artefacts = NAN);
        REFUSED(MESSAGE_STARTED, m->started.height = UINT32_MAX);
        REFUSED(MESSAGE_STARTED, m->started.steps = 501);
        REFUSED(MESSAGE_STARTED, m->started.sampler = SAMPLER_MAX);
        REFUSED(MESSAGE_STARTED, m->started.guidance = -0.1);

        REFUSED(MESSAGE_PROGRESS, m->progress.picture = 64);
        REFUSED(MESSAGE_PROGRESS, m->progress.stage = STAGE_MAX);
        REFUSED(MESSAGE_PROGRESS, m->progress.step = 21);
        REFUSED(MESSAGE_PROGRESS, m->progress.steps = 501);
        REFUSED(MESSAGE_PROGRESS, m->progress.fraction = -0.1);
        REFUSED(MESSAGE_PROGRESS, m->progress.fraction = 1.1);
        REFUSED(MESSAGE_PROGRESS, m->progress.fraction = NAN);

        REFUSED(MESSAGE_PREVIEW_IS, m->preview.width = 257);
        REFUSED(MESSAGE_PREVIEW_IS, m->preview.height = 0);
        REFUSED(MESSAGE_PREVIEW_IS, m->preview.step = 501);
        REFUSED(MESSAGE_PREVIEW_IS, m->preview.picture = 64);
        REFUSED(MESSAGE_PICTURE, m->picture.width = 2049);
        REFUSED(MESSAGE_PICTURE, m->picture.height = 0);
        REFUSED(MESSAGE_PICTURE, m->picture.picture = 64);

        REFUSED(MESSAGE_FAILED, m->failed.code = 0);
        REFUSED(MESSAGE_FAILED, m->failed.code = EINVAL);
        REFUSED(MESSAGE_FAILED, m->failed.code = INT32_MIN);
        REFUSED(MESSAGE_FAILED, memset(m->failed.text, 'a', sizeof(m->failed.text)));
        REFUSED(MESSAGE_FAILED, strcpy(m->failed.text, "\xe2\x80"));
        assert_int_equal(count_descriptors(), before);
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
                TEST(test_all_types), TEST(test_optional_descriptor), TEST(test_descriptor), TEST(test_bad_fields),
                TEST(test_bad_sizes), TEST(test_bad_descriptors), TEST(test_ends),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
