/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A contact sheet: small pictures of records, with what each is, on a page of HTML that holds everything. */

#include "client/client.h"
#include "records/records.h"

/* Of the records in an array, which may be without their files; over what is there with --force only. CODE_OK, or what was
 * reported. */
ExitCode contact_sheet_write(Client *client, Records *records, const json_t *found, const char *title, const char *path);
