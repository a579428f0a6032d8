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
