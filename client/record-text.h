/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Records as people read them. */

#include <jansson.h>

/* A table of an array of records, one line each. */
void record_print_list(const json_t *records);

/* One record, all that is known. */
void record_print(const json_t *record);

/* The same, one fact after another, as it is recorded: who writes it to a terminal cleans it. */
typedef void (*record_fact_t)(const char *label, const char *text, void *userdata);
void record_tell(const json_t *record, record_fact_t tell, void *userdata);

/* "2026-11-22 14:36" of µs since 1970, as the clock here says. */
void record_format_time(json_int_t usec, char *buffer, size_t size);
