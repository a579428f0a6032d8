/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a stub worker misbehaves. The last part of its model directory's name says it: "stub" is a good one, "stub-MODE" does
 * what the table says. */

#include <string.h>

#include "base/util.h"

typedef enum Mode {
        GOOD,
        SLOW, /* a step takes 50 ms, and those that a file says (stub_is_held) wait until it is gone */
        CRAWL, /* a step takes a second */
        SLOW_LOAD, /* loads for two seconds, and likewise */
        HANGS_LOADING, /* never becomes ready */
        FAILS_LOADING,
        LACKS_MEMORY, /* likewise, for want of memory */
        DIES_LOADING,
        DIES_ENCODING,
        DIES_DENOISING,
        FORBIDDEN, /* asks for a socket, in the sandbox of a worker */
        DIES_ONCE, /* in the first job after its directory got no file "died" */
        DIES_MIDWAY, /* likewise, in the middle of a picture; counts all steps by the size of a file "steps" */
        HANGS, /* in the middle of a job, deaf to everything */
        LOOPS, /* likewise, but answers, and computes for ever */
        STANDS, /* answers, and does nothing for ever */
        STUBBORN, /* slow, and answers, but does not hear CANCEL */
        FAILS_JOB,
        GARBAGE, /* sends bytes that are no message */
        WRONG_JOB, /* speaks of a job that it was not given */
        UNSEALED, /* hands over a picture that it can still write to */
        OTHER_SIZE, /* draws another size than asked for */
        LYING_SIZE, /* a picture of another size than it says */
        NOT_PNG,
        WRONG_SEED,
        TOO_FEW, /* says DONE before all pictures are there */
        TOO_MANY,
        LINGERS, /* does not end when its socket is closed */
        MODE_MAX,
} Mode;

static const char *const mode_names[MODE_MAX] = {
        [GOOD] = "",
        [SLOW] = "slow",
        [CRAWL] = "crawl",
        [SLOW_LOAD] = "slow-load",
        [HANGS_LOADING] = "hangs-loading",
        [FAILS_LOADING] = "fails-loading",
        [LACKS_MEMORY] = "lacks-memory",
        [DIES_LOADING] = "dies-loading",
        [DIES_ENCODING] = "dies-encoding",
        [DIES_DENOISING] = "dies-denoising",
        [FORBIDDEN] = "forbidden",
        [DIES_ONCE] = "dies-once",
        [DIES_MIDWAY] = "dies-midway",
        [HANGS] = "hangs",
        [LOOPS] = "loops",
        [STANDS] = "stands",
        [STUBBORN] = "stubborn",
        [FAILS_JOB] = "fails-job",
        [GARBAGE] = "garbage",
        [WRONG_JOB] = "wrong-job",
        [UNSEALED] = "unsealed",
        [OTHER_SIZE] = "other-size",
        [LYING_SIZE] = "lying-size",
        [NOT_PNG] = "not-png",
        [WRONG_SEED] = "wrong-seed",
        [TOO_FEW] = "too-few",
        [TOO_MANY] = "too-many",
        [LINGERS] = "lingers",
};

static inline Mode mode_of(const char *directory)
{
        const char *name = strrchr(directory, '/');
        name = name ? name + 1 : directory;
        if (strncmp(name, "stub-", 5) == 0)
                for (int i = 1; i < MODE_MAX; i++)
                        if (streq(name + 5, mode_names[i]))
                                return (Mode)i;
        return GOOD;
}
