/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/window/window.h"

#define MARGIN 12
#define GALLERY_WIDTH 900 /* at least, when it is first shown */
#define GALLERY_HEIGHT 640

bool pages_is_gallery(const Window *w)
{
        return w->pages && g_strcmp0(gtk_stack_get_visible_child_name(w->pages), "gallery") == 0;
}

void pages_show_form(Window *w)
{
        gtk_stack_set_visible_child_name(w->pages, "form");
        (void)gtk_widget_grab_focus(GTK_WIDGET(w->prompt));
        gtk_editable_set_position(w->prompt, -1);
}

/* Many pictures need more room than one; whoever makes the window smaller afterwards keeps it so. */
static void make_room(Window *w)
{
        int width, height;

        gtk_window_get_default_size(w->window, &width, &height);
        gtk_window_set_default_size(w->window, MAX(width, GALLERY_WIDTH), MAX(height, GALLERY_HEIGHT));
}

static void on_page(GtkStack *pages, GParamSpec *spec, Window *w)
{
        (void)pages, (void)spec;
        deeds_update(w);
        if (!pages_is_gallery(w))
                return;
        if (!w->has_shown_gallery)
                make_room(w);
        w->has_shown_gallery = true;
        gallery_show(w->gallery);
}

static GtkWidget *form_page_new(Window *w)
{
        GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, MARGIN);

        gtk_widget_set_margin_top(box, MARGIN);
        gtk_widget_set_margin_bottom(box, MARGIN);
        gtk_widget_set_margin_start(box, MARGIN);
        gtk_widget_set_margin_end(box, MARGIN);
        gtk_box_append(GTK_BOX(box), form_new(w));
        gtk_box_append(GTK_BOX(box), view_new(w));
        return box;
}

static GtkWidget *header_new(Window *w)
{
        GtkWidget *header = gtk_header_bar_new(), *switcher = gtk_stack_switcher_new();

        gtk_stack_switcher_set_stack(GTK_STACK_SWITCHER(switcher), w->pages);
        gtk_header_bar_set_title_widget(GTK_HEADER_BAR(header), switcher);
        return header;
}

void pages_new(Window *w)
{
        GtkWidget *pages = gtk_stack_new();

        w->pages = GTK_STACK(pages);
        gtk_stack_set_hhomogeneous(w->pages, FALSE);
        gtk_stack_set_vhomogeneous(w->pages, FALSE);
        (void)gtk_stack_add_titled(w->pages, form_page_new(w), "form", _("New Picture"));
        (void)gtk_stack_add_titled(w->pages, gallery_new(w, &w->gallery), "gallery", _("Gallery"));
        g_signal_connect(pages, "notify::visible-child-name", G_CALLBACK(on_page), w);
        gtk_window_set_titlebar(w->window, header_new(w));
        gtk_window_set_child(w->window, pages);
}
