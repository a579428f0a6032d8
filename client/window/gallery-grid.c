/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "client/i18n.h"
#include "client/record-text.h"
#include "client/recorded.h"
#include "client/window/gallery-private.h"

#define CELL_SIDE 160
#define COLUMNS_MAX 12

/* One place in the grid, which shows one item after another. GTK has places for many more than are to be seen. */
typedef struct Cell {
        Gallery *gallery;
        GtkListItem *item;
        GtkWidget *box;
        GtkStack *stack; /* the picture, or what stands for it */
        GtkPicture *picture;
        GtkLabel *prompt, *about;
        GCancellable *loading; /* NULL: nothing has been asked for */
} Cell;

static void on_loaded(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(GdkTexture) texture = thumbnails_load_finish(result, &error);
        Cell *cell = userdata; /* gone, if it was cancelled */

        (void)source;
        if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
                return;
        gtk_picture_set_paintable(cell->picture, GDK_PAINTABLE(texture));
        gtk_stack_set_visible_child_name(cell->stack, texture ? "picture" : "missing");
        gtk_widget_set_tooltip_text(GTK_WIDGET(cell->stack), error ? error->message : NULL);
}

static void write_texts(Cell *cell, const json_t *record)
{
        const char *prompt = recorded_text(record, "prompt"), *state = gallery_state_name(recorded_text(record, "state"));
        char time[32];

        record_format_time(json_integer_value(json_object_get(record, "time")), time, sizeof(time));
        g_autofree char *words = g_strdup(*prompt ? prompt : _("Without a prompt"));
        client_clean_text(words);
        g_autofree char *about = g_strdup_printf("%s · %s", state, time), *name = g_strdup_printf("%s, %s, %s", words, state, time);
        gtk_label_set_text(cell->prompt, words);
        gtk_label_set_text(cell->about, about);
        widget_set_name(gtk_widget_get_parent(cell->box), name); /* which takes the keyboard */
}

static void fill(Cell *cell)
{
        Gallery *g = cell->gallery;
        json_t *record = NULL;

        cell->loading = g_cancellable_new();
        if (records_get_at(g->subject.records, gallery_item_time(gtk_list_item_get_item(cell->item)), &record, NULL) < 0)
                return; /* it has gone, and will be gone from the list */
        write_texts(cell, record);
        const char *path = recorded_path(record);
        if (path) {
                thumbnails_load(g->thumbnails, path, THUMBNAIL_LARGE, cell->loading, on_loaded, cell);
        } else {
                gtk_stack_set_visible_child_name(cell->stack, "missing");
                gtk_widget_set_tooltip_text(GTK_WIDGET(cell->stack), _("None of its files is there"));
        }
        json_decref(record);
}

static void stop_loading(Cell *cell)
{
        if (cell->loading)
                g_cancellable_cancel(cell->loading);
        g_clear_object(&cell->loading);
}

static void clear(Cell *cell)
{
        stop_loading(cell);
        gtk_picture_set_paintable(cell->picture, NULL);
        gtk_stack_set_visible_child_name(cell->stack, "picture");
        gtk_widget_set_tooltip_text(GTK_WIDGET(cell->stack), NULL);
        gtk_label_set_text(cell->prompt, "");
        gtk_label_set_text(cell->about, "");
}

/* --- what is to be seen --- */

static bool is_to_be_seen(const Cell *cell)
{
        GtkWidget *view = GTK_WIDGET(cell->gallery->scrolled);
        graphene_rect_t place;

        return gtk_widget_compute_bounds(cell->box, view, &place) && place.size.height > 0 &&
               place.origin.y < (float)gtk_widget_get_height(view) && place.origin.y + place.size.height > 0;
}

static gboolean on_look(gpointer userdata)
{
        Gallery *g = userdata;

        g->look = 0;
        for (guint i = 0; i < g->cells->len; i++) {
                Cell *cell = g_ptr_array_index(g->cells, i);
                const bool is_seen = is_to_be_seen(cell);
                if (is_seen && !cell->loading)
                        fill(cell);
                else if (!is_seen && cell->loading)
                        clear(cell);
        }
        return G_SOURCE_REMOVE;
}

/* Once GTK has put everything where it belongs. */
static void look_soon(Gallery *g)
{
        if (!g->look && gtk_widget_get_mapped(g->grid))
                g->look = g_idle_add(on_look, g);
}

void gallery_grid_refresh(Gallery *g)
{
        for (guint i = 0; i < g->cells->len; i++)
                stop_loading(g_ptr_array_index(g->cells, i)); /* what is shown stays until there is something else */
        look_soon(g);
}

/* --- GTK's list items --- */

static GtkWidget *label_new(Cell *cell, GtkLabel **ret)
{
        GtkWidget *label = gtk_label_new("");

        gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_END);
        gtk_label_set_width_chars(GTK_LABEL(label), 1);
        gtk_label_set_max_width_chars(GTK_LABEL(label), 1); /* as wide as the picture */
        gtk_label_set_xalign(GTK_LABEL(label), 0);
        gtk_box_append(GTK_BOX(cell->box), label);
        *ret = GTK_LABEL(label);
        return label;
}

static void on_setup(GtkSignalListItemFactory *factory, GtkListItem *item, Gallery *g)
{
        Cell *cell = g_new0(Cell, 1);
        GtkWidget *stack = gtk_stack_new(), *picture = gtk_picture_new(), *missing = gtk_image_new_from_icon_name("image-missing-symbolic");

        (void)factory;
        *cell = (Cell) { .gallery = g, .item = item, .box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 3) };
        cell->stack = GTK_STACK(stack);
        cell->picture = GTK_PICTURE(picture);
        gtk_widget_set_size_request(picture, CELL_SIDE, CELL_SIDE);
        gtk_image_set_pixel_size(GTK_IMAGE(missing), CELL_SIDE / 4);
        gtk_widget_add_css_class(missing, "dim-label");
        gtk_stack_add_named(cell->stack, picture, "picture");
        gtk_stack_add_named(cell->stack, missing, "missing");
        gtk_box_append(GTK_BOX(cell->box), stack);
        (void)label_new(cell, &cell->prompt);
        gtk_widget_add_css_class(label_new(cell, &cell->about), "dim-label");
        g_object_set_data_full(G_OBJECT(item), "cell", cell, g_free);
        gtk_list_item_set_child(item, cell->box);
}

static void on_bind(GtkSignalListItemFactory *factory, GtkListItem *item, Gallery *g)
{
        (void)factory;
        g_ptr_array_add(g->cells, g_object_get_data(G_OBJECT(item), "cell"));
        look_soon(g);
}

static void on_unbind(GtkSignalListItemFactory *factory, GtkListItem *item, Gallery *g)
{
        Cell *cell = g_object_get_data(G_OBJECT(item), "cell");

        (void)factory;
        (void)g_ptr_array_remove_fast(g->cells, cell);
        clear(cell);
}

static void on_activate(GtkGridView *grid, guint position, Gallery *g)
{
        g_autoptr(GalleryItem) item = g_list_model_get_item(G_LIST_MODEL(g->list), position);

        (void)grid;
        if (item)
                gallery_picture_show(g, gallery_item_time(item));
}

static void on_moved(GtkAdjustment *adjustment, Gallery *g)
{
        (void)adjustment;
        look_soon(g);
}

GtkWidget *gallery_grid_new(Gallery *g)
{
        GtkListItemFactory *factory = gtk_signal_list_item_factory_new();
        GtkWidget *scrolled = gtk_scrolled_window_new();

        g->cells = g_ptr_array_new();
        g->selection = gtk_single_selection_new(g_object_ref(G_LIST_MODEL(g->list)));
        gtk_single_selection_set_autoselect(g->selection, FALSE);
        gtk_single_selection_set_can_unselect(g->selection, TRUE);
        g_signal_connect(factory, "setup", G_CALLBACK(on_setup), g);
        g_signal_connect(factory, "bind", G_CALLBACK(on_bind), g);
        g_signal_connect(factory, "unbind", G_CALLBACK(on_unbind), g);
        g->grid = gtk_grid_view_new(GTK_SELECTION_MODEL(g->selection), factory);
        gtk_grid_view_set_max_columns(GTK_GRID_VIEW(g->grid), COLUMNS_MAX);
        gtk_grid_view_set_single_click_activate(GTK_GRID_VIEW(g->grid), TRUE);
        widget_set_name(g->grid, _("Pictures"));
        g_signal_connect(g->grid, "activate", G_CALLBACK(on_activate), g);
        g->scrolled = GTK_SCROLLED_WINDOW(scrolled);
        widget_set_name(scrolled, _("Pictures"));
        gtk_scrolled_window_set_policy(g->scrolled, GTK_POLICY_NEVER, GTK_POLICY_AUTOMATIC);
        gtk_scrolled_window_set_child(g->scrolled, g->grid);
        gtk_widget_set_vexpand(scrolled, TRUE);
        GtkAdjustment *adjustment = gtk_scrolled_window_get_vadjustment(g->scrolled);
        g_signal_connect(adjustment, "changed", G_CALLBACK(on_moved), g);
        g_signal_connect(adjustment, "value-changed", G_CALLBACK(on_moved), g);
        g_signal_connect_swapped(g->grid, "map", G_CALLBACK(look_soon), g);
        return scrolled;
}

void gallery_grid_done(Gallery *g)
{
        if (g->look)
                (void)g_source_remove(g->look);
        g_ptr_array_unref(g->cells);
}
