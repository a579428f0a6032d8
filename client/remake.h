/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What makes a picture again: the options of Generate by their names there, from its record or from what its file says; and what
 * differs between two pictures that should be the same. */

#include "client/client.h"
#include "client/settings.h"

/* The settings of a record are such options already; this is the same of a file's settings: as much as they say and Generate
 * takes. NULL: no memory. */
json_t *remake_settings_of_file(const Settings *settings);

/* Gives the options the types that the service takes, for client->extra: what it does not know is left out, with a warning, and so
 * is what is no setting of a picture (record_setting_is_valid()): a record may be a stranger's, and no order to pay.
 * The client has to be connected. CODE_OK, or what was reported. */
ExitCode remake_set_extra(Client *client, const json_t *settings);

/* What two records, or what is said in two files, differ in, as far as it decides the pixels: an object of names, each with
 * an array of the two values, null where there is none. */
json_t *remake_compare_records(const json_t *before, const json_t *after);
json_t *remake_compare_files(const Settings *before, const Settings *after);
