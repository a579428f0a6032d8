/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which connections asked to hear about which jobs. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/cleanup.h"

#define WATCH_ALL 0 /* all jobs of the user, present and to come */

typedef struct Watchers Watchers;

int watchers_new(Watchers **ret);
Watchers *watchers_free(Watchers *watchers);
DEFINE_CLEANUP(Watchers *, watchers_free)

/* -EDQUOT: the user has so many already; -ENOSPC: all together have; nothing changes if it is there. serial: a job's, or
 * WATCH_ALL. */
int watchers_add(
                Watchers *watchers, const char *name, uid_t uid, uint64_t serial, uint64_t per_user, uint64_t total);
void watchers_remove(Watchers *watchers, const char *name, uint64_t serial);

void watchers_forget_connection(Watchers *watchers, const char *name);
void watchers_forget_job(Watchers *watchers, uint64_t serial);

/* The next connection after *cursor (0 at first) that watches this user's job, each one once; NULL: no more. */
const char *watchers_next(const Watchers *watchers, size_t *cursor, uid_t uid, uint64_t serial);
