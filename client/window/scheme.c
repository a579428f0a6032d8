/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/window/window.h"

/* GTK 4 itself looks at the theme alone; desktops have a setting of their own for dark (xdg-desktop-portal, Settings). */

#define PORTAL "org.freedesktop.portal.Desktop"
#define PORTAL_PATH "/org/freedesktop/portal/desktop"
#define SETTINGS "org.freedesktop.portal.Settings"
#define APPEARANCE "org.freedesktop.appearance"
#define COLOR_SCHEME "color-scheme"
#define DARK "gtk-application-prefer-dark-theme"

enum { PREFER_NOTHING, PREFER_DARK, PREFER_LIGHT };

static void take(GVariant *value)
{
        g_autoptr(GVariant) inner = g_variant_ref(value);
        GtkSettings *settings = gtk_settings_get_default();

        /* Read wraps it once more than the signal does. */
        while (g_variant_is_of_type(inner, G_VARIANT_TYPE_VARIANT)) {
                GVariant *next = g_variant_get_variant(inner);
                g_variant_unref(inner);
                inner = next;
        }
        if (!g_variant_is_of_type(inner, G_VARIANT_TYPE_UINT32))
                return;
        const guint32 scheme = g_variant_get_uint32(inner);
        if (scheme == PREFER_DARK || scheme == PREFER_LIGHT)
                g_object_set(settings, DARK, scheme == PREFER_DARK, NULL);
        else
                gtk_settings_reset_property(settings, DARK); /* as the user's settings of GTK have it */
}

static void on_read(GObject *source, GAsyncResult *result, gpointer userdata)
{
        g_autoptr(GVariant) reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);
        g_autoptr(GVariant) value = NULL;

        (void)userdata;
        if (!reply) /* there is no portal, or it knows nothing of it: as the theme has it */
                return;
        g_variant_get(reply, "(v)", &value);
        take(value);
}

static void on_changed(
        GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
        GVariant *parameters, gpointer userdata)
{
        g_autoptr(GVariant) value = NULL;
        const char *group, *key;

        (void)bus, (void)sender, (void)path, (void)interface, (void)signal, (void)userdata;
        if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(ssv)")))
                return;
        g_variant_get(parameters, "(&s&sv)", &group, &key, &value);
        if (g_str_equal(group, APPEARANCE) && g_str_equal(key, COLOR_SCHEME))
                take(value);
}

void scheme_follow(GApplication *app)
{
        GDBusConnection *bus = g_application_get_dbus_connection(app);

        if (!bus)
                return;
        (void)g_dbus_connection_signal_subscribe(bus, PORTAL, SETTINGS, "SettingChanged", PORTAL_PATH, APPEARANCE,
                                                 G_DBUS_SIGNAL_FLAGS_NONE, on_changed, NULL, NULL);
        g_dbus_connection_call(bus, PORTAL, PORTAL_PATH, SETTINGS, "Read", g_variant_new("(ss)", APPEARANCE, COLOR_SCHEME),
                               G_VARIANT_TYPE("(v)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_read, NULL);
}
