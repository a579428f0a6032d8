/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/socket.h>

#include "base/memfd.h"
#include "base/utf8.h"
#include "workers/protocol.h"
#include "tests/fuzz/fuzz.h"

/* One packet; the first byte says whether a sealed memfd comes with it. Strings of what is accepted are
 * strings. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static Message message;
        int sockets[2], received = -1, fd = -1;

        if (size < 1 || size > 65536 ||
            socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) < 0)
                return 0;
        if (data[0] & 1)
                fd = memfd_new_sealed("fuzz", "x", 1);

        union {
                struct cmsghdr header;
                uint8_t space[CMSG_SPACE(sizeof(int))];
        } control = { .header = { .cmsg_level = SOL_SOCKET,
                                  .cmsg_type = SCM_RIGHTS,
                                  .cmsg_len = CMSG_LEN(sizeof(int)) } };
        struct iovec iov = { .iov_base = (void *)(data + 1), .iov_len = size - 1 };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
        if (fd >= 0) {
                msg.msg_control = &control;
                msg.msg_controllen = sizeof(control);
        }
        (void)sendmsg(sockets[0], &msg, 0);

        int r = protocol_receive(sockets[1], &message, &received);
        if (r == 1 && message.type == MESSAGE_GENERATE && request_check(&message.generate, NULL) < 0)
                abort();
        if (r == 1 && message.type == MESSAGE_FAILED &&
            !utf8_is_valid(message.failed.text, strnlen(message.failed.text, sizeof(message.failed.text))))
                abort();
        if (r != 1 && received >= 0)
                abort();
        const int all[] = { sockets[0], sockets[1], fd, received };
        for (int i = 0; i < 4; i++)
                if (all[i] >= 0)
                        (void)close(all[i]);
        return 0;
}
