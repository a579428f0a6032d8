/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/request.h"
#include "base/util.h"
#include "client/recorded.h"
#include "client/window/window.h"

/* What is added to the prompt, in the language that models read. */
static const struct {
        const char *name, *words;
} styles[] = {
        { N_("None"), "" },
        { N_("Flat"), ", flat" },
        { N_("Cartoon"), ", outlined cartoon" },
        { N_("Clip art"), ", clip art" },
        { N_("3D"), ", realistic 3d render" },
        { N_("Silhouette"), ", silhouette icon" },
        { N_("Photograph"), ", photograph" },
        { N_("Oil painting"), ", oil painting" },
        { N_("Watercolour"), ", watercolour" },
        { N_("Pencil"), ", pencil drawing" },
};

static const struct {
        const char *name;
        uint32_t width, height;
} sizes[] = {
        { N_("As the model likes"), 0, 0 },
        { N_("Small square"), 256, 256 },
        { N_("Square"), 512, 512 },
        { N_("Wide"), 768, 512 },
        { N_("Tall"), 512, 768 },
        { N_("Large square"), 1024, 1024 },
};

#define WINDOW_COUNT_MAX 8

static void on_activate(GtkEntry *entry, Window *w)
{
        (void)entry;
        (void)gtk_widget_activate_action(GTK_WIDGET(w->prompt), "win.make", NULL);
}

/* Up and Down go through what was asked for before. */
static gboolean on_key(GtkEventControllerKey *controller, guint key, guint code, GdkModifierType state, Window *w)
{
        guint length = history_length(w->history);

        (void)controller, (void)code;
        if (state & (GDK_CONTROL_MASK | GDK_ALT_MASK | GDK_SHIFT_MASK) || (key != GDK_KEY_Up && key != GDK_KEY_Down))
                return FALSE;
        if (key == GDK_KEY_Up && w->history_at < length)
                w->history_at++;
        else if (key == GDK_KEY_Down && w->history_at > 0)
                w->history_at--;
        else
                return TRUE;
        gtk_editable_set_text(w->prompt, w->history_at ? history_get(w->history, w->history_at - 1) : "");
        gtk_editable_set_position(w->prompt, -1);
        return TRUE;
}

static void on_row(GtkListBox *list, GtkListBoxRow *row, GtkPopover *popover)
{
        Window *w = g_object_get_data(G_OBJECT(list), "window");
        const char *prompt = g_object_get_data(G_OBJECT(row), "prompt");

        gtk_editable_set_text(w->prompt, prompt);
        gtk_popover_popdown(popover);
        (void)gtk_widget_grab_focus(GTK_WIDGET(w->prompt));
        gtk_editable_set_position(w->prompt, -1);
}

static GtkWidget *history_list(Window *w, GtkPopover *popover)
{
        GtkWidget *list = gtk_list_box_new();

        widget_set_name(list, _("Earlier prompts"));
        g_object_set_data(G_OBJECT(list), "window", w);
        for (guint i = 0; i < history_length(w->history); i++) {
                GtkWidget *row = gtk_list_box_row_new(), *label = gtk_label_new(history_get(w->history, i));
                gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_END);
                gtk_label_set_max_width_chars(GTK_LABEL(label), 50);
                gtk_label_set_xalign(GTK_LABEL(label), 0);
                gtk_list_box_row_set_child(GTK_LIST_BOX_ROW(row), label);
                g_object_set_data_full(G_OBJECT(row), "prompt", g_strdup(history_get(w->history, i)), g_free);
                gtk_list_box_append(GTK_LIST_BOX(list), row);
        }
        g_signal_connect(list, "row-activated", G_CALLBACK(on_row), popover);
        return list;
}

/* Made anew each time that it is opened. */
static void fill_history(GtkMenuButton *button, gpointer userdata)
{
        GtkWidget *popover = gtk_popover_new(), *scrolled = gtk_scrolled_window_new();
        GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6), *forget = widget_new_button(_("_Forget All"), "win.forget", NULL);
        Window *w = userdata;

        gtk_scrolled_window_set_child(GTK_SCROLLED_WINDOW(scrolled), history_list(w, GTK_POPOVER(popover)));
        gtk_scrolled_window_set_propagate_natural_height(GTK_SCROLLED_WINDOW(scrolled), TRUE);
        gtk_scrolled_window_set_propagate_natural_width(GTK_SCROLLED_WINDOW(scrolled), TRUE);
        gtk_scrolled_window_set_max_content_height(GTK_SCROLLED_WINDOW(scrolled), 300);
        gtk_box_append(GTK_BOX(box), scrolled);
        gtk_box_append(GTK_BOX(box), forget);
        gtk_popover_set_child(GTK_POPOVER(popover), box);
        gtk_menu_button_set_popover(button, popover);
}

static GtkWidget *prompt_row(Window *w)
{
        GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6), *entry = gtk_entry_new(), *history = gtk_menu_button_new();
        GtkEventController *keys = gtk_event_controller_key_new();

        w->prompt = GTK_EDITABLE(entry);
        gtk_entry_set_placeholder_text(GTK_ENTRY(entry), _("What the picture shows"));
        gtk_entry_set_max_length(GTK_ENTRY(entry), REQUEST_PROMPT_MAX / 4); /* of at most four bytes each */
        gtk_widget_set_hexpand(entry, TRUE);
        widget_set_name(entry, _("Prompt"));
        g_signal_connect(entry, "activate", G_CALLBACK(on_activate), w);
        g_signal_connect(keys, "key-pressed", G_CALLBACK(on_key), w);
        gtk_event_controller_set_propagation_phase(keys, GTK_PHASE_CAPTURE);
        gtk_widget_add_controller(entry, keys);

        gtk_menu_button_set_icon_name(GTK_MENU_BUTTON(history), "document-open-recent-symbolic");
        gtk_menu_button_set_create_popup_func(GTK_MENU_BUTTON(history), fill_history, w, NULL);
        gtk_widget_set_tooltip_text(history, _("Earlier prompts (Up, Down)"));
        widget_set_name(history, _("Earlier prompts"));

        w->make = widget_new_button(_("_Make"), "win.make", _("Enter"));
        gtk_widget_add_css_class(w->make, "suggested-action");
        w->cancel = widget_new_button(_("_Cancel"), "win.cancel", _("Escape"));
        gtk_widget_set_visible(w->cancel, FALSE);

        gtk_box_append(GTK_BOX(row), entry);
        gtk_box_append(GTK_BOX(row), history);
        gtk_box_append(GTK_BOX(row), w->make);
        gtk_box_append(GTK_BOX(row), w->cancel);
        return row;
}

static GtkWidget *style_new(const char *label)
{
        const char *names[ELEMENTSOF(styles) + 1] = { NULL };

        for (size_t i = 0; i < ELEMENTSOF(styles); i++)
                names[i] = _(styles[i].name);
        return widget_new_choice(label, names);
}

static GtkWidget *size_new(const char *label)
{
        g_auto(GStrv) names = g_new0(char *, ELEMENTSOF(sizes) + 1);

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                names[i] = sizes[i].width ? g_strdup_printf("%s, %u × %u", _(sizes[i].name), sizes[i].width, sizes[i].height)
                                          : g_strdup(_(sizes[i].name));
        return widget_new_choice(label, (const char *const *)names);
}

static GtkWidget *more_new(Window *w)
{
        GtkWidget *expander = gtk_expander_new_with_mnemonic(_("Style, size and c_ount")), *grid = gtk_grid_new();
        GtkWidget *style = style_new(_("S_tyle")), *size = size_new(_("Si_ze")), *count = gtk_spin_button_new_with_range(1, WINDOW_COUNT_MAX, 1);

        w->style = GTK_DROP_DOWN(style);
        w->size = GTK_DROP_DOWN(size);
        w->count = GTK_SPIN_BUTTON(count);
        w->choices = GTK_GRID(grid);
        gtk_grid_set_row_spacing(GTK_GRID(grid), 6);
        gtk_grid_set_column_spacing(GTK_GRID(grid), 12);
        gtk_widget_set_margin_top(grid, 6);
        widget_attach(grid, 0, _("S_tyle"), style);
        widget_attach(grid, 1, _("Si_ze"), size);
        widget_attach(grid, 2, _("_Pictures"), count);
        widget_set_name(expander, _("Style, size and count"));
        gtk_expander_set_child(GTK_EXPANDER(expander), grid);
        return expander;
}

GtkWidget *form_add_choice(Window *w, const char *label, const char *const *names)
{
        GtkWidget *choice = widget_new_choice(label, names);
        int row;

        gtk_grid_query_child(w->choices, gtk_widget_get_last_child(GTK_WIDGET(w->choices)), NULL, &row, NULL, NULL);
        widget_attach(GTK_WIDGET(w->choices), row + 1, label, choice);
        return choice;
}

static GtkWidget *warning_new(Window *w)
{
        GtkWidget *warning = gtk_label_new("");

        w->warning = GTK_LABEL(warning);
        gtk_label_set_wrap(w->warning, TRUE);
        gtk_label_set_wrap_mode(w->warning, PANGO_WRAP_WORD_CHAR);
        gtk_label_set_xalign(w->warning, 0);
        gtk_widget_set_visible(warning, FALSE);
        return warning;
}

static GtkWidget *from_row(Window *w)
{
        GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6), *remove = widget_new_button(_("Do _Not"), "win.from-nothing", NULL);
        g_autofree char *name = w->from ? g_filename_display_basename(w->from) : NULL;
        g_autofree char *text = g_strdup_printf(_("Starts from %s"), name ? name : "");
        GtkWidget *label = gtk_label_new(text);

        gtk_label_set_ellipsize(GTK_LABEL(label), PANGO_ELLIPSIZE_MIDDLE);
        gtk_widget_set_hexpand(label, TRUE);
        gtk_label_set_xalign(GTK_LABEL(label), 0);
        gtk_box_append(GTK_BOX(row), label);
        gtk_box_append(GTK_BOX(row), remove);
        gtk_widget_set_visible(row, w->from != NULL);
        w->from_row = row;
        return row;
}

GtkWidget *form_new(Window *w)
{
        GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);

        gtk_box_append(GTK_BOX(box), prompt_row(w));
        gtk_box_append(GTK_BOX(box), from_row(w));
        gtk_box_append(GTK_BOX(box), more_new(w));
        gtk_box_append(GTK_BOX(box), warning_new(w));
        if (w->base.prompt_text)
                gtk_editable_set_text(w->prompt, w->base.prompt_text);
        return box;
}

void form_read(Window *w, Asked *asked)
{
        const guint style = gtk_drop_down_get_selected(w->style), size = gtk_drop_down_get_selected(w->size);

        asked->prompt = g_strdup(gtk_editable_get_text(w->prompt));
        asked->text = g_strconcat(asked->prompt, style < ELEMENTSOF(styles) ? styles[style].words : "", NULL);
        asked->width = size < ELEMENTSOF(sizes) ? sizes[size].width : 0;
        asked->height = size < ELEMENTSOF(sizes) ? sizes[size].height : 0;
        asked->count = (uint32_t)gtk_spin_button_get_value_as_int(w->count);
        asked->from = g_strdup(w->from);
        asked->provider = g_strdup(providers_chosen(w));
        history_add(w->history, asked->prompt);
        w->history_at = 0;
}

void form_fill(Window *w, const json_t *record)
{
        const json_int_t width = json_integer_value(json_object_get(record, "width")),
                         height = json_integer_value(json_object_get(record, "height"));
        guint size = ELEMENTSOF(sizes) - 1;

        while (size > 0 && (sizes[size].width != width || sizes[size].height != height))
                size--;
        gtk_drop_down_set_selected(w->style, 0); /* its words are in the prompt */
        gtk_drop_down_set_selected(w->size, size);
        gtk_editable_set_text(w->prompt, recorded_text(record, "prompt"));
}

void asked_done(Asked *asked)
{
        json_decref(asked->original);
        g_free(asked->prompt);
        g_free(asked->text);
        g_free(asked->output);
        g_free(asked->from);
        g_free(asked->provider);
        *asked = (Asked) { 0 };
}

void asked_copy(const Asked *asked, Asked *ret)
{
        *ret = *asked;
        ret->prompt = g_strdup(asked->prompt);
        ret->text = g_strdup(asked->text);
        ret->output = g_strdup(asked->output);
        ret->from = g_strdup(asked->from);
        ret->provider = g_strdup(asked->provider);
        ret->original = json_incref(asked->original);
}
