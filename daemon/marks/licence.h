/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known of licences by their names. */

#include <stdbool.h>

/* Where the text of a licence stands ("https://creativecommons.org/licenses/by/4.0/" of "CC-BY-4.0"), or NULL. */
const char *licence_address(const char *name);

/* Whether what is under it may be sold, as its text has it, though perhaps not for every purpose; false: it may not, or nothing is
 * known. */
bool licence_permits_commerce(const char *name);
