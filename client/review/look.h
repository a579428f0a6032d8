/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A picture under review as people look at it: its facts as text or JSON, and its pixels in the terminal. */

#include "client/review/subject.h"

/* On stdout; with the measures of a PNG. */
void look_print(Client *client, const Subject *subject);
json_t *look_to_json(Client *client, const Subject *subject); /* NULL without memory */

/* In the terminal, where --preview has one: the picture, and at the sizes at which it has to be legible. */
void look_show(Client *client, const Subject *subject);
