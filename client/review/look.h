/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A picture under review as people look at it: its facts as text or JSON, and its pixels in the terminal.
 *
 *     _cleanup_(look_done) Look look = { 0 };
 *     look_take(c, subject, &look);
 *     look_print(subject, &look); */

#include "client/review/legibility.h"
#include "client/review/subject.h"

typedef struct Look { /* look_done() */
        Pixels pixels; /* empty: the file cannot be read */
        bool is_measured;
        Legibility legibility;
        char *alt; /* proposed where the picture has none; or NULL */
} Look;

void look_take(Client *client, const Subject *subject, Look *ret);
void look_done(Look *look);

/* On stdout. */
void look_print(const Subject *subject, const Look *look);
json_t *look_to_json(const Subject *subject, const Look *look); /* NULL without memory */

/* In the terminal, where --preview has one: the picture, and at the sizes at which it has to be legible. */
void look_show(Client *client, const Look *look);
