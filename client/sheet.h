/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One sheet of pictures side by side, each with what is to be known of it: a page of HTML that holds everything and asks for
 * nothing.
 *
 *     sheet_begin(f, prompt);
 *     sheet_add(f, &(SheetEntry) { .name = "local", … });
 *     sheet_end(f); */

#include <stdio.h>

#include "client/picture.h"

typedef struct SheetEntry {
        const char *name, *model, *cost, *licence, *terms, *where;
        double seconds;
        const Picture *picture; /* NULL: there is none, failure says why */
        const char *failure;
} SheetEntry;

void sheet_begin(FILE *f, const char *prompt);
void sheet_add(FILE *f, const char *prompt, const SheetEntry *entry);
void sheet_end(FILE *f);
