/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Values as people type them. All of the text must be the value: no space around it, no sign where none
 * belongs. Each returns 0, or -EINVAL with a sentence that has the value in it. */

#include <stdint.h>

#include "base/error.h"
#include "base/request.h"

/* Decimal digits, low to high. */
int value_parse_integer(const char *text, uint64_t low, uint64_t high, uint64_t *ret, Error *error);

/* A decimal fraction, low to high. */
int value_parse_number(const char *text, double low, double high, double *ret, Error *error);

/* "640x480", each side REQUEST_SIZE_MIN to REQUEST_SIZE_MAX pixels. */
int value_parse_size(const char *text, uint32_t *ret_width, uint32_t *ret_height, Error *error);

/* "16:9", each part 1 to 10000, the whole between 1:16 and 16:1: width divided by height. */
int value_parse_aspect(const char *text, double *ret, Error *error);

/* "0.2:0.8", in that order. */
int value_parse_interval(const char *text, double low, double high, double ret[2], Error *error);

/* "left:128,up:64": sides in any order, each once, at least one, 1 to high pixels; the others 0. */
int value_parse_sides(const char *text, uint32_t high, uint32_t ret[SIDE_MAX], Error *error);

/* "2026-11-22", its beginning here; "7d", "2w" or a duration: that long ago. In µs since 1970. */
int value_parse_time(const char *text, uint64_t *ret, Error *error);

/* "90", "90s", "15m" or "2h": seconds, at most max. */
int value_parse_duration(const char *text, uint64_t max, uint64_t *ret, Error *error);
