/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "base/util.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/notify-actions.h"
#include "client/recorded.h"
#include "client/removal.h"
#include "client/window/gallery-private.h"

/* --- going --- */

static void back(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        (void)action, (void)parameter;
        if (gallery_picture_keep(userdata))
                gallery_picture_leave(userdata);
}

static void newer(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        (void)action, (void)parameter;
        if (gallery_picture_keep(userdata))
                gallery_picture_step(userdata, -1);
}

static void older(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        (void)action, (void)parameter;
        if (gallery_picture_keep(userdata))
                gallery_picture_step(userdata, 1);
}

/* --- questions --- */

/* With a button that changes nothing, which is the default; it goes with the window. */
static GtkDialog *new_question(const Gallery *g, const char *question, const char *more)
{
        GtkWidget *dialog = gtk_message_dialog_new(g->window->window, GTK_DIALOG_MODAL | GTK_DIALOG_DESTROY_WITH_PARENT, GTK_MESSAGE_QUESTION,
                                                   GTK_BUTTONS_NONE, "%s", question);

        gtk_message_dialog_format_secondary_text(GTK_MESSAGE_DIALOG(dialog), "%s", more);
        gtk_dialog_add_button(GTK_DIALOG(dialog), _("_Cancel"), GTK_RESPONSE_CANCEL);
        gtk_dialog_set_default_response(GTK_DIALOG(dialog), GTK_RESPONSE_CANCEL);
        return GTK_DIALOG(dialog);
}

/* --- the file --- */

static void act(Gallery *g, const char *what)
{
        sd_bus *bus = g->window->client.is_user_bus ? g->window->client.bus : NULL;

        notify_act(bus, what, (char *[]) { (char *)(uintptr_t)g->subject.path, NULL });
}

static void open_file(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        (void)action, (void)parameter;
        act(userdata, ACTION_OPEN);
}

static void show(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        (void)action, (void)parameter;
        act(userdata, ACTION_SHOW);
}

static void copy(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Gallery *g = userdata;
        g_autoptr(GError) error = NULL;
        char *data = NULL;
        gsize size = 0;

        (void)action, (void)parameter;
        if (!g_file_get_contents(g->subject.path, &data, &size, &error)) {
                gallery_say(g, error->message);
                return;
        }
        g_autoptr(GBytes) bytes = g_bytes_new_take(data, size);
        g_autofree char *type = g_content_type_guess(NULL, (const guchar *)data, size, NULL);
        g_autoptr(GdkContentProvider) content = deeds_content(g->subject.path, type, bytes, NULL);
        (void)gdk_clipboard_set_content(gtk_widget_get_clipboard(g->grid), content);
        gallery_say(g, _("Copied"));
}

/* --- making --- */

static void use(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Gallery *g = userdata;

        (void)action, (void)parameter;
        form_fill(g->window, g->subject.record);
        pages_show_form(g->window);
}

static void make_again(Gallery *g)
{
        const json_t *record = g->subject.record;
        const bool needs_source = json_object_get(json_object_get(record, "settings"), "strength");
        _cleanup_(freep) char *source = NULL;

        if (g->window->is_working) {
                gallery_say(g, _("Another picture is being made"));
                return;
        }
        if (needs_source)
                source = recorded_find_source(g->subject.records, record);
        Asked asked = {
                .prompt = g_strdup(subject_text(&g->subject, "prompt")),
                .text = g_strdup(subject_text(&g->subject, "prompt")),
                .count = 1,
                .from = g_strdup(source),
                .original = json_incref(g->subject.record),
        };
        if (needs_source && !source) {
                gallery_say(g, _("It was made of another picture, which is not where it was"));
        } else {
                form_fill(g->window, record);
                pages_show_form(g->window);
                work_begin(g->window, &asked);
        }
        asked_done(&asked);
}

static void on_answer_again(GtkDialog *dialog, int answer, Gallery *g)
{
        gtk_window_destroy(GTK_WINDOW(dialog));
        if (answer == GTK_RESPONSE_ACCEPT)
                make_again(g);
}

/* What another provider draws may cost something each time. */
static void again(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Gallery *g = userdata;
        const char *provider = subject_text(&g->subject, "provider");

        (void)action, (void)parameter;
        if (!*provider) {
                make_again(g);
                return;
        }
        g_autofree char *warning = providers_warning(g->window, provider);
        g_autofree char *question = g_strdup_printf(_("Have %s make this picture again?"), provider);
        GtkDialog *dialog = new_question(g, question, warning);
        gtk_dialog_add_button(dialog, _("_Have It Made"), GTK_RESPONSE_ACCEPT);
        g_signal_connect(dialog, "response", G_CALLBACK(on_answer_again), g);
        gtk_window_present(GTK_WINDOW(dialog));
}

/* --- tags --- */

ExitCode gallery_deeds_keep(Gallery *g)
{
        g_auto(GStrv) words = g_strsplit(gtk_editable_get_text(g->tags), ",", -1);
        json_t *tags, *changes;
        Error error = { 0 };

        if (!widget_is_edited(g->tags))
                return CODE_OK;
        tags = json_array();
        for (char **word = words; *word; word++)
                if (*g_strstrip(*word))
                        (void)json_array_append_new(tags, json_from_text(*word));
        changes = json_pack("{s:o}", "tags", tags);
        int r = records_change(g->subject.records, g->subject.id, changes, &error);
        json_decref(changes);
        return r < 0 ? recorded_fail(&g->client, &error, r) : subject_refresh(&g->client, &g->subject);
}

static void on_tags(GtkEntry *entry, Gallery *g)
{
        (void)entry;
        if (!gallery_picture_keep(g))
                return;
        gallery_picture_changed(g);
        gallery_say(g, _("Saved"));
}

static void write_tags(Gallery *g)
{
        const json_t *tags = json_object_get(g->subject.record, "tags");
        g_autoptr(GString) text = g_string_new(NULL);

        for (size_t i = 0; i < json_array_size(tags); i++)
                g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", json_string_value(json_array_get(tags, i)));
        widget_show_text(g->tags, text->str);
}

/* --- removing --- */

/* Whether one stays: it is another picture by now. */
static bool is_one_there(const json_t *files)
{
        for (size_t i = 0; i < json_array_size(files); i++)
                if (access(json_string_value(json_array_get(files, i)), F_OK) >= 0)
                        return true;
        return false;
}

static void on_scrubbed(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(GError) error = NULL;
        Gallery *g = userdata; /* the window waits for this before it closes */

        (void)source;
        g->scrubbing--;
        gallery_say(g, gallery_scrub_records_finish(result, &error) ? g->removed : error->message);
}

static void remove_picture(Gallery *g, unsigned what)
{
        json_t *record = json_incref(g->subject.record), *removed = json_array();

        ExitCode code = removal_run(&g->client, g->subject.records, record, what, removed);
        const bool stays = what & REMOVE_FILES && is_one_there(json_object_get(record, "files"));

        g->removed = stays ? _("The file stays: it is another picture by now") : _("Removed");
        if (what & REMOVE_RECORD)
                gallery_picture_changed(g);
        else
                gallery_picture_show(g, g->time);
        if (code != CODE_OK) {
                gallery_say_failure(g);
        } else if (what & REMOVE_RECORD) {
                g->scrubbing++;
                gallery_scrub_records(on_scrubbed, g);
        } else {
                gallery_say(g, g->removed);
        }
        json_decref(record);
        json_decref(removed);
}

static void on_answer(GtkDialog *dialog, int answer, Gallery *g)
{
        gtk_window_destroy(GTK_WINDOW(dialog));
        if (answer > 0)
                remove_picture(g, (unsigned)answer);
}

static void ask_to_remove(GSimpleAction *action, GVariant *parameter, gpointer userdata)
{
        Gallery *g = userdata;
        const bool has_file = g->subject.path;
        g_autofree char *what = g_strdup_printf("%s\n%s", _("The record says how it was made and what was said of it; it cannot be brought back."),
                                                has_file ? g->subject.path : _("None of its files is there"));
        GtkDialog *dialog = new_question(g, _("Remove this picture?"), what);

        (void)action, (void)parameter;
        gtk_dialog_add_button(dialog, _("The _Record"), REMOVE_RECORD);
        if (has_file) {
                gtk_dialog_add_button(dialog, _("The _File"), REMOVE_FILES);
                gtk_dialog_add_button(dialog, _("_Both"), REMOVE_RECORD | REMOVE_FILES);
        }
        g_signal_connect(dialog, "response", G_CALLBACK(on_answer), g);
        gtk_window_present(GTK_WINDOW(dialog));
}

/* --- all of them --- */

void gallery_deeds_update(Gallery *g)
{
        static const char *const of_files[] = { "open", "show", "copy" }, *const of_prompts[] = { "use", "again" };
        const guint position = gallery_list_find(g->list, g->time), n = g_list_model_get_n_items(G_LIST_MODEL(g->list));
        const struct {
                const char *name;
                bool can;
        } moves[] = { { "newer", position != GTK_INVALID_LIST_POSITION && position > 0 },
                      { "older", position != GTK_INVALID_LIST_POSITION && position + 1 < n } };

        for (size_t i = 0; i < ELEMENTSOF(of_files); i++)
                g_simple_action_set_enabled(G_SIMPLE_ACTION(g_action_map_lookup_action(g->actions, of_files[i])), g->subject.path != NULL);
        for (size_t i = 0; i < ELEMENTSOF(of_prompts); i++)
                g_simple_action_set_enabled(G_SIMPLE_ACTION(g_action_map_lookup_action(g->actions, of_prompts[i])),
                                            *subject_text(&g->subject, "prompt") != '\0');
        for (size_t i = 0; i < ELEMENTSOF(moves); i++)
                g_simple_action_set_enabled(G_SIMPLE_ACTION(g_action_map_lookup_action(g->actions, moves[i].name)), moves[i].can);
        write_tags(g);
}

void gallery_deeds_add(Gallery *g, GtkWidget *page)
{
        static const GActionEntry entries[] = {
                { .name = "back", .activate = back }, { .name = "newer", .activate = newer },     { .name = "older", .activate = older },
                { .name = "open", .activate = open_file }, { .name = "show", .activate = show },  { .name = "copy", .activate = copy },
                { .name = "use", .activate = use },   { .name = "again", .activate = again },     { .name = "remove", .activate = ask_to_remove },
        };
        static const struct {
                const char *keys, *action;
        } shortcuts[] = {
                { "Escape", "gallery.back" }, { "Page_Up", "gallery.newer" }, { "Page_Down", "gallery.older" }, { "Delete", "gallery.remove" },
                { "<Control>c", "gallery.copy" },
        };
        GSimpleActionGroup *group = g_simple_action_group_new();
        GtkEventController *controller = gtk_shortcut_controller_new();

        g->actions = G_ACTION_MAP(group);
        g_action_map_add_action_entries(g->actions, entries, ELEMENTSOF(entries), g);
        gtk_widget_insert_action_group(page, "gallery", G_ACTION_GROUP(group));
        g_object_unref(group);
        for (size_t i = 0; i < ELEMENTSOF(shortcuts); i++)
                gtk_shortcut_controller_add_shortcut(
                        GTK_SHORTCUT_CONTROLLER(controller),
                        gtk_shortcut_new(gtk_shortcut_trigger_parse_string(shortcuts[i].keys), gtk_named_action_new(shortcuts[i].action)));
        gtk_widget_add_controller(page, controller);
}

static GtkWidget *row_new(const char *const labels[3], const char *const actions[3])
{
        GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);

        for (size_t i = 0; i < 3; i++)
                gtk_box_append(GTK_BOX(row), widget_new_button(labels[i], actions[i], NULL));
        return row;
}

GtkWidget *gallery_deeds_new(Gallery *g)
{
        GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6), *grid = gtk_grid_new(), *tags = gtk_entry_new();

        g->tags = GTK_EDITABLE(tags);
        gtk_grid_set_column_spacing(GTK_GRID(grid), 12);
        gtk_widget_set_tooltip_text(tags, _("Words between commas; Enter saves them"));
        widget_attach(grid, 0, _("Ta_gs"), tags);
        g_signal_connect(tags, "activate", G_CALLBACK(on_tags), g);
        gtk_box_append(GTK_BOX(box), grid);
        gtk_box_append(GTK_BOX(box), row_new((const char *[]) { _("O_pen"), _("S_how in Folder"), _("Cop_y") },
                                             (const char *[]) { "gallery.open", "gallery.show", "gallery.copy" }));
        gtk_box_append(GTK_BOX(box), row_new((const char *[]) { _("_Use Its Prompt"), _("Ma_ke Again"), _("Remo_ve") },
                                             (const char *[]) { "gallery.use", "gallery.again", "gallery.remove" }));
        return box;
}
