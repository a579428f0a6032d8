/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Thumbnails as all programs of a desktop share them: $XDG_CACHE_HOME/thumbnails (Thumbnail Managing Standard). What is not
 * there yet is made of the picture by a process that can do nothing else (client/shrink.h), two at a time, and kept.
 *
 *     thumbnails_load(thumbnails, path, THUMBNAIL_LARGE, cancellable, on_loaded, userdata);
 *     …  on_loaded(): texture = thumbnails_load_finish(result, &error); */

#include <gtk/gtk.h>

typedef enum ThumbnailSize {
        THUMBNAIL_LARGE, /* at most 256 pixels a side */
        THUMBNAIL_X_LARGE, /* 512 */
        THUMBNAIL_SIZE_MAX,
} ThumbnailSize;

typedef struct Thumbnails Thumbnails;

Thumbnails *thumbnails_new(void);
void thumbnails_free(Thumbnails *thumbnails); /* waits for nothing */

void thumbnails_load(
        Thumbnails *thumbnails, const char *path, ThumbnailSize size, GCancellable *cancellable, GAsyncReadyCallback done,
        gpointer userdata);

/* NULL with G_IO_ERROR_CANCELLED, or with a sentence that says why there is none. */
GdkTexture *thumbnails_load_finish(GAsyncResult *result, GError **error);
