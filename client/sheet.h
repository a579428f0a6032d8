/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One sheet of pictures side by side, each with what is to be known of it: a page of HTML that holds everything and asks for
 * nothing.
 *
 *     sheet_begin(f, title);
 *     sheet_add(f, &(SheetEntry) { .name = "local", .picture = &picture, .alt = prompt, .rows = { { _("Model"), model } } });
 *     sheet_end(f); */

#include <stdio.h>

#include "client/picture.h"

#define SHEET_ROWS_MAX 8

typedef struct SheetRow {
        const char *name, *value; /* name NULL: the end; value "": not known */
} SheetRow;

typedef struct SheetEntry {
        const char *name;
        const Picture *picture; /* NULL: there is none */
        const char *alt;
        SheetRow rows[SHEET_ROWS_MAX];
} SheetEntry;

void sheet_begin(FILE *f, const char *title);
void sheet_add(FILE *f, const SheetEntry *entry);
void sheet_end(FILE *f);
