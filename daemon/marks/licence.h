/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known of licences by their names. */

/* Where the text of a licence stands ("https://creativecommons.org/licenses/by/4.0/" of "CC-BY-4.0"), or NULL. */
const char *licence_address(const char *name);
