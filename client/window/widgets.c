/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/window/window.h"

void widget_set_name(gpointer widget, const char *name)
{
        gtk_accessible_update_property(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_PROPERTY_LABEL, name, -1);
}

/* Without its underscore, which would be read out. */
static char *without_mnemonic(const char *label)
{
        g_auto(GStrv) parts = g_strsplit(label, "_", -1);

        return g_strjoinv("", parts);
}

static void name_choice(GtkDropDown *choice, GParamSpec *spec, const char *what)
{
        GtkStringObject *chosen = gtk_drop_down_get_selected_item(choice);
        g_autofree char *name = g_strdup_printf("%s: %s", what, chosen ? gtk_string_object_get_string(chosen) : "");

        (void)spec;
        widget_set_name(gtk_widget_get_first_child(GTK_WIDGET(choice)), name);
}

GtkWidget *widget_new_choice(const char *label, const char *const *names)
{
        GtkWidget *choice = gtk_drop_down_new_from_strings(names);
        char *what = without_mnemonic(label);

        g_object_set_data_full(G_OBJECT(choice), "what", what, g_free);
        g_signal_connect(choice, "notify::selected", G_CALLBACK(name_choice), what);
        name_choice(GTK_DROP_DOWN(choice), NULL, what);
        return choice;
}

void widget_attach(GtkWidget *grid, int row, const char *label, GtkWidget *widget)
{
        GtkWidget *text = gtk_label_new_with_mnemonic(label);

        gtk_label_set_xalign(GTK_LABEL(text), 1);
        gtk_label_set_mnemonic_widget(GTK_LABEL(text), widget);
        gtk_accessible_update_relation(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_RELATION_LABELLED_BY, text, NULL, -1);
        gtk_widget_set_hexpand(widget, TRUE);
        gtk_grid_attach(GTK_GRID(grid), text, 0, row, 1, 1);
        gtk_grid_attach(GTK_GRID(grid), widget, 1, row, 1, 1);
}

/* The label is a widget of its own: a button's own would name it twice. */
GtkWidget *widget_new_button(const char *label, const char *action, const char *tooltip)
{
        GtkWidget *button = gtk_button_new();
        g_autofree char *name = without_mnemonic(label);

        gtk_button_set_child(GTK_BUTTON(button), gtk_label_new_with_mnemonic(label));
        gtk_actionable_set_action_name(GTK_ACTIONABLE(button), action);
        gtk_widget_set_tooltip_text(button, tooltip);
        widget_set_name(button, name);
        return button;
}

GtkWidget *widget_new_check(const char *label)
{
        GtkWidget *check = gtk_check_button_new_with_mnemonic(label);
        g_autofree char *name = without_mnemonic(label);

        widget_set_name(check, name);
        return check;
}

void widget_show_text(GtkEditable *editable, const char *text)
{
        g_object_set_data_full(G_OBJECT(editable), "shown", g_strdup(text), g_free);
        gtk_editable_set_text(editable, text);
}

bool widget_is_edited(GtkEditable *editable)
{
        return g_strcmp0(gtk_editable_get_text(editable), g_object_get_data(G_OBJECT(editable), "shown")) != 0;
}
