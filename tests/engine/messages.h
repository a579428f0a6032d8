/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages that nothing is wrong with, between two sockets:
 *
 *     assert_int_equal(pass(good(MESSAGE_CANCEL), NULL), 1);
 *     …
 *     cmocka_unit_test_setup_teardown(test, open_sockets, close_sockets)
 */

#include "tests/engine/fixtures.h"

#include <dirent.h>
#include <sys/socket.h>

#include "base/memfd.h"
#include "workers/protocol.h"

static int sockets[2];
static Message message; /* too large for a stack that is not ours */

static inline int open_sockets(void **state)
{
        (void)state;
        return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets);
}

static inline int close_sockets(void **state)
{
        (void)state;
        (void)close(sockets[0]);
        (void)close(sockets[1]);
        return 0;
}

static inline int count_descriptors(void)
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
static inline Message *good(MessageType type)
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
        case MESSAGE_INPUT:
        case MESSAGE_PIXELS:
                message.pixels = (PixelsInfo) { .input = INPUT_MASK, .width = 3, .height = 2 };
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

static inline bool takes_memfd(MessageType type)
{
        return type == MESSAGE_INPUT || type == MESSAGE_PIXELS || type == MESSAGE_DECODE || type == MESSAGE_FOREIGN || type == MESSAGE_PREVIEW_IS || type == MESSAGE_PICTURE || type == MESSAGE_STATE;
}

/* Sends the message, with a sealed memfd where the type wants one, and returns what the other side makes of
 * it. */
static inline int pass(const Message *m, int *ret_fd)
{
        const bool is_pixels = m->type == MESSAGE_INPUT || m->type == MESSAGE_PIXELS;
        static Message received;
        int own_fd = -1;
        _cleanup_(closep) int fd =
                        takes_memfd((MessageType)m->type) ? memfd_new_sealed("test", "picture, 3 x 2 pixels of 4", is_pixels ? 24 : 7) : -1;

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
