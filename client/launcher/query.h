/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What somebody types into a launcher: "imagine a red fox" asks for a picture of "a red fox". */

/* Where the prompt begins in it, or NULL if it asks for none: another first word, no second one, too long, not UTF-8. */
const char *query_find_prompt(const char *text);
