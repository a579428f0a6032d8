/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "client/notify-actions.h"
#include "client/window/window.h"

static void make(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Window *w = userdata;
        Asked asked = { 0 };

        (void)action, (void)parameter;
        if (w->is_working)
                return;
        form_read(w, &asked);
        work_begin(w, &asked);
        asked_done(&asked);
}

static void again(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Window *w = userdata;

        (void)action, (void)parameter;
        work_begin(w, &w->asked);
}

static void vary(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Window *w = userdata;
        const Result *result = view_result(w);
        Asked asked;

        (void)action, (void)parameter;
        if (!result || w->is_working)
                return;
        asked_copy(&w->asked, &asked);
        asked.varies = true;
        asked.seed = result->seed;
        asked.count = 1;
        work_begin(w, &asked);
        asked_done(&asked);
}

static void cancel(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        (void)action, (void)parameter;
        work_cancel(userdata);
}

static void start(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        (void)action, (void)parameter;
        work_start_service(userdata);
}

static void machine(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        (void)action, (void)parameter;
        work_use_machine(userdata);
}

static void forget(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Window *w = userdata;

        (void)action, (void)parameter;
        history_clear(w->history);
        w->history_at = 0;
        (void)gtk_widget_grab_focus(GTK_WIDGET(w->prompt));
}

static void from_nothing(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Window *w = userdata;

        (void)action, (void)parameter;
        g_clear_pointer(&w->from, g_free);
        gtk_widget_set_visible(w->from_row, FALSE);
        (void)gtk_widget_grab_focus(GTK_WIDGET(w->prompt));
}

/* As a file for file managers and mail, as a picture for editors. */
GdkContentProvider *deeds_content(const char *path, const char *type, GBytes *bytes, GdkTexture *texture)
{
        g_autoptr(GFile) file = g_file_new_for_path(path);
        GSList list = { .data = file };
        GdkFileList *files = gdk_file_list_new_from_list(&list);
        GdkContentProvider *providers[] = {
                gdk_content_provider_new_for_bytes(type, bytes),
                gdk_content_provider_new_typed(GDK_TYPE_FILE_LIST, files),
                texture ? gdk_content_provider_new_typed(GDK_TYPE_TEXTURE, texture) : NULL,
        };

        g_boxed_free(GDK_TYPE_FILE_LIST, files);
        return gdk_content_provider_new_union(providers, texture ? 3 : 2);
}

static void copy(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Window *w = userdata;
        const Result *result = view_result(w);

        (void)action, (void)parameter;
        if (!result)
                return;
        g_autoptr(GdkContentProvider) content = deeds_content(result->path, "image/png", result->bytes, result->texture);
        (void)gdk_clipboard_set_content(gtk_widget_get_clipboard(GTK_WIDGET(w->window)), content);
        view_say(w, _("Copied"));
}

static void on_chosen(GtkNativeDialog *dialog, int response, Window *w)
{
        GBytes *bytes = g_object_get_data(G_OBJECT(dialog), "bytes");
        g_autoptr(GError) error = NULL;
        gsize size = 0;
        const char *data = g_bytes_get_data(bytes, &size);

        if (response == GTK_RESPONSE_ACCEPT) {
                g_autoptr(GFile) file = gtk_file_chooser_get_file(GTK_FILE_CHOOSER(dialog));
                (void)g_file_replace_contents(file, data, size, NULL, FALSE, G_FILE_CREATE_NONE, NULL, NULL, &error);
                g_autofree char *name = g_file_get_basename(file);
                g_autofree char *text = error ? g_strdup_printf(_("Not saved: %s"), error->message)
                                              : g_strdup_printf(_("Saved as %s"), name);
                view_say(w, text);
        }
        g_object_unref(dialog);
}

/* The dialog asks before it replaces a file. */
static void save(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Window *w = userdata;
        const Result *result = view_result(w);

        (void)action, (void)parameter;
        if (!result)
                return;
        GtkFileChooserNative *dialog = gtk_file_chooser_native_new(_("Save the Picture"), w->window,
                                                                   GTK_FILE_CHOOSER_ACTION_SAVE, NULL, NULL);
        g_autofree char *name = g_path_get_basename(result->path);
        gtk_file_chooser_set_current_name(GTK_FILE_CHOOSER(dialog), name);
        gtk_native_dialog_set_modal(GTK_NATIVE_DIALOG(dialog), TRUE);
        g_object_set_data_full(G_OBJECT(dialog), "bytes", g_bytes_ref(result->bytes), (GDestroyNotify)g_bytes_unref);
        g_signal_connect(dialog, "response", G_CALLBACK(on_chosen), w);
        gtk_native_dialog_show(GTK_NATIVE_DIALOG(dialog));
}

static void show(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Window *w = userdata;
        const Result *result = view_result(w);
        char *absolute = result ? realpath(result->path, NULL) : NULL;

        (void)action, (void)parameter;
        if (absolute)
                notify_act(w->client.is_user_bus ? w->client.bus : NULL, ACTION_SHOW, (char *[]) { absolute, NULL });
        free(absolute);
}

static void leave(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Window *w = userdata;

        (void)action, (void)parameter;
        gtk_window_close(w->window);
}

void deeds_update(Window *w)
{
        static const struct {
                const char *name;
                bool needs_result, needs_rest, needs_work;
        } deeds[] = {
                { "make", false, true, false }, { "again", false, true, false },  { "vary", true, true, false },
                { "save", true, false, false }, { "copy", true, false, false },   { "show", true, false, false },
                { "start", false, true, false }, { "machine", false, true, false }, { "cancel", false, false, true },
        };

        for (size_t i = 0; i < ELEMENTSOF(deeds); i++) {
                GAction *action = g_action_map_lookup_action(G_ACTION_MAP(w->window), deeds[i].name);
                bool can = (!deeds[i].needs_result || (view_result(w) && !pages_is_gallery(w))) && (!deeds[i].needs_rest || !w->is_working) &&
                           (!deeds[i].needs_work || (w->is_working && !pages_is_gallery(w)));
                g_simple_action_set_enabled(G_SIMPLE_ACTION(action), can);
        }
        gtk_widget_set_visible(w->results_row, view_result(w) != NULL);
}

void deeds_add(Window *w, GtkApplication *app)
{
        static const GActionEntry entries[] = {
                { .name = "make", .activate = make },     { .name = "again", .activate = again },
                { .name = "vary", .activate = vary },     { .name = "cancel", .activate = cancel },
                { .name = "save", .activate = save },     { .name = "copy", .activate = copy },
                { .name = "show", .activate = show },     { .name = "start", .activate = start },
                { .name = "machine", .activate = machine }, { .name = "forget", .activate = forget },
                { .name = "from-nothing", .activate = from_nothing }, { .name = "leave", .activate = leave },
        };
        static const struct {
                const char *action, *keys[2];
        } accelerators[] = {
                { "win.cancel", { "Escape" } },     { "win.save", { "<Control>s" } },
                { "win.copy", { "<Control><Shift>c" } }, { "win.vary", { "<Control>r" } },
                { "win.leave", { "<Control>w" } },
        };

        g_action_map_add_action_entries(G_ACTION_MAP(w->window), entries, ELEMENTSOF(entries), w);
        for (size_t i = 0; i < ELEMENTSOF(accelerators); i++) {
                const char *keys[] = { accelerators[i].keys[0], NULL };
                gtk_application_set_accels_for_action(app, accelerators[i].action, keys);
        }
}
