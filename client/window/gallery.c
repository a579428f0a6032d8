/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "client/i18n.h"
#include "client/recorded.h"
#include "client/window/gallery-private.h"

#define MARGIN 12
#define SLOW_MSEC 500 /* before it is said that something takes a while */
#define RELOAD_MSEC 300 /* after a change by others, which seldom comes alone */

static const struct {
        const char *state, *name;
} states[] = {
        { NULL, N_("All") },          { "draft", N_("Draft") },     { "approved", N_("Approved") },
        { "rejected", N_("Rejected") }, { "retired", N_("Retired") },
};

const char *gallery_state_name(const char *state)
{
        for (size_t i = 1; i < ELEMENTSOF(states); i++)
                if (streq(states[i].state, state))
                        return _(states[i].name);
        return state;
}

/* --- what is said --- */

void gallery_say(Gallery *g, const char *text)
{
        gtk_label_set_text(g->status, text);
        widget_set_name(g->status, text);
        view_announce(g->window, text);
}

void gallery_say_failure(Gallery *g)
{
        const char *message = json_string_value(json_object_get(g->client.error, "message"));

        gallery_say(g, message ? message : _("nobody knows why"));
}

static void show_empty(Gallery *g, const char *text, const char *hint)
{
        gtk_label_set_text(g->empty, text);
        gtk_label_set_text(g->hint, hint ? hint : "");
        gtk_widget_set_visible(GTK_WIDGET(g->hint), hint != NULL);
        gtk_stack_set_visible_child_name(g->pages, "empty");
        gallery_say(g, "");
}

/* --- which pictures --- */

/* A word that is still being typed may go on. */
static char *words_of(Gallery *g)
{
        const char *text = gtk_editable_get_text(g->search);
        const size_t length = strlen(text);

        return g_strconcat(text, length > 0 && !strchr(" *", text[length - 1]) ? "*" : "", NULL);
}

static void show_list(Gallery *g)
{
        const guint n = g_list_model_get_n_items(G_LIST_MODEL(g->list));
        const bool is_narrowed = *gtk_editable_get_text(g->search) || gtk_drop_down_get_selected(g->state) > 0;
        g_autofree char *text = g_strdup_printf(ngettext("%u picture", "%u pictures", n), n);

        gallery_grid_refresh(g);
        if (gallery_picture_is_shown(g))
                return;
        if (n == 0) {
                show_empty(g, is_narrowed ? _("No picture fits") : _("Pictures that you make will be here"), NULL);
                return;
        }
        gtk_stack_set_visible_child_name(g->pages, "grid");
        gtk_label_set_text(g->status, text);
        widget_set_name(g->status, text);
}

static ExitCode open_records(Gallery *g)
{
        return g->subject.records ? CODE_OK : recorded_open(&g->client, &g->subject.records);
}

static const char *state_of(Gallery *g)
{
        const guint state = gtk_drop_down_get_selected(g->state);

        return state < ELEMENTSOF(states) ? states[state].state : NULL;
}

static void stop_listing(Gallery *g)
{
        if (g->listing)
                g_cancellable_cancel(g->listing);
        g_clear_object(&g->listing);
        g_clear_handle_id(&g->slow, g_source_remove);
}

static void show_trouble(Gallery *g, const char *message, const char *hint)
{
        gallery_list_set(g->list, NULL, 0);
        show_empty(g, message, hint);
}

/* What went wrong with the records is the client's error. */
static bool prepare(Gallery *g)
{
        stop_listing(g);
        if (open_records(g) == CODE_OK)
                return true;
        show_trouble(g, json_string_value(json_object_get(g->client.error, "message")), g->client.hint);
        return false;
}

void gallery_reload_now(Gallery *g)
{
        g_autofree char *words = words_of(g);
        const RecordsQuery query = { .words = words, .state = state_of(g) };
        _cleanup_(freep) int64_t *times = NULL;
        Error error = { 0 };
        size_t n = 0;

        if (!prepare(g))
                return;
        int r = records_list(g->subject.records, &query, &times, &n, &error);
        if (r < 0) {
                show_trouble(g, error.text, NULL);
                return;
        }
        gallery_list_set(g->list, times, n);
        show_list(g);
}

static void on_listed(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(GError) error = NULL;
        GalleryTimes *found = gallery_list_records_finish(result, &error);
        Gallery *g = userdata; /* gone, if it was cancelled */

        (void)source;
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return;
        stop_listing(g);
        if (!found) {
                show_trouble(g, error->message, NULL);
                return;
        }
        gallery_list_set(g->list, found->times, found->n);
        show_list(g);
        gallery_times_free(found);
}

static gboolean on_slow(gpointer userdata)
{
        Gallery *g = userdata;

        g->slow = 0;
        if (!gallery_picture_is_shown(g))
                gallery_say(g, _("Searching"));
        return G_SOURCE_REMOVE;
}

void gallery_reload(Gallery *g)
{
        g_autofree char *words = words_of(g);

        if (!prepare(g))
                return;
        g->listing = g_cancellable_new();
        g->slow = g_timeout_add(SLOW_MSEC, on_slow, g);
        gallery_list_records(words, state_of(g), g->listing, on_listed, g);
}

static gboolean on_reload(gpointer userdata)
{
        Gallery *g = userdata;

        g->reload = 0;
        if (pages_is_gallery(g->window))
                gallery_reload(g);
        return G_SOURCE_REMOVE;
}

static void on_changed(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event, Gallery *g)
{
        (void)monitor, (void)file, (void)other, (void)event;
        if (!g->reload)
                g->reload = g_timeout_add(RELOAD_MSEC, on_reload, g);
}

/* Whatever is written to the records goes to their log first. */
static void watch(Gallery *g)
{
        _cleanup_(freep) char *path = NULL;

        if (g->monitor || records_path(&path) < 0)
                return;
        g_autofree char *log = g_strconcat(path, "-wal", NULL);
        g_autoptr(GFile) file = g_file_new_for_path(log);
        g->monitor = g_file_monitor_file(file, G_FILE_MONITOR_NONE, NULL, NULL);
        if (g->monitor)
                g_signal_connect(g->monitor, "changed", G_CALLBACK(on_changed), g);
}

void gallery_show(Gallery *g)
{
        watch(g);
        gallery_reload(g);
        (void)gtk_widget_grab_focus(gallery_picture_is_shown(g) ? g->back : GTK_WIDGET(g->search));
}

void gallery_close(Gallery *g)
{
        (void)gallery_picture_keep(g);
        while (g->scrubbing > 0)
                (void)g_main_context_iteration(NULL, TRUE);
}

/* --- widgets --- */

static void on_stop_search(GtkSearchEntry *search, gpointer userdata)
{
        (void)userdata;
        gtk_editable_set_text(GTK_EDITABLE(search), "");
}

static GtkWidget *search_new(Gallery *g)
{
        GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6), *search = gtk_search_entry_new(), *state;
        const char *names[ELEMENTSOF(states) + 1] = { NULL };

        for (size_t i = 0; i < ELEMENTSOF(states); i++)
                names[i] = _(states[i].name);
        state = widget_new_choice(_("_State"), names);
        g->search_row = row;
        g->search = GTK_EDITABLE(search);
        g->state = GTK_DROP_DOWN(state);
        g_object_set(search, "placeholder-text", _("Words of the prompt, tags, what it shows"), NULL);
        gtk_widget_set_hexpand(search, TRUE);
        widget_set_name(search, _("Search"));
        g_signal_connect_swapped(search, "search-changed", G_CALLBACK(gallery_reload), g);
        g_signal_connect(search, "stop-search", G_CALLBACK(on_stop_search), NULL);
        g_signal_connect_swapped(state, "notify::selected", G_CALLBACK(gallery_reload), g);
        gtk_box_append(GTK_BOX(row), search);
        gtk_box_append(GTK_BOX(row), state);
        return row;
}

static GtkWidget *empty_new(Gallery *g)
{
        GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6), *empty = gtk_label_new(""), *hint = gtk_label_new("");

        g->empty = GTK_LABEL(empty);
        g->hint = GTK_LABEL(hint);
        gtk_label_set_wrap(g->empty, TRUE);
        gtk_label_set_wrap(g->hint, TRUE);
        gtk_widget_add_css_class(empty, "title-4");
        gtk_widget_add_css_class(hint, "dim-label");
        gtk_widget_set_valign(box, GTK_ALIGN_CENTER);
        gtk_widget_set_vexpand(box, TRUE);
        gtk_box_append(GTK_BOX(box), empty);
        gtk_box_append(GTK_BOX(box), hint);
        return box;
}

static void done(gpointer userdata)
{
        Gallery *g = userdata;

        g_clear_handle_id(&g->reload, g_source_remove);
        stop_listing(g);
        g_clear_object(&g->monitor);
        gallery_grid_done(g);
        gallery_picture_done(g);
        thumbnails_free(g->thumbnails);
        subject_done(&g->subject);
        g_object_unref(g->list);
        json_decref(g->client.error);
        free(g->client.hint);
        g_free(g);
}

GtkWidget *gallery_new(Window *w, Gallery **ret)
{
        Gallery *g = g_new0(Gallery, 1);
        GtkWidget *page = gtk_box_new(GTK_ORIENTATION_VERTICAL, MARGIN), *pages = gtk_stack_new();

        g->window = w;
        g->client.is_silent = true;
        g->thumbnails = thumbnails_new();
        g->list = gallery_list_new();
        g->pages = GTK_STACK(pages);
        g->status = g_object_new(GTK_TYPE_LABEL, "accessible-role", GTK_ACCESSIBLE_ROLE_STATUS, "wrap", TRUE, "xalign", 0.0f, NULL);
        (void)gtk_stack_add_named(g->pages, empty_new(g), "empty");
        (void)gtk_stack_add_named(g->pages, gallery_grid_new(g), "grid");
        (void)gtk_stack_add_named(g->pages, gallery_picture_new(g), "picture");
        gtk_box_append(GTK_BOX(page), search_new(g));
        gtk_box_append(GTK_BOX(page), pages);
        gtk_box_append(GTK_BOX(page), GTK_WIDGET(g->status));
        gtk_widget_set_margin_top(page, MARGIN);
        gtk_widget_set_margin_bottom(page, MARGIN);
        gtk_widget_set_margin_start(page, MARGIN);
        gtk_widget_set_margin_end(page, MARGIN);
        g_object_set_data_full(G_OBJECT(page), "gallery", g, done);
        *ret = g;
        return page;
}
