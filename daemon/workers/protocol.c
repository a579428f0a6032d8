/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/memfd.h"
#include "base/util.h"
#include "workers/packet-fields.h"
#include "workers/packet.h"
#include "workers/protocol.h"

#define DRAWN_SIZE_MAX (2 * REQUEST_SIZE_MAX) /* what is drawn may be cut */
#define HEADER_SIZE offsetof(Message, generate)

static bool is_name(const char *name, size_t capacity)
{
        return is_text(name, capacity) && name[0] != '\0' &&
               name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] ==
                               '\0';
}

static bool is_picture_size(uint32_t width, uint32_t height, uint32_t max)
{
        return in_range(width, 1, max) && in_range(height, 1, max);
}

static bool is_guidance(double guidance)
{
        return isfinite(guidance) && guidance >= 0 && guidance <= REQUEST_GUIDANCE_MAX;
}

/* What a job runs with, as opposed to what was asked for: nothing is left open. */
static bool are_settings(uint32_t steps, uint32_t sampler, double guidance)
{
        return in_range(steps, 1, REQUEST_STEPS_MAX) &&
               in_range(sampler, SAMPLER_DEFAULT + 1, SAMPLER_MAX - 1) && is_guidance(guidance);
}

static bool check_generate(const Message *m)
{
        return request_check(&m->generate, NULL) >= 0;
}

static bool check_ready(const Message *m)
{
        const ModelReady *ready = &m->ready;

        return is_name(ready->name, sizeof(ready->name)) &&
               is_text(ready->version, sizeof(ready->version)) &&
               is_text(ready->license, sizeof(ready->license)) &&
               is_picture_size(ready->width, ready->height, REQUEST_SIZE_MAX) &&
               in_range(ready->size_multiple, 1, REQUEST_SIZE_MAX) &&
               are_settings(ready->steps, ready->sampler, ready->guidance) && ready->precision < PRECISION_MAX;
}

static bool is_digest(const char digest[static PROTOCOL_DIGEST_SIZE])
{
        return is_text(digest, PROTOCOL_DIGEST_SIZE) &&
               strspn(digest, "0123456789abcdef") == PROTOCOL_DIGEST_SIZE - 1;
}

static bool check_digest(const Message *m)
{
        const DigestInfo *d = &m->digest;

        return is_digest(d->digest) && d->check < MODEL_CHECK_MAX &&
               is_text(d->difference, sizeof(d->difference)) &&
               (d->name[0] == '\0' || is_name(d->name, sizeof(d->name))) &&
               is_text(d->version, sizeof(d->version)) && is_text(d->license, sizeof(d->license));
}

static bool is_share(double x)
{
        return isfinite(x) && x >= 0 && x <= 1;
}

static bool check_started(const Message *m)
{
        const Resolved *started = &m->started;

        return is_picture_size(started->width, started->height, REQUEST_SIZE_MAX) &&
               are_settings(MAX(started->steps, 1U), started->sampler, started->guidance) && /* 0: nothing is drawn */
               started->second_steps <= REQUEST_STEPS_MAX && started->made_steps <= REQUEST_STEPS_MADE_MAX &&
               started->made_steps >= started->second_steps && started->precision < PRECISION_MAX &&
               started->schedule < SIGMA_SCHEDULE_MAX && is_share(started->guidance_rescale) &&
               is_picture_size(started->drawn_width, started->drawn_height, DRAWN_SIZE_MAX) &&
               in_range(started->enlarge, ENLARGE_DEFAULT + 1, ENLARGE_MAX - 1) &&
               is_share(started->remove_artefacts) && is_share(started->smooth_edges) &&
               is_share(started->sharpen);
}

static bool check_progress(const Message *m)
{
        const Progress *progress = &m->progress;

        return progress->picture < REQUEST_COUNT_MAX && progress->stage < STAGE_MAX &&
               progress->steps <= REQUEST_STEPS_MADE_MAX && progress->step <= progress->steps &&
               isfinite(progress->fraction) && progress->fraction >= 0 && progress->fraction <= 1;
}

static bool check_preview(const Message *m)
{
        return m->preview.picture < REQUEST_COUNT_MAX && m->preview.step <= REQUEST_STEPS_MADE_MAX &&
               is_picture_size(m->preview.width, m->preview.height, PROTOCOL_PREVIEW_SIDE_MAX);
}

static bool check_picture(const Message *m)
{
        return m->picture.picture < REQUEST_COUNT_MAX &&
               is_picture_size(m->picture.width, m->picture.height, REQUEST_SIZE_MAX) &&
               m->picture.precision < PRECISION_MAX && (m->picture.pixels[0] == '\0' || is_digest(m->picture.pixels)) &&
               (m->picture.tokenizer[0] == '\0' || is_digest(m->picture.tokenizer));
}

static bool check_state(const Message *m)
{
        return m->state.picture < REQUEST_COUNT_MAX && m->state.step <= REQUEST_STEPS_MADE_MAX;
}

static bool check_decode(const Message *m)
{
        return m->pixels.input < INPUT_MAX;
}

static bool check_pixels(const Message *m)
{
        return m->pixels.input < INPUT_MAX && is_picture_size(m->pixels.width, m->pixels.height, INPUT_SIDE_MAX) &&
               (uint64_t)m->pixels.width * m->pixels.height <= INPUT_PIXELS_MAX;
}

static bool check_provenance(const Message *m)
{
        const Provenance *p = &m->provenance;

        return is_text(p->provider, sizeof(p->provider)) && is_text(p->dialect, sizeof(p->dialect)) && is_text(p->url, sizeof(p->url)) &&
               is_text(p->service, sizeof(p->service)) && is_text(p->model, sizeof(p->model)) && is_text(p->where, sizeof(p->where)) &&
               is_text(p->licence, sizeof(p->licence)) && is_text(p->owner, sizeof(p->owner)) &&
               is_text(p->attribution, sizeof(p->attribution)) && is_text(p->terms, sizeof(p->terms)) &&
               is_text(p->dated, sizeof(p->dated)) && is_text(p->currency, sizeof(p->currency)) && is_text(p->notes, sizeof(p->notes)) &&
               is_text(p->revised, sizeof(p->revised));
}

static bool check_foreign(const Message *m)
{
        const ForeignInfo *info = &m->foreign;

        return info->use < FOREIGN_USE_MAX && info->picture < REQUEST_COUNT_MAX && info->width <= REQUEST_SIZE_MAX &&
               info->height <= REQUEST_SIZE_MAX && !info->width == !info->height;
}

static size_t pixels_size(const Message *m)
{
        return (size_t)m->pixels.width * m->pixels.height * 4;
}

static bool check_failed(const Message *m)
{
        return is_error_code(m->failed.code) && is_text(m->failed.text, sizeof(m->failed.text));
}

/* What a message of each type consists of. */
static const struct {
        size_t payload_size;
        bool needs_job;
        size_t fd_bytes_max; /* of the sealed memfd that comes with it; 0: none may come */
        bool (*check)(const Message *message); /* NULL: nothing can be wrong with it */
        bool fd_is_optional;
        size_t (*fd_bytes)(const Message *message); /* how many there must be; NULL: any number */
} message_types[MESSAGE_TYPE_MAX] = {
        [MESSAGE_GENERATE] = { sizeof(Request), true, 0, check_generate },
        [MESSAGE_CANCEL] = { 0, true, 0, NULL },
        [MESSAGE_PREVIEW] = { 0, true, 0, NULL },
        [MESSAGE_PING] = { sizeof(uint64_t), false, 0, NULL },
        [MESSAGE_PARK] = { 0, true, 0, NULL },
        [MESSAGE_RESUME] = { sizeof(StateInfo), true, PROTOCOL_STATE_BYTES_MAX, check_state, true },
        [MESSAGE_INPUT] = { sizeof(PixelsInfo), true, PROTOCOL_PIXELS_BYTES_MAX, check_pixels, false, pixels_size },
        [MESSAGE_DECODE] = { sizeof(PixelsInfo), true, INPUT_BYTES_MAX, check_decode },
        [MESSAGE_PROVENANCE] = { sizeof(Provenance), true, 0, check_provenance },
        [MESSAGE_FOREIGN] = { sizeof(ForeignInfo), true, INPUT_BYTES_MAX, check_foreign },
        [MESSAGE_READY] = { sizeof(ModelReady), false, 0, check_ready },
        [MESSAGE_STARTED] = { sizeof(Resolved), true, 0, check_started },
        [MESSAGE_PROGRESS] = { sizeof(Progress), true, 0, check_progress },
        [MESSAGE_PREVIEW_IS] = { sizeof(PreviewInfo), true, PROTOCOL_PREVIEW_BYTES_MAX, check_preview },
        [MESSAGE_PICTURE] = { sizeof(PictureInfo), true, PROTOCOL_PICTURE_BYTES_MAX, check_picture },
        [MESSAGE_DONE] = { 0, true, 0, NULL },
        [MESSAGE_FAILED] = { sizeof(Failure), false, 0, check_failed },
        [MESSAGE_PONG] = { sizeof(Pong), false, 0, NULL },
        [MESSAGE_DIGEST] = { sizeof(DigestInfo), false, PROTOCOL_DIGESTS_BYTES_MAX, check_digest, true },
        [MESSAGE_STATE] = { sizeof(StateInfo), true, PROTOCOL_STATE_BYTES_MAX, check_state },
        [MESSAGE_PARKED] = { 0, true, 0, NULL },
        [MESSAGE_PACKED] = { 0, false, 0, NULL },
        [MESSAGE_PIXELS] = { sizeof(PixelsInfo), true, PROTOCOL_PIXELS_BYTES_MAX, check_pixels, false, pixels_size },
};

int protocol_send(int socket, const Message *message, int fd)
{
        if (message->type >= MESSAGE_TYPE_MAX)
                return -EINVAL;
        return packet_send(socket, message, HEADER_SIZE + message_types[message->type].payload_size, fd);
}

static bool message_is_valid(const void *packet, size_t size, size_t n_fds, int fd)
{
        const Message *message = packet;

        if (size < HEADER_SIZE || message->version != PROTOCOL_VERSION || message->type >= MESSAGE_TYPE_MAX)
                return false;

        typeof(&message_types[0]) type = &message_types[message->type];
        if (size != HEADER_SIZE + type->payload_size || (type->needs_job && message->job == 0))
                return false;
        if (n_fds > (type->fd_bytes_max > 0 ? 1 : 0) || (n_fds == 0 && type->fd_bytes_max > 0 && !type->fd_is_optional))
                return false;
        size_t bytes = 0;
        if (fd >= 0 && memfd_check_sealed(fd, type->fd_bytes_max, &bytes) < 0)
                return false;
        if (type->check && !type->check(message))
                return false;
        return !type->fd_bytes || type->fd_bytes(message) == bytes;
}

int protocol_receive(int socket, Message *ret, int *ret_fd)
{
        Message message = {};

        int r = packet_receive(socket, &message, sizeof(message), message_is_valid, ret_fd);
        if (r > 0)
                *ret = message;
        return r;
}
