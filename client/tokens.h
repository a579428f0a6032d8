/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The apps that may use the HTTP bridge, each with a token of its own. The file, for the user alone to read, has names and
 * digests; a token itself is shown once, when it is made.
 *
 *     r = tokens_add("open-webui", &token, &error);                 // "imagined-…", to be freed
 *     if (tokens_check(token, name, &error) > 0)
 *             …                                                     // name is "open-webui"
 */

#include <jansson.h>
#include <stddef.h>

#include "base/error.h"

#define TOKEN_NAME_MAX 63 /* letters, digits, dots, dashes and underscores */
#define TOKENS_MAX 64

/* $XDG_STATE_HOME/imagined/http-tokens.json; to be freed; NULL if memory is short or there is no home. */
char *tokens_path(void);

/* -EEXIST: there is one of that name; -EINVAL: no name for one. */
int tokens_add(const char *name, char **ret_token, Error *error);

/* -ENOENT: there is none of that name. */
int tokens_remove(const char *name, Error *error);

/* An array of objects {"name": …, "created": seconds since 1970, "sha256": …}. */
int tokens_list(json_t **ret, Error *error);

/* Whose token it is: 1 with the name, 0 for nobody's, or a negative errno with a sentence. */
int tokens_check(const char *token, char name[TOKEN_NAME_MAX + 1], Error *error);
