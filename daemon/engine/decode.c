/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/memfd.h"
#include "base/util.h"
#include "engine/decode.h"
#include "engine/image/read.h"
#include "workers/protocol.h"

/* The pixels as a sealed memfd, or a negative errno with a sentence. */
static int decode(int fd, const char *field, PixelsInfo *info, Error *error)
{
        _cleanup_(read_picture_done) ReadPicture picture = {};
        size_t size;

        int r = memfd_check_sealed(fd, INPUT_BYTES_MAX, &size);
        if (r < 0)
                return error_set(error, r, "%s: %s", field, strerror(-r));
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return error_set(error, -errno, "%s: %s", field, strerror(errno));
        r = read_picture(&picture, field, data, size, error);
        (void)munmap(data, size);
        if (r < 0)
                return r;
        info->width = picture.width;
        info->height = picture.height;
        int pixels = memfd_new_sealed("pixels", picture.rgba, (size_t)picture.width * picture.height * 4);
        return pixels < 0 ? error_set(error, pixels, "%s: %s", field, strerror(-pixels)) : pixels;
}

static int answer(int socket, const Message *m, int fd)
{
        Message reply = { .version = PROTOCOL_VERSION, .type = MESSAGE_PIXELS, .job = m->job };
        Error error = {};

        reply.pixels.input = m->pixels.input;
        _cleanup_(closep) int pixels = decode(fd, input_to_string((Input)m->pixels.input), &reply.pixels, &error);
        if (pixels < 0) {
                reply.type = MESSAGE_FAILED;
                reply.failed = (Failure) { .code = error.code };
                (void)snprintf(reply.failed.text, sizeof(reply.failed.text), "%s", error.text);
        }
        return protocol_send(socket, &reply, pixels);
}

int decode_run(int socket)
{
        for (;;) {
                _cleanup_(closep) int fd = -1;
                Message m;
                int r = protocol_receive(socket, &m, &fd);

                if (r > 0)
                        r = m.type == MESSAGE_DECODE ? answer(socket, &m, fd) : -EBADMSG;
                else if (r == 0)
                        return 0;
                if (r < 0)
                        return r == -EPIPE ? 0 : log_error_errno(r, "The service broke the protocol");
        }
}
