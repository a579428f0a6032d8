/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "workers/packet.h"

int packet_send(int socket, const void *data, size_t size, int fd)
{
        union {
                struct cmsghdr header;
                uint8_t space[CMSG_SPACE(sizeof(int))];
        } control = {};
        struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (fd >= 0) {
                control.header = (struct cmsghdr){
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                        .cmsg_len = CMSG_LEN(sizeof(int)),
                };
                memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
                msg.msg_control = &control;
                msg.msg_controllen = sizeof(control);
        }

        ssize_t n;
        do
                n = sendmsg(socket, &msg, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        /* A seqpacket goes as a whole or not at all. */
        return n < 0 ? -errno : 0;
}

/* Takes the descriptors out of the control data: the first one into *ret_fd, the others are closed. Returns
 * how many. */
static size_t take_descriptors(struct msghdr *msg, int *ret_fd)
{
        size_t count = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < n; i++) {
                        int fd;
                        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (count++ == 0)
                                *ret_fd = fd;
                        else
                                (void)close(fd);
                }
        }
        return count;
}

int packet_receive(int socket, void *buffer, size_t capacity, packet_check_t is_valid, int *ret_fd)
{
        union {
                struct cmsghdr header;
                uint8_t space[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec iov = { .iov_base = buffer, .iov_len = capacity };
        struct msghdr msg = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };

        ssize_t n;
        do
                n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == ECONNRESET ? 0 : -errno;

        _cleanup_(closep) int fd = -1;
        size_t n_fds = take_descriptors(&msg, &fd);
        if (n == 0) /* an empty packet looks the same, and nobody who means well sends one */
                return 0;
        if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || !is_valid(buffer, (size_t)n, n_fds, fd))
                return -EBADMSG;
        *ret_fd = TAKE_FD(fd);
        return 1;
}
