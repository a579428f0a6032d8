/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who may ask, by the headers of a request alone.
 *
 * A page in a browser must not reach the bridge: neither under a name that was made to lead to this machine (Host), nor from
 * another site (Origin, Sec-Fetch-Site), with what the browser remembers of the user. Programs send neither. */

#include <stdbool.h>
#include <stddef.h>

#define SECRET_MAX 255

/* Whether the Host header names this machine: localhost, 127.0.0.1, [::1], or one of these (up to NULL), with any port. */
bool guard_host_is_ours(const char *host, const char *const *others);

/* Whether a browser sends it for a page. Headers that are not there are NULL. */
bool guard_is_of_page(const char *origin, const char *fetch_site);

/* The secret of an Authorization header, "Bearer SECRET" or "Basic BASE64(USER:SECRET)". Whether there is one. */
bool guard_secret(const char *authorization, char secret[SECRET_MAX + 1]);

/* The path that is meant, for programs that know neither: "/token/SECRET/PATH" is PATH, and the secret is taken out of it; of
 * any other URL it is "". */
const char *guard_path(const char *url, char secret[SECRET_MAX + 1]);
