/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "client/progress.h"
#include "client/window/window.h"

#define PICTURE_MIN 160 /* pixels of a side, before scaling */
#define THUMBNAIL 64
#define ANNOUNCE_USEC (5 * G_USEC_PER_SEC) /* how often progress is read out, at most; each new state is */

void result_free(Result *result)
{
        g_free(result->path);
        g_free(result->prompt);
        g_bytes_unref(result->bytes);
        g_clear_object(&result->texture);
        g_free(result);
}

const Result *view_result(const Window *w)
{
        return w->shown < w->results->len ? g_ptr_array_index(w->results, w->shown) : NULL;
}

/* Has screen readers read it out. */
void view_announce(Window *w, const char *text)
{
        w->announced = g_get_monotonic_time();
#if GTK_CHECK_VERSION(4, 14, 0)
        G_GNUC_BEGIN_IGNORE_DEPRECATIONS
        gtk_accessible_announce(GTK_ACCESSIBLE(w->window), text, GTK_ACCESSIBLE_ANNOUNCEMENT_PRIORITY_MEDIUM);
        G_GNUC_END_IGNORE_DEPRECATIONS
#else
        /* There is no live region that GTK tells them of. What they do read out is a new name of the window that is worked with;
         * its title stays. */
        if (gtk_window_is_active(w->window))
                widget_set_name(w->window, text);
#endif
}

static bool write_status(Window *w, const char *text)
{
        if (streq(gtk_label_get_text(w->status), text))
                return false;
        gtk_label_set_text(w->status, text);
        widget_set_name(w->status, text);
        return true;
}

void view_say(Window *w, const char *text)
{
        if (write_status(w, text))
                view_announce(w, text);
}

static void show_texture(Window *w, GdkTexture *texture, const char *name)
{
        gtk_picture_set_paintable(w->picture, texture ? GDK_PAINTABLE(texture) : NULL);
        gtk_picture_set_alternative_text(w->picture, name);
        widget_set_name(w->picture, name);
        gtk_stack_set_visible_child_name(w->stack, texture ? "picture" : w->is_working ? "waiting" : "empty");
}

static void show_result(Window *w, guint index)
{
        w->shown = index;
        const Result *result = view_result(w);
        if (result) {
                g_autofree char *name = g_strdup_printf(_("Picture: %s"), result->prompt);
                show_texture(w, result->texture, name);
        }
        deeds_update(w);
}

static void on_thumbnail(GtkToggleButton *button, Window *w)
{
        if (gtk_toggle_button_get_active(button))
                show_result(w, GPOINTER_TO_UINT(g_object_get_data(G_OBJECT(button), "index")));
}

static void add_thumbnail(Window *w, const Result *result, guint index)
{
        GtkWidget *button = gtk_toggle_button_new(), *image = gtk_picture_new_for_paintable(GDK_PAINTABLE(result->texture));
        g_autofree char *name = g_strdup_printf(_("Picture %u"), index + 1);
        GtkWidget *first = gtk_widget_get_first_child(w->thumbnails);

        gtk_widget_set_size_request(image, THUMBNAIL, THUMBNAIL);
        gtk_picture_set_alternative_text(GTK_PICTURE(image), name);
        gtk_button_set_child(GTK_BUTTON(button), image);
        widget_set_name(button, name);
        gtk_toggle_button_set_group(GTK_TOGGLE_BUTTON(button), first ? GTK_TOGGLE_BUTTON(first) : NULL);
        g_object_set_data(G_OBJECT(button), "index", GUINT_TO_POINTER(index));
        g_signal_connect(button, "toggled", G_CALLBACK(on_thumbnail), w);
        gtk_box_append(GTK_BOX(w->thumbnails), button);
        gtk_toggle_button_set_active(GTK_TOGGLE_BUTTON(button), TRUE);
        gtk_widget_set_visible(w->thumbnails, index > 0);
}

void view_add_result(Window *w, Result *result)
{
        g_ptr_array_add(w->results, result);
        if (result->texture)
                add_thumbnail(w, result, w->results->len - 1);
        show_result(w, w->results->len - 1);
}

static void set_working(Window *w, bool is_working)
{
        bool had_focus = gtk_widget_has_focus(is_working ? w->make : w->cancel);

        gtk_widget_set_visible(w->make, !is_working);
        gtk_widget_set_visible(w->cancel, is_working);
        gtk_widget_set_visible(GTK_WIDGET(w->progress), is_working);
        if (had_focus)
                (void)gtk_widget_grab_focus(is_working ? w->cancel : w->make);
        deeds_update(w);
}

void view_begin(Window *w)
{
        GtkWidget *child;

        while ((child = gtk_widget_get_first_child(w->thumbnails)))
                gtk_box_remove(GTK_BOX(w->thumbnails), child);
        gtk_widget_set_visible(w->thumbnails, FALSE);
        g_ptr_array_set_size(w->results, 0);
        show_texture(w, NULL, "");
        gtk_widget_set_visible(GTK_WIDGET(w->hint), FALSE);
        gtk_widget_set_visible(w->trouble_row, FALSE);
        gtk_progress_bar_set_fraction(w->progress, 0);
        set_working(w, true);
}

void view_progress(Window *w, const JobInfo *job)
{
        const JobState state = job_state(job);
        char label[160];

        progress_format_label(job, label, sizeof(label));
        const bool is_due = state != w->state || g_get_monotonic_time() - w->announced >= ANNOUNCE_USEC;
        if (write_status(w, label) && is_due)
                view_announce(w, label);
        w->state = state;
        if (state == JOB_RUNNING)
                gtk_progress_bar_set_fraction(w->progress, job->progress);
        else
                gtk_progress_bar_pulse(w->progress);
}

void view_preview(Window *w, const Picture *preview)
{
        g_autoptr(GBytes) bytes = g_bytes_new(preview->data, preview->size);
        g_autoptr(GdkTexture) texture = gdk_texture_new_from_bytes(bytes, NULL);

        if (texture && w->is_working)
                show_texture(w, texture, _("The picture as it forms"));
}

static void say_result(Window *w)
{
        const Result *result = view_result(w);
        g_autofree char *name = g_filename_display_basename(result->path);
        g_autofree char *text = NULL;

        if (w->results->len > 1)
                text = g_strdup_printf(ngettext("%u picture is ready", "%u pictures are ready", w->results->len), w->results->len);
        else
                text = g_strdup_printf(_("The picture is ready: %s"), name);
        view_say(w, text);
}

static void say_trouble(Window *w, ExitCode code)
{
        const Client *c = &w->client;
        const char *message = json_string_value(json_object_get(c->error, "message"));
        g_autofree char *text = g_strdup_printf(_("No picture: %s"), message ? message : _("nobody knows why"));

        view_say(w, code == CODE_CANCELLED ? _("Cancelled") : text);
        gtk_label_set_text(w->hint, c->hint ? c->hint : "");
        gtk_widget_set_visible(GTK_WIDGET(w->hint), c->hint != NULL);
        gtk_widget_set_visible(w->start, code == CODE_UNREACHABLE);
        gtk_widget_set_visible(w->machine, code == CODE_UNREACHABLE && c->is_user_bus);
        gtk_widget_set_visible(w->trouble_row, code != CODE_CANCELLED);
}

void view_end(Window *w, ExitCode code)
{
        if (w->results->len == 0)
                show_texture(w, NULL, "");
        else
                show_result(w, w->shown);
        set_working(w, false);
        if (code == CODE_OK && w->results->len > 0)
                say_result(w);
        else
                say_trouble(w, code);
}

static GtkWidget *status_new(Window *w)
{
        /* The role is a live region: what it says is read out when it changes. */
        GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);

        w->status = g_object_new(GTK_TYPE_LABEL, "accessible-role", GTK_ACCESSIBLE_ROLE_STATUS, "wrap", TRUE, "xalign", 0.0f, NULL);
        w->hint = g_object_new(GTK_TYPE_LABEL, "wrap", TRUE, "xalign", 0.0f, "visible", FALSE, "selectable", TRUE, NULL);
        widget_set_name(w->status, _("Progress and result"));
        w->progress = GTK_PROGRESS_BAR(gtk_progress_bar_new());
        gtk_label_set_wrap_mode(w->status, PANGO_WRAP_WORD_CHAR);
        gtk_label_set_wrap_mode(w->hint, PANGO_WRAP_WORD_CHAR);
        gtk_widget_add_css_class(GTK_WIDGET(w->hint), "dim-label");
        gtk_widget_set_visible(GTK_WIDGET(w->progress), FALSE);
        widget_set_name(w->progress, _("Progress"));
        gtk_box_append(GTK_BOX(box), GTK_WIDGET(w->status));
        gtk_box_append(GTK_BOX(box), GTK_WIDGET(w->progress));
        gtk_box_append(GTK_BOX(box), GTK_WIDGET(w->hint));
        return box;
}

static GtkWidget *add_button(GtkWidget *row, const char *label, const char *action, const char *tooltip)
{
        GtkWidget *button = widget_new_button(label, action, tooltip);

        gtk_box_append(GTK_BOX(row), button);
        return button;
}

static GtkWidget *trouble_new(Window *w)
{
        w->trouble_row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
        (void)add_button(w->trouble_row, _("Try _Again"), "win.again", NULL);
        w->start = add_button(w->trouble_row, _("Start the Ser_vice"), "win.start", NULL);
        w->machine = add_button(w->trouble_row, _("_Use the Machine's"), "win.machine", NULL);
        gtk_widget_set_visible(w->trouble_row, FALSE);
        return w->trouble_row;
}

static GtkWidget *results_new(Window *w)
{
        w->results_row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
        (void)add_button(w->results_row, _("_Save As"), "win.save", _("Ctrl+S"));
        (void)add_button(w->results_row, _("Cop_y"), "win.copy", _("Ctrl+Shift+C"));
        (void)add_button(w->results_row, _("Va_ry"), "win.vary", _("Ctrl+R"));
        (void)add_button(w->results_row, _("S_how in Folder"), "win.show", NULL);
        return w->results_row;
}

static GdkContentProvider *on_drag(GtkDragSource *source, double x, double y, Window *w)
{
        const Result *result = view_result(w);

        (void)source, (void)x, (void)y;
        return result ? deeds_content(result->path, "image/png", result->bytes, result->texture) : NULL;
}

static GtkWidget *picture_new(Window *w)
{
        GtkWidget *stack = gtk_stack_new(), *picture = gtk_picture_new();
        GtkWidget *empty = gtk_label_new(_("Type what you want to see, and press Enter."));
        GtkDragSource *drag = gtk_drag_source_new();

        gtk_label_set_wrap(GTK_LABEL(empty), TRUE);
        gtk_widget_add_css_class(empty, "dim-label");
        gtk_widget_set_size_request(picture, PICTURE_MIN, PICTURE_MIN);
        gtk_widget_set_focusable(picture, TRUE);
        gtk_drag_source_set_actions(drag, GDK_ACTION_COPY);
        g_signal_connect(drag, "prepare", G_CALLBACK(on_drag), w);
        gtk_widget_add_controller(picture, GTK_EVENT_CONTROLLER(drag));
        w->picture = GTK_PICTURE(picture);
        widget_set_name(picture, _("Picture"));
        w->stack = GTK_STACK(stack);
        gtk_stack_add_named(w->stack, empty, "empty");
        gtk_stack_add_named(w->stack, picture, "picture");
        gtk_stack_add_named(w->stack, gtk_box_new(GTK_ORIENTATION_VERTICAL, 0), "waiting");
        gtk_widget_set_vexpand(stack, TRUE);
        return stack;
}

GtkWidget *view_new(Window *w)
{
        GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);

        w->results = g_ptr_array_new_with_free_func((GDestroyNotify)result_free);
        w->thumbnails = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
        gtk_widget_set_visible(w->thumbnails, FALSE);
        gtk_box_append(GTK_BOX(box), status_new(w));
        gtk_box_append(GTK_BOX(box), trouble_new(w));
        gtk_box_append(GTK_BOX(box), picture_new(w));
        gtk_box_append(GTK_BOX(box), w->thumbnails);
        gtk_box_append(GTK_BOX(box), results_new(w));
        return box;
}
