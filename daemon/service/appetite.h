/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How much memory the resident model takes, and pictures of a size besides, learned from the worker's peaks: a job that
 * cannot fit is refused before it begins, with the figures. The first jobs of a model are let through: nothing is known. */

#include "queue/job.h"

typedef struct Appetite {
        char model[MODEL_NAME_MAX + 1]; /* "": nothing is known */
        uint64_t base; /* bytes of the worker that has loaded it */
        uint64_t peak, pixels; /* the most that it took so far, and for a picture of how many pixels */
} Appetite;

/* The worker has loaded that model; has made pictures of so many pixels. */
void appetite_note_loaded(Appetite *appetite, const char *model, pid_t worker);
void appetite_note_picture(Appetite *appetite, pid_t worker, uint64_t pixels);

/* Whether a picture of that size fits into `max` bytes (0: no limit is set) and into what the machine and the service's
 * cgroup have left. -ENOMEM with the figures. width or height 0: not known yet, 0 is returned. */
int appetite_check(
                const Appetite *appetite, const char *model, uint32_t width, uint32_t height, uint64_t max, Error *error);

/* Bytes of a process that are in memory now, and at most were; 0 if it cannot be told. */
uint64_t process_resident(pid_t pid);
uint64_t process_peak(pid_t pid);
