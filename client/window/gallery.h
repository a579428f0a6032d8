/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The page of the prompt window that shows the pictures of the user's records: what `imagine history`, `search`, `show`, `tag`,
 * `rm`, `remake`, `approve`, `reject` and `retire` tell and do, by the same functions (client/recorded.h, client/review/).
 *
 *     gallery.c          the page: what is looked for, how many there are, what is to be said
 *     gallery-tasks.c    what is done beside the window's loop: searches, and the database written anew
 *     gallery-list.c     which records fit, as a list of GTK's
 *     gallery-grid.c     their thumbnails, of which those that are to be seen are loaded
 *     gallery-picture.c  one picture and what is known of it
 *     gallery-review.c   what becomes of it
 *     gallery-deeds.c    what can be done with it
 *     thumbnails.c       the thumbnails that programs of a desktop share */

#include <gtk/gtk.h>

typedef struct Window Window;
typedef struct Gallery Gallery;

/* The page; *ret goes with it. */
GtkWidget *gallery_new(Window *window, Gallery **ret);

/* It is shown now: reads the records. */
void gallery_show(Gallery *gallery);

/* The window is being closed: saves what was written, and waits until nothing is left of what was removed. */
void gallery_close(Gallery *gallery);
