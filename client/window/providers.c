/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/money.h"
#include "base/util.h"
#include "client/bus.h"
#include "client/provenance.h"
#include "client/servers.h"
#include "client/window/window.h"
#include "dbus/names.h"

static const char *text_of(const json_t *provider, const char *key)
{
        const char *text = json_string_value(json_object_get(provider, key));
        return text ? text : "";
}

/* The one that is chosen; NULL: there is nothing to choose from. */
static const json_t *chosen(const Window *w)
{
        return w->provider ? json_array_get(w->providers, gtk_drop_down_get_selected(w->provider)) : NULL;
}

/* Nobody in particular: whom the routes of the configuration choose. */
static bool is_routed(const json_t *provider)
{
        return provider && !*text_of(provider, "name");
}

static bool is_local(const json_t *provider)
{
        return !provider || streq(text_of(provider, "name"), "local");
}

const char *providers_chosen(const Window *w)
{
        const json_t *provider = chosen(w);

        return provider ? text_of(provider, "name") : NULL;
}

/* --- what is said before anything is sent --- */

static bool is_on_this_machine(const char *url)
{
        g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
        const char *host = uri ? g_uri_get_host(uri) : NULL;
        g_autoptr(GInetAddress) address = host ? g_inet_address_new_from_string(host) : NULL;

        return host && (streq(host, "localhost") || (address && g_inet_address_get_is_loopback(address)));
}

static char *warning_text(const json_t *provider)
{
        if (is_routed(provider))
                return g_strdup(_("The configuration decides who draws: what you ask for may leave this machine, and cost what its budget allows."));
        const char *url = text_of(provider, "url");
        char price[MONEY_TEXT_MAX];
        g_autofree char *way = !*url                     ? g_strdup(_("A program gets what you ask for, and may send it on."))
                               : is_on_this_machine(url) ? g_strdup_printf(_("What you ask for goes to %s."), url)
                                                         : g_strdup_printf(_("What you ask for leaves this machine: it goes to %s."), url);
        g_autofree char *cost = json_object_get(provider, "price")
                                        ? g_strdup_printf(_("A picture costs at most %s."), provenance_amount(provider, "price", price))
                                        : g_strdup(_("What a picture costs is not known."));
        g_autofree char *consent =
                json_is_true(json_object_get(provider, "consent"))
                        ? g_strdup("")
                        : g_strdup_printf(_("Nothing is sent before you consent: imagine consent grant %s"), text_of(provider, "name"));

        return g_strjoin(" ", way, cost, *consent ? consent : NULL, NULL);
}

char *providers_warning(const Window *w, const char *name)
{
        for (size_t i = 0; i < json_array_size(w->providers); i++)
                if (streq(text_of(json_array_get(w->providers, i), "name"), name))
                        return warning_text(json_array_get(w->providers, i));
        return g_strdup(_("What a picture costs is not known."));
}

static void show_warning(Window *w)
{
        const json_t *provider = chosen(w);
        g_autofree char *text = is_local(provider) ? g_strdup("") : warning_text(provider);

        gtk_label_set_text(w->warning, text);
        gtk_widget_set_visible(GTK_WIDGET(w->warning), *text != '\0');
}

static void on_chosen(Window *w)
{
        show_warning(w);
        if (gtk_widget_get_visible(GTK_WIDGET(w->warning)))
                view_announce(w, gtk_label_get_text(w->warning));
}

/* --- who there is --- */

static void add_choice(Window *w)
{
        g_autoptr(GPtrArray) names = g_ptr_array_new();

        for (size_t i = 0; i < json_array_size(w->providers); i++) {
                const json_t *provider = json_array_get(w->providers, i);
                const char *name = is_routed(provider) ? _("As configured") : is_local(provider) ? _("This machine") : text_of(provider, "name");
                g_ptr_array_add(names, (char *)(uintptr_t)name);
        }
        g_ptr_array_add(names, NULL);
        GtkWidget *choice = form_add_choice(w, _("_Drawn by"), (const char *const *)names->pdata);
        w->provider = GTK_DROP_DOWN(choice);
        g_signal_connect_swapped(choice, "notify::selected", G_CALLBACK(on_chosen), w);
        show_warning(w);
}

/* Where there are routes, they are the first choice. */
static void add_routes(json_t *providers)
{
        if (json_is_true(json_object_get(servers_find(providers, "local"), "routes")))
                (void)json_array_insert_new(providers, 0, json_pack("{s:s}", "name", ""));
}

/* Whatever goes wrong: then there is nothing to choose from. */
static int on_listed(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Window *w = userdata;

        (void)error;
        w->asking = sd_bus_slot_unref(w->asking);
        if (!w->providers && !sd_bus_message_is_method_error(reply, NULL) && servers_read(reply, &w->providers) >= 0 &&
            json_array_size(w->providers) > 1) {
                add_routes(w->providers);
                add_choice(w);
        }
        return 0;
}

void providers_ask(Window *w)
{
        if (work_connect(w) == CODE_OK)
                (void)bus_call_async(&w->client, &w->asking, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "ListProviders",
                                     on_listed, w, "");
}

void providers_done(Window *w)
{
        w->asking = sd_bus_slot_unref(w->asking);
        json_decref(w->providers);
        w->providers = NULL;
}
