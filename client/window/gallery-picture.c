/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "client/i18n.h"
#include "client/record-text.h"
#include "client/recorded.h"
#include "client/window/gallery-private.h"

#define PICTURE_MIN 200
#define FACTS_WIDTH 340

bool gallery_picture_is_shown(const Gallery *g)
{
        return g_strcmp0(gtk_stack_get_visible_child_name(g->pages), "picture") == 0;
}

/* --- what is known --- */

static void add_fact(const char *label, const char *text, void *userdata)
{
        GtkGrid *facts = userdata;
        GtkWidget *name = gtk_label_new(label), *value = gtk_label_new(text), *last = gtk_widget_get_last_child(GTK_WIDGET(facts));
        int row = -1;

        if (last)
                gtk_grid_query_child(facts, last, NULL, &row, NULL, NULL);
        gtk_widget_add_css_class(name, "dim-label");
        gtk_widget_set_valign(name, GTK_ALIGN_START);
        gtk_label_set_xalign(GTK_LABEL(name), 0);
        gtk_label_set_wrap(GTK_LABEL(name), TRUE);
        gtk_label_set_max_width_chars(GTK_LABEL(name), 14);
        gtk_label_set_xalign(GTK_LABEL(value), 0);
        gtk_label_set_wrap(GTK_LABEL(value), TRUE);
        gtk_label_set_wrap_mode(GTK_LABEL(value), PANGO_WRAP_WORD_CHAR);
        gtk_widget_set_hexpand(value, TRUE);
        gtk_grid_attach(facts, name, 0, row + 1, 1, 1);
        gtk_grid_attach(facts, value, 1, row + 1, 1, 1);
}

static void write_facts(Gallery *g)
{
        GtkWidget *child;

        while ((child = gtk_widget_get_first_child(GTK_WIDGET(g->facts))))
                gtk_grid_remove(g->facts, child);
        record_tell(g->subject.record, add_fact, g->facts);
}

/* --- the picture --- */

static void on_loaded(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GdkTexture) texture = thumbnails_load_finish(result, &error);
        Gallery *g = userdata; /* gone, if it was cancelled */

        (void)source;
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return;
        gallery_review_show_texture(g, texture);
        gtk_picture_set_paintable(g->picture, GDK_PAINTABLE(texture));
        if (error)
                gallery_say(g, error->message);
}

static void stop_loading(Gallery *g)
{
        if (g->loading)
                g_cancellable_cancel(g->loading);
        g_clear_object(&g->loading);
}

static void load(Gallery *g)
{
        g_autofree char *name = g_strdup_printf(_("Picture: %s"), subject_text(&g->subject, "prompt"));

        stop_loading(g);
        gallery_review_show_texture(g, NULL);
        gtk_picture_set_paintable(g->picture, NULL);
        widget_set_name(g->picture, name);
        if (!g->subject.path) {
                gallery_say(g, _("None of its files is there"));
                return;
        }
        g->loading = g_cancellable_new();
        thumbnails_load(g->thumbnails, g->subject.path, THUMBNAIL_X_LARGE, g->loading, on_loaded, g);
}

/* --- coming and going --- */

void gallery_picture_refresh(Gallery *g)
{
        g_autofree char *title = g_strdup(subject_text(&g->subject, "prompt"));

        gtk_label_set_text(g->title, *title ? title : _("Without a prompt"));
        write_facts(g);
        gallery_review_refresh(g);
        gallery_deeds_update(g);
}

void gallery_picture_show(Gallery *g, int64_t time)
{
        json_t *record = NULL;
        Error error = { 0 };

        int r = records_get_at(g->subject.records, time, &record, &error);
        ExitCode code = r < 0 ? recorded_fail(&g->client, &error, r)
                              : subject_find(&g->client, &g->subject, recorded_text(record, "id"));
        json_decref(record);
        r = review_policy_read(&g->subject.policy, &error); /* it may have changed */
        if (code == CODE_OK && r < 0)
                code = client_fail_error(&g->client, CODE_FAILED, &error, r);
        if (json_integer_value(json_object_get(g->subject.record, "time")) != time) { /* it has gone */
                gallery_say_failure(g);
                return;
        }
        g->time = time;
        gallery_say(g, "");
        gallery_review_clear(g);
        gallery_picture_refresh(g);
        load(g);
        gtk_stack_set_visible_child_name(g->pages, "picture");
        gtk_widget_set_visible(g->search_row, FALSE);
        (void)gtk_widget_grab_focus(g->back);
        if (code != CODE_OK)
                gallery_say_failure(g);
}

bool gallery_picture_keep(Gallery *g)
{
        ExitCode code = gallery_picture_is_shown(g) ? gallery_deeds_keep(g) : CODE_OK;

        if (code == CODE_OK && gallery_picture_is_shown(g))
                code = gallery_review_keep(g);
        if (code == CODE_OK || code == CODE_NOT_FOUND) /* somebody else has taken the picture out */
                return true;
        gallery_say_failure(g);
        return false;
}

void gallery_picture_leave(Gallery *g)
{
        const guint position = gallery_list_find(g->list, g->time);

        stop_loading(g);
        gtk_widget_set_visible(g->search_row, TRUE);
        gtk_stack_set_visible_child_name(g->pages, "grid");
        gallery_reload(g);
        (void)gtk_widget_grab_focus(g->grid);
        if (position != GTK_INVALID_LIST_POSITION)
                (void)gtk_widget_activate_action(g->grid, "list.scroll-to-item", "u", position);
}

void gallery_picture_step(Gallery *g, int by)
{
        const guint position = gallery_list_find(g->list, g->time) + (guint)by;
        g_autoptr(GalleryItem) item = g_list_model_get_item(G_LIST_MODEL(g->list), position);

        if (item)
                gallery_picture_show(g, gallery_item_time(item));
}

/* Where it was in the list there may be another one now. */
void gallery_picture_changed(Gallery *g)
{
        const guint before = gallery_list_find(g->list, g->time);

        gallery_reload_now(g);
        const guint n = g_list_model_get_n_items(G_LIST_MODEL(g->list));
        if (gallery_list_find(g->list, g->time) != GTK_INVALID_LIST_POSITION) {
                gallery_picture_refresh(g);
        } else if (n == 0 || before == GTK_INVALID_LIST_POSITION) {
                gallery_picture_leave(g);
        } else {
                g_autoptr(GalleryItem) item = g_list_model_get_item(G_LIST_MODEL(g->list), MIN(before, n - 1));
                gallery_picture_show(g, gallery_item_time(item));
        }
}

/* --- widgets --- */

static GtkWidget *title_row_new(Gallery *g)
{
        GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6), *title = gtk_label_new("");

        g->back = widget_new_button(_("_Back"), "gallery.back", _("Escape"));
        g->title = GTK_LABEL(title);
        gtk_label_set_ellipsize(g->title, PANGO_ELLIPSIZE_END);
        gtk_widget_add_css_class(title, "title-4");
        gtk_widget_set_hexpand(title, TRUE);
        gtk_box_append(GTK_BOX(row), g->back);
        gtk_box_append(GTK_BOX(row), title);
        gtk_box_append(GTK_BOX(row), widget_new_button(_("_Newer"), "gallery.newer", _("Page Up")));
        gtk_box_append(GTK_BOX(row), widget_new_button(_("_Older"), "gallery.older", _("Page Down")));
        return row;
}

static GtkWidget *facts_new(Gallery *g)
{
        GtkWidget *scrolled = gtk_scrolled_window_new(), *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 12), *facts = gtk_grid_new(),
                  *advice = gtk_label_new(_("What is said of licences is information and no legal advice."));

        g->facts = GTK_GRID(facts);
        gtk_grid_set_column_spacing(g->facts, 12);
        gtk_grid_set_row_spacing(g->facts, 4);
        gtk_label_set_wrap(GTK_LABEL(advice), TRUE);
        gtk_label_set_xalign(GTK_LABEL(advice), 0);
        gtk_widget_add_css_class(advice, "dim-label");
        gtk_box_append(GTK_BOX(box), gallery_review_new(g));
        gtk_box_append(GTK_BOX(box), gtk_separator_new(GTK_ORIENTATION_HORIZONTAL));
        gtk_box_append(GTK_BOX(box), facts);
        gtk_box_append(GTK_BOX(box), advice);
        gtk_widget_set_margin_end(box, 12); /* where the scroll bar comes */
        gtk_widget_set_size_request(scrolled, FACTS_WIDTH, -1);
        widget_set_name(scrolled, _("What is known of it"));
        gtk_scrolled_window_set_policy(GTK_SCROLLED_WINDOW(scrolled), GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
        gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(scrolled), box);
        return scrolled;
}

GtkWidget *gallery_picture_new(Gallery *g)
{
        GtkWidget *page = gtk_box_new(GTK_ORIENTATION_VERTICAL, 12), *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12),
                  *left = gtk_box_new(GTK_ORIENTATION_VERTICAL, 12), *picture = gtk_picture_new();

        g->picture = GTK_PICTURE(picture);
        gtk_widget_set_size_request(picture, PICTURE_MIN, PICTURE_MIN);
        gtk_widget_set_hexpand(picture, TRUE);
        gtk_widget_set_vexpand(picture, TRUE);
        gtk_box_append(GTK_BOX(left), picture);
        gtk_box_append(GTK_BOX(left), gallery_deeds_new(g));
        gtk_box_append(GTK_BOX(row), left);
        gtk_box_append(GTK_BOX(row), facts_new(g));
        gtk_box_append(GTK_BOX(page), title_row_new(g));
        gtk_box_append(GTK_BOX(page), row);
        gallery_deeds_add(g, page);
        return page;
}

void gallery_picture_done(Gallery *g)
{
        stop_loading(g);
}
