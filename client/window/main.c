/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <string.h>

#include "client/arguments.h"
#include "client/window/window.h"
#include "dbus/names.h"

#define WIDTH 480
#define HEIGHT 560

static void on_active(GtkWindow *window, GParamSpec *spec, Window *w)
{
        (void)spec;
        if (gtk_window_is_active(window))
                notifier_close(w->client.notifier);
        else
                widget_set_name(window, _("Imagine")); /* not what was announced last */
}

static gboolean on_close(GtkWindow *window, Window *w)
{
        (void)window;
        gallery_close(w->gallery);
        work_end(w);
        return FALSE;
}

/* Whether the service is there is said when a picture is wanted. */
static void ask_who_draws(Window *w)
{
        w->client.is_silent = true;
        w->client.options = w->base;
        if (!w->base.no_start)
                providers_ask(w);
        w->client.is_silent = false;
}

static void on_activate(GApplication *app, Window *w)
{
        GtkWidget *window = gtk_application_window_new(GTK_APPLICATION(app));

        scheme_follow(app);
        w->window = GTK_WINDOW(window);
        gtk_window_set_title(w->window, _("Imagine"));
        gtk_window_set_default_size(w->window, WIDTH, HEIGHT);
        gtk_window_set_icon_name(w->window, IMAGINE_APP_ID);
        deeds_add(w, GTK_APPLICATION(app));
        pages_new(w);
        deeds_update(w);
        g_signal_connect(window, "notify::is-active", G_CALLBACK(on_active), w);
        g_signal_connect(window, "close-request", G_CALLBACK(on_close), w);
        gtk_window_present(w->window);
        ask_who_draws(w);
        (void)gtk_widget_grab_focus(GTK_WIDGET(w->prompt));
        gtk_editable_set_position(w->prompt, -1);
}

static int run(Window *w)
{
        /* Each has its own folder and prompt, so none takes over what another one was started for. */
        g_autoptr(GtkApplication) app = gtk_application_new(IMAGINE_APP_ID, G_APPLICATION_NON_UNIQUE);
        char *none[] = { (char[]) { "imagine" }, NULL };

        int r = sd_event_new(&w->event);
        if (r < 0)
                return r;
        w->loop = loop_new(w->event);
        w->history = history_new();
        g_signal_connect(app, "activate", G_CALLBACK(on_activate), w);
        r = g_application_run(G_APPLICATION(app), 1, none);
        work_end(w);
        g_source_destroy(w->loop);
        g_source_unref(w->loop);
        (void)sd_event_unref(w->event);
        history_free(w->history);
        if (w->results)
                g_ptr_array_unref(w->results);
        return r;
}

/* As "imagine ask" with the same arguments. */
static int parse(Window *w, int argc, char **arguments)
{
        _cleanup_(freep) char **all = calloc((size_t)argc + 2, sizeof(*all));
        Error error = { 0 };

        if (!all)
                return -ENOMEM;
        all[0] = arguments[0];
        all[1] = (char[]) { "ask" };
        memcpy(all + 2, arguments + 1, (size_t)argc * sizeof(*all));
        int r = options_parse(&w->base, argc + 1, all, &error);
        if (r < 0)
                (void)client_fail(&w->client, CODE_USAGE, "%s", error.text[0] ? error.text : strerror(-r));
        return r;
}

int main(int argc, char *argv[])
{
        Window w = { 0 };
        _cleanup_(arguments_freep) char **arguments = arguments_take(argc, argv);

        if (!arguments || argc < 1)
                return CODE_FAILED;
        arguments_fill_descriptors();
        (void)setlocale(LC_ALL, "");
        (void)setlocale(LC_NUMERIC, "C"); /* numbers are read and written as programs do */
        gtk_disable_setlocale();
        i18n_init();
        (void)signal(SIGPIPE, SIG_IGN);

        int r = parse(&w, argc, arguments);
        if (r >= 0) {
                w.from = g_strdup(w.base.from);
                w.base.from = NULL;
                r = run(&w);
        } else {
                r = CODE_USAGE;
        }
        g_free(w.from);
        json_decref(w.client.error);
        free(w.client.hint);
        options_done(&w.base);
        return r;
}
