/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

/* The words of the command line as one text with spaces between them, or, if the only word is "-", what
 * stdin holds, without the line ends at its end. 0 and a string to free; -EINVAL with a sentence if it is
 * not valid UTF-8 or longer than REQUEST_PROMPT_MAX bytes; -ENOMEM; or what reading gave. */
int prompt_new(char *const *words, int n_words, char **ret, Error *error);
