/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What --json prints: one object on stdout for a call of the program. Functions that make values return NULL
 * only when memory is short, which json_print() reports. */

#include <jansson.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "client/exit-codes.h"

/* A number up to 2^53, which every reader takes exactly; above, a string of its digits. */
json_t *json_from_u64(uint64_t value);

/* A string; bytes that are not UTF-8 (in a file's name) become '?'. */
json_t *json_from_text(const char *text);

/* Reads the a{sv} at the message's place into an object; values of types that JSON has no form for are left
 * out. 0 or a negative errno. */
int json_read_dict(sd_bus_message *message, json_t **ret);

/* What a stranger has written: any value, without a key twice, and of at most so many arrays and objects within each other;
 * else NULL. */
json_t *json_parse_bounded(const char *text, size_t size, int depth_max);

/* Of all strings in it what a terminal would obey is replaced (client_clean_text): servers have had a hand in them. */
void json_clean_texts(json_t *value);

/* Prints and frees the object. CODE_OK, or CODE_FAILED if memory was short or stdout cannot be written. */
ExitCode json_print(json_t *object);
