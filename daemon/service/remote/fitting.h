/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A request as a provider can be asked for it, and an honest word of what is different: what only our own engine has, or the
 * server has not, is an error that names it, unless the caller wants what there is (best_effort). */

#include "base/request.h"
#include "config-servers.h"
#include "net/protocol.h"

typedef struct FittingWish {
        const Request *request;
        const char *model; /* as the server calls it; "": its own, or that of the configuration */
        bool has_seed, has_strength; /* the caller has chosen them */
        bool best_effort;
} FittingWish;

/* Fills in *ret_ask, and which NET_PART_… go with it (bits). Sentences are added to notes, one a line. NET_UNSUPPORTED,
 * -EINVAL, or -EDESTADDRREQ where the server makes no pictures. */
int fitting_make(const Server *server, const FittingWish *wish, NetAsk *ret_ask, uint32_t *ret_parts, char notes[static 1024], Error *error);

/* Adds a sentence; what does not fit is left out. */
__attribute__((format(printf, 2, 3))) void notes_add(char notes[static 1024], const char *format, ...);
