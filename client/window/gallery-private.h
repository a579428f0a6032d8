/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the gallery share. */

#include "client/window/gallery-list.h"
#include "client/window/gallery.h"
#include "client/window/thumbnails.h"
#include "client/window/window.h"
#include "records/records.h"

struct Gallery {
        Window *window;
        Client client; /* of its own, silent: what goes wrong with records is no job's */
        Records *records; /* NULL: there are none */
        Thumbnails *thumbnails;
        GalleryList *list;

        /* gallery.c */
        GtkStack *pages; /* empty, grid */
        GtkEditable *search;
        GtkDropDown *state;
        GtkLabel *empty, *hint, *status;
        GFileMonitor *monitor; /* of the records, which others change too */
        guint reload; /* GLib's number of what will read them again */

        /* gallery-grid.c */
        GtkSingleSelection *selection;
        GtkWidget *grid;
        GtkScrolledWindow *scrolled;
        GPtrArray *cells; /* Cell, those that have an item */
        guint look; /* GLib's number of what will look which of them are to be seen */
};

/* --- gallery.c --- */
const char *gallery_state_name(const char *state); /* in words */
void gallery_say(Gallery *gallery, const char *text);
/* Reads what there is, and shows what has changed. */
void gallery_reload(Gallery *gallery);

/* --- gallery-grid.c --- */
GtkWidget *gallery_grid_new(Gallery *gallery);
/* Reads what is shown of each picture again. */
void gallery_grid_refresh(Gallery *gallery);
void gallery_grid_done(Gallery *gallery);
