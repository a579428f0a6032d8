/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pictures in the terminal that standard error, or else standard output, is: drafts while they form, each in the place of the
 * one before, where the terminal makes that easy (kitty's protocol), and what comes of them.
 *
 * With --preview main.c opens one; follow.c and save.c feed it. All functions but preview_new() do nothing with NULL. */

#include "base/cleanup.h"
#include "client/picture.h"

typedef struct Preview Preview;

/* how is "kitty", "sixel" or "auto", which is what the terminal knows. 0, or a negative errno with a sentence: there is no
 * terminal, or it can show no pictures. */
int preview_new(const char *how, Preview **ret, Error *error);

/* Pictures stay on the screen. Returns NULL. */
Preview *preview_free(Preview *preview);

DEFINE_CLEANUP(Preview *, preview_free)

/* Whether drafts are wanted at all. */
bool preview_takes_drafts(const Preview *preview);

/* Shows a small PNG of what will be a picture of so many pixels (0: of its own size). The cursor has to be in an empty line. */
void preview_draft(Preview *preview, const Picture *draft, uint32_t width, uint32_t height);

/* Shows a finished picture, in the place of its draft. 0; -EOPNOTSUPP if it is no PNG, or another negative errno. */
int preview_picture(Preview *preview, const Picture *picture);

/* A line was written below the draft: the next one cannot stand in its place. */
void preview_forget(Preview *preview);
