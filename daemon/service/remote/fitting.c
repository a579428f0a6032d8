/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "service/remote/abilities.h"
#include "service/remote/fitting.h"
#include "service/remote/remote.h"

#define NOTES_MAX 1024
#define PREVIEWS 3
#define ANSWER_BYTES (128U << 20) /* pictures in base64; what the worker's memory takes while they are parsed */

void notes_add(char notes[static NOTES_MAX], const char *format, ...)
{
        const size_t before = strlen(notes);
        va_list ap;

        if (before + 2 >= NOTES_MAX)
                return;
        va_start(ap, format);
        (void)vsnprintf(notes + before, NOTES_MAX - before - 1, format, ap);
        va_end(ap);
        utf8_sanitize(notes + before);
        memcpy(notes + strlen(notes), "\n", 2);
}

/* What no server is asked for: the engine's own ways. */
static const struct {
        const char *name;
        size_t offset, size;
} own[] = {
#define OWN(name, field) { name, offsetof(Request, field), sizeof(((Request *)NULL)->field) }
        OWN("sampler", sampler), OWN("schedule", schedule), OWN("rng", rng), OWN("eta", eta),
        OWN("variation-strength", variation_strength), OWN("guidance-rescale", guidance_rescale),
        OWN("guidance-start", guidance_start), OWN("guidance-end", guidance_end), OWN("reuse-deep", reuse_deep),
        OWN("merge-tokens", merge_tokens), OWN("fast", fast), OWN("hires", hires_scale), OWN("tiling", tiling),
        OWN("precision", precision), OWN("clip-skip", clip_skip), OWN("loras", n_loras), OWN("outpaint", outpaint),
#undef OWN
};

/* Names of what the request asks of the engine alone; "" if nothing. */
static void list_own(const Request *request, const Capabilities *can, char ret[static 256])
{
        Request *plain = malloc(sizeof(Request));
        size_t n = 0;

        ret[0] = '\0';
        if (!plain)
                return;
        request_init(plain);
        for (size_t i = 0; i < ELEMENTSOF(own) && n < 256; i++)
                if (memcmp((const char *)request + own[i].offset, (const char *)plain + own[i].offset, own[i].size) != 0)
                        n += (size_t)snprintf(ret + n, 256 - n, "%s%s", n > 0 ? ", " : "", own[i].name);
        if (request->enlarge == ENLARGE_NETWORK && n < 256)
                n += (size_t)snprintf(ret + n, 256 - n, "%senlarge network", n > 0 ? ", " : "");
        if (request->mask_blur > 0 && can->mask != NET_MASK_BRIGHT && n < 256) /* others have no soft edges */
                (void)snprintf(ret + n, 256 - n, "%smask-blur", n > 0 ? ", " : "");
        free(plain);
}

static int drop_own(const Server *server, const FittingWish *wish, const Capabilities *can, char notes[static NOTES_MAX], Error *error)
{
        char names[256];

        list_own(wish->request, can, names);
        if (names[0] && !wish->best_effort)
                return error_set(error, NET_UNSUPPORTED, "%s does not have: %s", server->name, names);
        if (names[0])
                notes_add(notes, "%s does not have: %s; left out", server->name, names);
        return 0;
}

static uint32_t list_parts(const Request *request, const Server *server)
{
        uint32_t parts = 1U << NET_PART_PROMPT;

        parts |= request->negative_prompt[0] ? 1U << NET_PART_NEGATIVE : 0;
        parts |= request->inputs & 1U << INPUT_IMAGE ? 1U << NET_PART_PICTURE : 0;
        parts |= request->inputs & 1U << INPUT_MASK ? 1U << NET_PART_MASK : 0;
        parts |= server->workflow[0] ? 1U << NET_PART_WORKFLOW : 0;
        return parts;
}

/* The request in the words of the protocol, whatever the server can do. */
static void translate(const Server *server, const FittingWish *wish, const Capabilities *can, NetAsk *ask)
{
        const Request *request = wish->request;
        const bool offers_seed = can->options & NET_OPTION_SEED && !can->declares_itself;
        NetDraw *draw = &ask->draw;

        remote_fill(server, ask);
        ask->limits.answer_bytes = ANSWER_BYTES;
        ask->count = request->count;
        ask->seed = request->seed;
        ask->flags |= wish->has_seed || offers_seed ? NET_ASK_SEED : 0;
        if (*wish->model)
                (void)snprintf(ask->model, sizeof(ask->model), "%s", wish->model);
        *draw = (NetDraw) {
                .width = request->width > 0 ? request->width : request->height,
                .height = request->height > 0 ? request->height : request->width,
                .steps = request->steps,
                .previews = request->preview_every > 0 ? PREVIEWS : 0,
                .format = FORMAT_PNG, /* which loses nothing: it is written anew here */
                .guidance = request->guidance,
                .strength = wish->has_strength ? request->strength : -1,
        };
        memcpy(draw->quality, server->quality, sizeof(draw->quality));
        memcpy(draw->style, server->style, sizeof(draw->style));
        memcpy(draw->background, server->background, sizeof(draw->background));
        memcpy(draw->moderation, server->moderation, sizeof(draw->moderation));
}

static void note_fitting(const Server *server, const Request *request, const NetAsk *ask, const NetFitting *fitting, char notes[static NOTES_MAX])
{
        const uint32_t width = request->width > 0 ? request->width : request->height;
        const uint32_t height = request->height > 0 ? request->height : request->width;

        if (fitting->resized && ask->draw.width == 0)
                notes_add(notes, "%s draws in a size of its own, cut and resized to %ux%u here", server->name, width, height);
        else if (fitting->resized)
                notes_add(notes, "%s draws %ux%u, cut and resized to %ux%u here", server->name, ask->draw.width, ask->draw.height, width, height);
        for (uint32_t bit = 1; bit < NET_OPTION_END; bit <<= 1)
                if (fitting->dropped & bit)
                        notes_add(notes, "%s does not have: %s; left out", server->name, net_option_to_string((NetOption)bit));
}

int fitting_make(const Server *server, const FittingWish *wish, NetAsk *ret_ask, uint32_t *ret_parts, char notes[static NOTES_MAX], Error *error)
{
        uint32_t parts = list_parts(wish->request, server);
        NetFitting fitting;
        Capabilities can;
        NetAsk ask;

        int r = abilities_of(server, *wish->model ? wish->model : server->model, &can, error);
        if (r < 0)
                return r;
        if (wish->request->count > NET_COUNT_MAX)
                return error_set(error, -EINVAL, "count: %u; of another generator at most %d at a time", wish->request->count, NET_COUNT_MAX);
        r = capabilities_check_prompt(&can, wish->request->prompt, error);
        if (r >= 0)
                r = drop_own(server, wish, &can, notes, error);
        if (r < 0)
                return r;
        translate(server, wish, &can, &ask);
        r = capabilities_fit(&can, &ask, parts, wish->best_effort, &fitting, error);
        if (r < 0)
                return error_prefix(error, "%s", server->name), r;
        note_fitting(server, wish->request, &ask, &fitting, notes);
        parts &= fitting.dropped & NET_OPTION_NEGATIVE ? ~(1U << NET_PART_NEGATIVE) : ~0U;
        parts &= fitting.dropped & NET_OPTION_PICTURE ? ~(1U << NET_PART_PICTURE | 1U << NET_PART_MASK) : ~0U;
        parts &= fitting.dropped & NET_OPTION_MASK ? ~(1U << NET_PART_MASK) : ~0U;
        *ret_ask = ask;
        *ret_parts = parts;
        return 0;
}
