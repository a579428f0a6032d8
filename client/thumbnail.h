/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Thumbnails as all programs of a desktop share them: $XDG_CACHE_HOME/thumbnails (Thumbnail Managing Standard). They show the
 * picture, and name its file, after the picture is gone. */

/* Removes those of a file, whoever made them. */
void thumbnail_remove(const char *path);
