/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/memfd.h"
#include "base/request.h"
#include "base/util.h"
#include "net/protocol.h"
#include "workers/packet-fields.h"
#include "workers/packet.h"

#define HEADER_SIZE offsetof(NetMessage, part)

/* Nothing that could end a line of a request's header. */
static bool is_printable(const char *text, size_t capacity)
{
        if (!is_text(text, capacity))
                return false;
        for (const char *p = text; *p; p++)
                if ((unsigned char)*p <= ' ' || *p == 0x7f)
                        return false;
        return true;
}

bool net_is_key_name(const char *name)
{
        size_t size = strlen(name);

        return in_range(size, 1, 63) && name[0] != '.' &&
               strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == size;
}

static bool are_limits(const NetLimits *limits)
{
        return in_range(limits->connect_ms, 1, NET_MS_MAX) && in_range(limits->first_byte_ms, 1, NET_MS_MAX) &&
               in_range(limits->idle_ms, 1, NET_MS_MAX) && in_range(limits->total_ms, 1, NET_MS_MAX) &&
               in_range(limits->answer_bytes, 1, NET_ANSWER_MAX) && in_range(limits->tries, 1, NET_TRIES_MAX);
}

static bool check_part(const NetMessage *m)
{
        return m->part < NET_PART_MAX;
}

/* The options' names are words of a server's own. */
static bool check_draw(const NetDraw *draw)
{
        return draw->width <= NET_SIDE_MAX && draw->height <= NET_SIDE_MAX && !draw->width == !draw->height &&
               draw->steps <= NET_STEPS_MAX && draw->previews <= NET_PREVIEWS_MAX && draw->format < FORMAT_MAX &&
               draw->compression <= 100 && isfinite(draw->guidance) && draw->guidance <= REQUEST_GUIDANCE_MAX &&
               isfinite(draw->strength) && draw->strength <= 1 && is_text(draw->quality, sizeof(draw->quality)) &&
               is_text(draw->style, sizeof(draw->style)) && is_text(draw->background, sizeof(draw->background)) &&
               is_text(draw->moderation, sizeof(draw->moderation));
}

static bool check_ask(const NetMessage *m)
{
        const NetAsk *ask = &m->ask;

        return is_printable(ask->url, sizeof(ask->url)) && ask->url[0] != '\0' &&
               is_text(ask->model, sizeof(ask->model)) && is_text(ask->key, sizeof(ask->key)) &&
               (ask->key[0] == '\0' || net_is_key_name(ask->key)) && is_text(ask->ca, sizeof(ask->ca)) &&
               ask->dialect < NET_DIALECT_MAX && ask->flags < NET_ASK_CHECK << 1 &&
               in_range(ask->count, 1, NET_COUNT_MAX) && ask->tokens <= NET_TOKENS_MAX &&
               isfinite(ask->temperature) && ask->temperature <= 2 && check_draw(&ask->draw) && are_limits(&ask->limits);
}

static bool check_progress(const NetMessage *m)
{
        return m->progress.stage < NET_STAGE_MAX && m->progress.result < NET_COUNT_MAX && m->progress.may_cost <= 1 &&
               in_range(m->progress.try, 1, NET_TRIES_MAX) && isfinite(m->progress.fraction) && m->progress.fraction <= 1 &&
               is_text(m->progress.task, sizeof(m->progress.task));
}

static bool check_result(const NetMessage *m)
{
        const NetResult *result = &m->result;

        return result->result < NET_COUNT_MAX && result->kind < NET_RESULT_KIND_MAX && result->truncated <= 1 &&
               result->has_seed <= 1 && is_text(result->model, sizeof(result->model)) && isfinite(result->cost) &&
               is_text(result->currency, sizeof(result->currency)) && is_text(result->mime, sizeof(result->mime)) &&
               is_text(result->revised, sizeof(result->revised));
}

static bool check_failed(const NetMessage *m)
{
        return is_error_code(m->failed.code) && m->failed.may_cost <= 1 && is_text(m->failed.text, sizeof(m->failed.text));
}

static size_t part_bytes_max(const NetMessage *m)
{
        if (m->part == NET_PART_WORKFLOW)
                return NET_WORKFLOW_MAX;
        return m->part == NET_PART_PICTURE || m->part == NET_PART_MASK ? NET_PICTURE_MAX : NET_TEXT_MAX;
}

static size_t result_bytes_max(const NetMessage *m)
{
        static const size_t max[NET_RESULT_KIND_MAX] = {
                [NET_RESULT_TEXT] = NET_TEXT_MAX,      [NET_RESULT_REQUEST] = NET_REQUEST_MAX, [NET_RESULT_PICTURE] = NET_DRAWN_MAX,
                [NET_RESULT_PARTIAL] = NET_DRAWN_MAX, [NET_RESULT_CHECK] = NET_TEXT_MAX,
        };

        return max[m->result.kind];
}

/* What a message of each type consists of. */
static const struct {
        size_t payload_size;
        bool (*check)(const NetMessage *message); /* NULL: nothing can be wrong with it */
        size_t (*fd_bytes_max)(const NetMessage *message); /* of the sealed memfd that comes with it; NULL: none may come */
} types[NET_TYPE_MAX] = {
        [NET_PART] = { sizeof(uint32_t), check_part, part_bytes_max },
        [NET_ASK] = { sizeof(NetAsk), check_ask },
        [NET_CANCEL] = { 0 },
        [NET_PROGRESS] = { sizeof(NetProgress), check_progress },
        [NET_RESULT] = { sizeof(NetResult), check_result, result_bytes_max },
        [NET_DONE] = { 0 },
        [NET_FAILED] = { sizeof(NetFailure), check_failed },
};

int net_send(int socket, const NetMessage *message, int fd)
{
        if (message->type >= NET_TYPE_MAX)
                return -EINVAL;
        return packet_send(socket, message, HEADER_SIZE + types[message->type].payload_size, fd);
}

static bool message_is_valid(const void *packet, size_t size, size_t n_fds, int fd)
{
        const NetMessage *m = packet;

        if (size < HEADER_SIZE || m->version != NET_VERSION || m->type >= NET_TYPE_MAX ||
            size != HEADER_SIZE + types[m->type].payload_size)
                return false;
        if (types[m->type].check && !types[m->type].check(m))
                return false;
        if (n_fds != (types[m->type].fd_bytes_max ? 1 : 0))
                return false;
        return n_fds == 0 || memfd_check_sealed(fd, types[m->type].fd_bytes_max(m), NULL) >= 0;
}

int net_receive(int socket, NetMessage *ret, int *ret_fd)
{
        NetMessage message = {};

        int r = packet_receive(socket, &message, sizeof(message), message_is_valid, ret_fd);
        if (r > 0)
                *ret = message;
        return r;
}

static const char *const dialects[NET_DIALECT_MAX] = {
        [NET_DIALECT_CHAT] = "chat",
        [NET_DIALECT_OPENAI_IMAGES] = "openai-images",
        [NET_DIALECT_WEBUI] = "webui",
        [NET_DIALECT_STABILITY] = "stability",
        [NET_DIALECT_RUNWAY] = "runway",
        [NET_DIALECT_MIDJOURNEY_PROXY] = "midjourney-proxy",
        [NET_DIALECT_COMFYUI] = "comfyui",
        [NET_DIALECT_PROGRAM] = "program",
};

const char *net_dialect_to_string(NetDialect dialect)
{
        return dialects[dialect];
}

int net_dialect_from_string(const char *name)
{
        for (int i = 0; i < NET_DIALECT_MAX; i++)
                if (streq(dialects[i], name))
                        return i;
        return -EINVAL;
}
