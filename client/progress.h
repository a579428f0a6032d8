/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the user sees on stderr while a job runs: on a terminal a bar, drawn over and over in one line,
 *
 *     Step 12/30 ██████████████░░░░░░░░░░░░░░░░░░░░  43 %  0:12 left
 *
 * elsewhere a few plain lines, with --quiet nothing. */

#include <stdbool.h>

#include "client/job.h"

struct Progress {
        bool is_quiet, is_terminal, is_utf8;
        unsigned drawn; /* columns of the bar that stands in the terminal now */
        char said[160]; /* the last plain line's beginning, not to be said again */
};

void progress_init(Progress *progress, bool is_quiet);

/* Shows the job as it is now. */
void progress_update(Progress *progress, const JobInfo *job);

/* Takes the bar away, so that another line can be written. */
void progress_clear(Progress *progress);

/* One line of at most that many columns. now is in microseconds since 1970. Returns its width in columns. */
unsigned progress_format_bar(
        const JobInfo *job, uint64_t now, unsigned columns, bool is_utf8, char *buffer, size_t size);

/* "12 s", "1:05", "1:02:05" */
void progress_format_duration(uint64_t seconds, char *buffer, size_t size);

/* "Waiting, 2 before it", "Loading sprites", "Step 12/30", "Picture 2/4, step 12/30" */
void progress_format_label(const JobInfo *job, char *buffer, size_t size);
