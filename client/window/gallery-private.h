/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the gallery share. */

#include "client/review/legibility.h"
#include "client/review/subject.h"
#include "client/window/gallery-list.h"
#include "client/window/gallery.h"
#include "client/window/thumbnails.h"
#include "client/window/window.h"

#define GALLERY_CHECKS 2 /* what somebody says to have looked at */

struct Gallery {
        Window *window;
        Client client; /* of its own, silent: what goes wrong with records is no job's */
        Subject subject; /* the records, and the one that is looked at */
        Thumbnails *thumbnails;
        GalleryList *list;

        /* gallery.c */
        GtkStack *pages; /* empty, grid, picture */
        GtkWidget *search_row;
        GtkEditable *search;
        GtkDropDown *state;
        GtkLabel *empty, *hint, *status;
        GFileMonitor *monitor; /* of the records, which others change too */
        guint reload; /* GLib's number of what will read them again */
        GCancellable *listing; /* NULL: nothing is being looked up */
        guint slow; /* GLib's number of what will say that it takes a while */
        const char *removed; /* what is said once nothing is left of it */
        unsigned scrubbing; /* how many threads see to that */

        /* gallery-grid.c */
        GtkSingleSelection *selection;
        GtkWidget *grid;
        GtkScrolledWindow *scrolled;
        GPtrArray *cells; /* Cell, those that have an item */
        guint look; /* GLib's number of what will look which of them are to be seen */

        /* gallery-picture.c */
        int64_t time; /* of the picture that is looked at */
        GtkWidget *back;
        GtkLabel *title;
        GtkPicture *picture;
        GtkGrid *facts;
        GCancellable *loading;

        /* gallery-review.c */
        GtkLabel *state_now, *lacks;
        GtkEditable *alt, *comment;
        GtkImage *small[LEGIBILITY_N];
        GtkCheckButton *checks[GALLERY_CHECKS];

        /* gallery-deeds.c */
        GActionMap *actions;
        GtkEditable *tags;
};

/* --- gallery-tasks.c --- */
typedef struct GalleryTimes {
        int64_t *times; /* newest first */
        size_t n;
} GalleryTimes;

/* Which records fit, looked up in a thread. words: see RecordsQuery; state: one of those, which stays, or NULL. */
void gallery_list_records(const char *words, const char *state, GCancellable *cancellable, GAsyncReadyCallback done, gpointer userdata);
/* To be freed; NULL with G_IO_ERROR_CANCELLED, or with a sentence. */
GalleryTimes *gallery_list_records_finish(GAsyncResult *result, GError **error);
void gallery_times_free(gpointer times);

/* Makes sure in a thread that nothing of what was removed is left in the database, which is written anew. */
void gallery_scrub_records(GAsyncReadyCallback done, gpointer userdata);
bool gallery_scrub_records_finish(GAsyncResult *result, GError **error);

/* --- gallery.c --- */
const char *gallery_state_name(const char *state); /* in words */
void gallery_say(Gallery *gallery, const char *text);
/* What the client reported last. */
void gallery_say_failure(Gallery *gallery);
/* Looks up what there is, in a thread, and shows then what has changed. */
void gallery_reload(Gallery *gallery);
/* The same at once, for who goes on from there. */
void gallery_reload_now(Gallery *gallery);

/* --- gallery-grid.c --- */
GtkWidget *gallery_grid_new(Gallery *gallery);
/* Reads what is shown of each picture again. */
void gallery_grid_refresh(Gallery *gallery);
void gallery_grid_done(Gallery *gallery);

/* --- gallery-picture.c --- */
GtkWidget *gallery_picture_new(Gallery *gallery);
bool gallery_picture_is_shown(const Gallery *gallery);
void gallery_picture_show(Gallery *gallery, int64_t time);
void gallery_picture_step(Gallery *gallery, int by); /* to the next one, or the one before */
void gallery_picture_refresh(Gallery *gallery); /* from what the subject knows */
/* After a change, with which it may have left the list: then the next one is shown. */
void gallery_picture_changed(Gallery *gallery);
/* Saves what was written and is not saved yet; false: that cannot be, and was said. */
bool gallery_picture_keep(Gallery *gallery);
void gallery_picture_leave(Gallery *gallery);
void gallery_picture_done(Gallery *gallery);

/* --- gallery-review.c --- */
GtkWidget *gallery_review_new(Gallery *gallery);
void gallery_review_show_texture(Gallery *gallery, GdkTexture *texture);
void gallery_review_refresh(Gallery *gallery);
void gallery_review_clear(Gallery *gallery); /* of what was being written */
ExitCode gallery_review_keep(Gallery *gallery); /* saves what was written; what was proposed only is not */

/* --- gallery-deeds.c --- */
GtkWidget *gallery_deeds_new(Gallery *gallery);
void gallery_deeds_add(Gallery *gallery, GtkWidget *page);
void gallery_deeds_update(Gallery *gallery); /* which of them can be done now */
ExitCode gallery_deeds_keep(Gallery *gallery); /* saves tags that were written */
