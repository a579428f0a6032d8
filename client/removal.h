/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Takes pictures away: their records, their files, or both; and their thumbnails (client/thumbnail.h). */

#include "client/client.h"
#include "records/records.h"

typedef enum Removal {
        REMOVE_RECORD = 1 << 0,
        REMOVE_FILES = 1 << 1, /* those that are still this picture */
} Removal;

/* Appends to the array what has gone, paths and the id. records_scrub() afterwards makes sure of records. CODE_OK, or what was
 * reported. */
ExitCode removal_run(Client *client, Records *records, const json_t *record, unsigned what, json_t *removed);
