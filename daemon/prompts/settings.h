/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Files in libconfig's syntax that people share: everything is told with file and line, unknown keys too, and nothing is
 * included from elsewhere. */

#include <libconfig.h>

#include "base/error.h"
#include "prompts/text.h"

/* All that is wrong, one line each: "FILE:LINE: what". */
typedef struct Faults {
        Text text;
        unsigned n;
} Faults;

void faults_add(Faults *faults, const char *path, unsigned line, const char *format, ...) _printf_(4, 5);
void faults_done(Faults *faults);

/* The first of them as an error; 0: there is none. */
int faults_to_error(const Faults *faults, Error *error);

/* Parses text, which came from path, into an initialised file; false: it was told. */
bool settings_parse(config_t *file, const char *path, const char *text, Faults *faults);

/* The value of a setting, or NULL when it was told: a text, UTF-8 of at most `max` bytes without control characters. */
const char *settings_text(const config_setting_t *setting, const char *path, size_t max, Faults *faults);

/* Whether it is an array or a list of such texts, at most n_max; else it was told. */
bool settings_check_texts(const config_setting_t *setting, const char *path, size_t max, int n_max, Faults *faults);

/* Tells that a setting's name is none of those that can stand there. */
void settings_unknown(const config_setting_t *setting, const char *path, Faults *faults);
