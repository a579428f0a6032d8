/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

/* Starts imagine with a notification, which makes a picture into the folder of pictures. The prompt goes through a pipe: no
 * command line ever has it, and no part of it is taken for an option. 0 or a negative errno with a sentence. */
int start_picture(const char *prompt, Error *error);

/* Opens the prompt window with that text, or none for "". */
int start_window(const char *prompt, Error *error);
