/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What can be asked of each kind of server, so that a request is fitted to it before anything is sent, and whoever asked is
 * told what became of it. Plain tables: the service reads them, too.
 *
 *     const Capabilities *can = capabilities_get(ask.dialect, ask.model);
 *     r = capabilities_fit(can, &ask, parts, best_effort, &fitting, &error);
 *     if (fitting.resized)           say that it becomes ask.draw.width x ask.draw.height
 *     if (fitting.dropped)           say which, by net_option_to_string(), and leave their parts out */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "net/protocol.h"

/* Options that not all have: bits. */
typedef enum NetOption {
        NET_OPTION_SEED = 1U << 0,
        NET_OPTION_NEGATIVE = 1U << 1, /* NET_PART_NEGATIVE */
        NET_OPTION_STEPS = 1U << 2,
        NET_OPTION_GUIDANCE = 1U << 3,
        NET_OPTION_PICTURE = 1U << 4, /* NET_PART_PICTURE */
        NET_OPTION_STRENGTH = 1U << 5,
        NET_OPTION_MASK = 1U << 6, /* NET_PART_MASK */
        NET_OPTION_PREVIEWS = 1U << 7,
        NET_OPTION_COMPRESSION = 1U << 8,
        NET_OPTION_QUALITY = 1U << 9,
        NET_OPTION_STYLE = 1U << 10,
        NET_OPTION_BACKGROUND = 1U << 11,
        NET_OPTION_MODERATION = 1U << 12,
        NET_OPTION_END = 1U << 13,
} NetOption;

/* "seed", "negative-prompt", …, as the bus calls them. One bit. */
const char *net_option_to_string(NetOption option);

typedef struct NetSize {
        const char *name; /* in the server's words */
        uint32_t width, height;
} NetSize;

/* How a mask says what is to be drawn anew. */
typedef enum NetMask {
        NET_MASK_NONE,
        NET_MASK_BRIGHT, /* where it is bright, as ours */
        NET_MASK_CLEAR, /* where its alpha is 0 */
} NetMask;

typedef struct Capabilities {
        NetDialect dialect;
        const char *model; /* the beginning of the names of these models; "": all others */
        uint32_t options; /* NetOption */
        const NetSize *sizes; /* the first is the server's own; n_sizes 0: any from side_min to side_max */
        size_t n_sizes;
        uint32_t side_min, side_max, side_step; /* all 0, and no sizes: it has one of its own, that nobody is told */
        bool sizes_are_shapes; /* the server decides how many pixels; width to height is kept */
        uint64_t seed_max; /* 0: INT64_MAX */
        uint32_t count_max; /* of one request; more are asked for one request after the other */
        uint32_t formats; /* 1 << PictureFormat */
        NetMask mask;
        const char *const *styles, *const *qualities, *const *backgrounds, *const *moderations; /* up to NULL; NULL: any word */
        uint32_t prompt_max; /* characters; 0: NET_TEXT_MAX bytes */
        bool cancels; /* a task that was begun can be taken back there */
        bool declares_itself; /* what it really can is known only there (a workflow, a program): it may still refuse an option */
} Capabilities;

/* NULL: the dialect makes no pictures. */
const Capabilities *capabilities_get(NetDialect dialect, const char *model);

/* Of all that ComfyUI can do, that for which the workflow has a place. text: its JSON (net/workflow.h). */
Capabilities capabilities_of_workflow(const Capabilities *can, const char *text);

typedef struct NetFitting {
        bool resized; /* ask->draw.width and height are others than before: the nearest that there are; 0: the server's own */
        uint32_t dropped; /* NetOption: what was asked and is not any more, with best_effort */
} NetFitting;

/* Fits ask->draw and its flags to what there is; without a size the server's own is taken. parts: 1 << NET_PART_… of those
 * that are to come. NET_UNSUPPORTED with a sentence that names the options, or the words that can be said; with best_effort
 * they are dropped. A prompt that is too long is no option: capabilities_check_prompt(). *ask is untouched on failure. */
int capabilities_fit(const Capabilities *can, NetAsk *ask, uint32_t parts, bool best_effort, NetFitting *ret, Error *error);

/* -EINVAL with a sentence: it is longer than the server takes. Valid UTF-8. */
int capabilities_check_prompt(const Capabilities *can, const char *prompt, Error *error);

/* The size in the server's words; NULL: it is none of its sizes. Only where n_sizes > 0. */
const NetSize *capabilities_find_size(const Capabilities *can, uint32_t width, uint32_t height);
