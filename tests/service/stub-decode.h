/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The stub worker's pictures are texts: "WxH V" has that many pixels, all bytes of which are V; other texts say how decoding
 * ends (stub_decode). */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memfd.h"
#include "base/util.h"
#include "workers/protocol.h"

static inline void stub_send_pixels(int socket, const Message *m, const char *text)
{
        Message reply = { .version = PROTOCOL_VERSION, .type = MESSAGE_PIXELS, .job = m->job, .pixels = m->pixels };
        unsigned value;

        if (sscanf(text, "%ux%u %u", &reply.pixels.width, &reply.pixels.height, &value) != 3)
                _exit(9);
        size_t size = (size_t)reply.pixels.width * reply.pixels.height * 4;
        uint8_t *pixels = malloc(size);
        if (!pixels)
                _exit(9);
        memset(pixels, (int)value, size);
        int fd = memfd_new_sealed("pixels", pixels, size);
        free(pixels);
        if (strstr(text, "wrong-job"))
                reply.job++;
        if (strstr(text, "wrong-size"))
                reply.pixels.width++;
        if (strstr(text, "wrong-input"))
                reply.pixels.input ^= 1;
        if (protocol_send(socket, &reply, fd) < 0)
                _exit(0);
        (void)close(fd);
}

static inline void stub_fail_decoding(int socket, const Message *m, int code, const char *text)
{
        Message reply = { .version = PROTOCOL_VERSION, .type = MESSAGE_FAILED, .job = m->job, .failed = { .code = code } };

        (void)snprintf(reply.failed.text, sizeof(reply.failed.text), "%s", text);
        if (protocol_send(socket, &reply, -1) < 0)
                _exit(0);
}

static inline int stub_decode(int socket)
{
        for (;;) {
                char text[64] = "";
                Message m;
                int fd;

                if (protocol_receive(socket, &m, &fd) <= 0 || m.type != MESSAGE_DECODE)
                        return 0;
                if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
                        return 9;
                (void)close(fd);
                if (streq(text, "dies"))
                        (void)raise(SIGSEGV);
                else if (streq(text, "burns")) /* more processor time than it may */
                        (void)raise(SIGXCPU);
                else if (streq(text, "hangs"))
                        (void)pause();
                else if (streq(text, "leaves"))
                        return 9;
                else if (streq(text, "broken"))
                        stub_fail_decoding(socket, &m, -EBADMSG, "init-image: a broken PNG");
                else if (streq(text, "memory"))
                        stub_fail_decoding(socket, &m, -ENOMEM, "init-image: out of memory");
                else if (streq(text, "garbage"))
                        (void)!write(socket, text, sizeof(text));
                else
                        stub_send_pixels(socket, &m, text);
        }
}
