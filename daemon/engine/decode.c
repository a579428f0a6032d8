/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"
#include "base/memfd.h"
#include "base/util.h"
#include "engine/decode.h"
#include "engine/foreign.h"
#include "engine/image/read.h"
#include "workers/protocol.h"

/* What was said of the foreign pictures that come. */
typedef struct Order {
        uint64_t job; /* 0: nothing yet */
        Request request;
        Provenance provenance;
} Order;

static int read_sealed(int fd, const char *field, ReadPicture *ret, Error *error)
{
        size_t size;

        int r = memfd_check_sealed(fd, INPUT_BYTES_MAX, &size);
        if (r < 0)
                return error_set(error, r, "%s: %s", field, strerror(-r));
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
                return error_set(error, -errno, "%s: %s", field, strerror(errno));
        r = read_picture(ret, field, data, size, error);
        (void)munmap(data, size);
        return r;
}

/* The pixels as a sealed memfd, or a negative errno with a sentence. */
static int decode(int fd, const char *field, PixelsInfo *info, Error *error)
{
        _cleanup_(read_picture_done) ReadPicture picture = {};

        int r = read_sealed(fd, field, &picture, error);
        if (r < 0)
                return r;
        info->width = picture.width;
        info->height = picture.height;
        int pixels = memfd_new_sealed("pixels", picture.rgba, (size_t)picture.width * picture.height * 4);
        return pixels < 0 ? error_set(error, pixels, "%s: %s", field, strerror(-pixels)) : pixels;
}

static int send_failure(int socket, uint64_t job, const Error *error)
{
        Message reply = { .version = PROTOCOL_VERSION, .type = MESSAGE_FAILED, .job = job, .failed = { .code = error->code } };

        (void)snprintf(reply.failed.text, sizeof(reply.failed.text), "%s", error->text);
        return protocol_send(socket, &reply, -1);
}

static int answer_decode(int socket, const Message *m, int fd)
{
        Message reply = { .version = PROTOCOL_VERSION, .type = MESSAGE_PIXELS, .job = m->job };
        Error error = {};

        reply.pixels.input = m->pixels.input;
        _cleanup_(closep) int pixels = decode(fd, input_to_string((Input)m->pixels.input), &reply.pixels, &error);
        return pixels < 0 ? send_failure(socket, m->job, &error) : protocol_send(socket, &reply, pixels);
}

/* A file as a sealed memfd, or a negative errno with a sentence. */
static int make_foreign(const Order *order, const ForeignInfo *info, int fd, Message *reply, Error *error)
{
        _cleanup_(read_picture_done) ReadPicture picture = {};
        _cleanup_(freep) void *data = NULL;
        size_t size = 0;

        int r = read_sealed(fd, "picture", &picture, error);
        if (r < 0)
                return r;
        if (info->use == FOREIGN_PREVIEW)
                r = foreign_preview(&picture, info, &reply->preview, &data, &size, error);
        else if (info->use == FOREIGN_RESULT)
                r = foreign_finish(&picture, info, &order->request, &order->provenance, &reply->picture, &data, &size, error);
        else
                r = foreign_source(&picture, info, &order->request, &reply->picture, &data, &size, error);
        if (r < 0)
                return r;
        r = memfd_new_sealed("picture", data, size);
        return r < 0 ? error_set(error, r, "No room for the picture: %s", strerror(-r)) : r;
}

static int answer_foreign(int socket, const Order *order, const Message *m, int fd)
{
        Message reply = { .version = PROTOCOL_VERSION, .type = MESSAGE_PICTURE, .job = m->job };
        Error error = {};

        if (order->job != m->job)
                return -EBADMSG;
        if (m->foreign.use == FOREIGN_PREVIEW)
                reply.type = MESSAGE_PREVIEW_IS;
        _cleanup_(closep) int made = make_foreign(order, &m->foreign, fd, &reply, &error);
        return made < 0 ? send_failure(socket, m->job, &error) : protocol_send(socket, &reply, made);
}

static int handle(int socket, Order *order, const Message *m, int fd)
{
        switch (m->type) {
        case MESSAGE_DECODE:
                return answer_decode(socket, m, fd);
        case MESSAGE_GENERATE:
                order->job = m->job;
                order->request = m->generate;
                return 0;
        case MESSAGE_PROVENANCE:
                order->provenance = m->provenance;
                return order->job == m->job ? 0 : -EBADMSG;
        case MESSAGE_FOREIGN:
                return answer_foreign(socket, order, m, fd);
        default:
                return -EBADMSG;
        }
}

int decode_run(int socket)
{
        _cleanup_(freep) Order *order = calloc(1, sizeof(Order));

        if (!order)
                return log_error_errno(-ENOMEM, "Pictures cannot be decoded");
        for (;;) {
                _cleanup_(closep) int fd = -1;
                Message m;
                int r = protocol_receive(socket, &m, &fd);

                if (r == 0)
                        return 0;
                if (r > 0)
                        r = handle(socket, order, &m, fd);
                if (r < 0)
                        return r == -EPIPE ? 0 : log_error_errno(r, "The service broke the protocol");
        }
}
