/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The prompt window, an ordinary client of the service:
 *
 *     form.c     what is asked for: prompt, history, style, size, count
 *     providers.c  who draws it, where others than the resident model may
 *     work.c     the job: begun, followed, cancelled, ended
 *     view.c     what is to be seen: how far it is, the picture as it forms, results, what went wrong
 *     deeds.c    what can be done with a result: save, copy, drag out, vary, show
 *     pages.c    the page on which a picture is made, and the gallery
 *     gallery.h  the pictures of the user's records
 *     loop.c     sd-event within GLib's loop
 *     scheme.c   dark, if the desktop is
 *
 * It has one job at a time; callbacks of the job and of the widgets come from the same loop. */

#include <gtk/gtk.h>

#include "client/client.h"
#include "client/i18n.h"
#include "client/notify.h"
#include "client/save.h"
#include "client/window/gallery.h"
#include "client/window/history.h"

typedef struct Result {
        char *path, *prompt;
        uint64_t seed;
        GBytes *bytes; /* the file */
        GdkTexture *texture;
} Result;

/* What a job is asked for: what Options point to while it is made. */
typedef struct Asked {
        char *prompt; /* as typed */
        char *text; /* with the style's words */
        char *output; /* the folder, with a slash */
        uint32_t width, height; /* 0: the model's */
        uint32_t count;
        char *from; /* or NULL */
        json_t *original; /* the record of a picture that is made again, with all its settings; or NULL */
        char *provider; /* "local": the resident model; "": as the configuration has it; NULL: that, where there is nobody else */
        bool varies; /* another one like that seed's */
        uint64_t seed;
} Asked;

struct Window {
        Client client;
        Options base; /* of the command line */
        sd_event *event;
        GSource *loop;

        /* form.c */
        GtkEditable *prompt;
        GtkDropDown *style, *size;
        GtkSpinButton *count;
        GtkWidget *from_row;
        char *from; /* a picture to start from, or NULL */
        History *history;
        GtkGrid *choices;
        guint history_at; /* which prompt Up and Down have come to; 0: what was typed */

        /* providers.c */
        json_t *providers; /* as ListProviders tells; NULL: not yet */
        sd_bus_slot *asking;
        GtkDropDown *provider; /* NULL: there is nothing to choose from */
        GtkLabel *warning; /* what is to be known before anything is sent */

        /* work.c */
        Track *track;
        JobInfo job;
        Asked asked;
        Saver saver;
        bool is_working;

        /* view.c */
        GtkWindow *window;
        GtkPicture *picture;
        GtkStack *stack; /* a hint, nothing yet, or the picture */
        GtkLabel *status, *hint;
        GtkProgressBar *progress;
        GtkWidget *make, *cancel, *thumbnails, *results_row, *trouble_row, *start, *machine;
        GPtrArray *results; /* Result; of the last job */
        guint shown; /* which of them */
        JobState state; /* at the last progress */
        gint64 announced; /* when something was, monotonic */

        /* pages.c */
        GtkStack *pages;
        Gallery *gallery;
        bool has_shown_gallery;
};

/* --- widgets.c --- */
/* For screen readers. */
void widget_set_name(gpointer widget, const char *name);
/* A button with a mnemonic that does the action, or nothing with NULL. */
GtkWidget *widget_new_button(const char *label, const char *action, const char *tooltip);
/* Something to say yes to, likewise. */
GtkWidget *widget_new_check(const char *label);
/* A drop-down of these names (up to NULL). What takes the keyboard is a button within it, to which GTK gives no name: it tells
 * what is chosen, and by the label (with a mnemonic) of what. */
GtkWidget *widget_new_choice(const char *label, const char *const *names);
/* A row of a grid: a label with a mnemonic, and what it is the label of. */
void widget_attach(GtkWidget *grid, int row, const char *label, GtkWidget *widget);
/* What an entry is filled with, and whether somebody has written something else since. */
void widget_show_text(GtkEditable *editable, const char *text);
bool widget_is_edited(GtkEditable *editable);

/* --- form.c --- */
GtkWidget *form_new(Window *w);
/* Reads what is asked for; asked_done() first. */
void form_read(Window *w, Asked *asked);
/* As the picture of that record was asked for, as far as the form has it. */
void form_fill(Window *w, const json_t *record);
void asked_done(Asked *asked);
void asked_copy(const Asked *asked, Asked *ret);

/* One more thing to choose. */
GtkWidget *form_add_choice(Window *w, const char *label, const char *const *names);

/* --- providers.c --- */
/* Asks the service who can draw; where there is somebody else than the resident model, one can be chosen. */
void providers_ask(Window *w);
/* Also "local": what is said to be drawn on this machine is so, whatever routes there are. NULL: there is no choice. */
const char *providers_chosen(const Window *w);
/* What is to be known before anything is sent to that one: where it goes, and what it costs; to be freed. */
char *providers_warning(const Window *w, const char *name);
void providers_done(Window *w);

/* --- work.c --- */
/* CODE_OK, or what is the client's error. */
ExitCode work_connect(Window *w);
void work_begin(Window *w, const Asked *asked);
void work_cancel(Window *w);
void work_end(Window *w); /* for good: the window closes */
/* After trouble: asks the system to start the service, or goes to the machine's, and tries again. */
void work_start_service(Window *w);
void work_use_machine(Window *w);

/* --- view.c --- */
GtkWidget *view_new(Window *w);
void view_begin(Window *w);
void view_progress(Window *w, const JobInfo *job);
void view_preview(Window *w, const Picture *preview);
void view_add_result(Window *w, Result *result); /* takes it over */
void view_end(Window *w, ExitCode code);
/* Says it where screen readers hear it. */
void view_say(Window *w, const char *text);
/* Only to them. */
void view_announce(Window *w, const char *text);
const Result *view_result(const Window *w); /* the one shown, or NULL */
void result_free(Result *result);

/* --- deeds.c --- */
void deeds_add(Window *w, GtkApplication *app);
void deeds_update(Window *w); /* which of them can be done now */
/* A picture's file; texture: or NULL. */
GdkContentProvider *deeds_content(const char *path, const char *type, GBytes *bytes, GdkTexture *texture);

/* --- pages.c --- */
/* All of the window, and its header bar. */
void pages_new(Window *w);
bool pages_is_gallery(const Window *w);
void pages_show_form(Window *w);

/* --- scheme.c --- */
/* Dark or light as the desktop has it, now and whenever that changes. */
void scheme_follow(GApplication *app);

/* --- loop.c --- */
/* Serves the event loop from GLib's; to be released with g_source_destroy() and g_source_unref(). */
GSource *loop_new(sd_event *event);
