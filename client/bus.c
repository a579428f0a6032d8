/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "client/bus.h"
#include "client/i18n.h"
#include "dbus/names.h"

/* LoadModel may take 20 s, and an activation 25 s. */
#define CALL_TIMEOUT_USEC (50 * UINT64_C(1000000))

static int open_bus(Client *c)
{
        int r = -ENOMEDIUM;

        /* Other users have jobs at the machine's instance alone. */
        bool others = (c->options.everybody || c->options.of) && !c->options.user;

        if (!c->options.system && !others)
                r = sd_bus_open_user(&c->bus);
        c->is_user_bus = r >= 0 || c->options.user;
        if (r < 0 && !c->options.user)
                r = sd_bus_open_system(&c->bus);
        return r;
}

int bus_try(Client *c)
{
        if (c->bus)
                return 0;

        int r = open_bus(c);
        if (r < 0)
                return r;
        (void)sd_bus_set_method_call_timeout(c->bus, CALL_TIMEOUT_USEC);
        (void)sd_bus_set_close_on_exit(c->bus, false); /* one event loop is one job */
        (void)sd_bus_set_allow_interactive_authorization(c->bus, true);
        return 0;
}

ExitCode bus_connect(Client *c)
{
        int r = bus_try(c);
        if (r < 0)
                return client_fail_named(c, CODE_UNREACHABLE, NULL,
                                         c->is_user_bus ? _("Outside a desktop session: dbus-run-session imagine "
                                                            "..., or imagine --system ...")
                                                        : _("Is dbus-daemon running? For a bus of your own: "
                                                            "dbus-run-session imagine ..."),
                                         c->is_user_bus ? _("cannot connect to the session bus: %s")
                                                        : _("cannot connect to the system bus: %s"),
                                         strerror(-r));
        return CODE_OK;
}

int bus_new_call(Client *c, const char *member, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        int r = sd_bus_message_new_method_call(
                c->bus, &m, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, member);
        if (r < 0)
                return r;
        r = sd_bus_message_set_auto_start(m, !c->options.no_start);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

int bus_call_manager(
        Client *c, const char *member, sd_bus_error *error, sd_bus_message **ret, const char *types, ...)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        int r = bus_new_call(c, member, &m);
        if (r < 0)
                return r;

        va_list ap;
        va_start(ap, types);
        r = types[0] ? sd_bus_message_appendv(m, types, ap) : 0;
        va_end(ap);
        if (r < 0)
                return r;
        return sd_bus_call(c->bus, m, 0, error, ret);
}

int bus_call_async(
        Client *c, sd_bus_slot **ret_slot, const char *destination, const char *path, const char *interface,
        const char *member, sd_bus_message_handler_t callback, void *userdata, const char *types, ...)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        int r = sd_bus_message_new_method_call(c->bus, &m, destination, path, interface, member);
        if (r < 0)
                return r;
        va_list ap;
        va_start(ap, types);
        r = types[0] ? sd_bus_message_appendv(m, types, ap) : 0;
        va_end(ap);
        return r < 0 ? r : sd_bus_call_async(c->bus, ret_slot, m, callback, userdata, 0);
}

int bus_get_all(
        Client *c, const char *path, const char *interface, sd_bus_error *error, sd_bus_message **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        int r = sd_bus_message_new_method_call(
                c->bus, &m, IMAGINE_BUS_NAME, path, "org.freedesktop.DBus.Properties", "GetAll");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(m, !c->options.no_start);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", interface);
        if (r >= 0)
                r = sd_bus_call(c->bus, m, 0, error, ret);
        return r;
}

typedef enum Hint {
        HINT_NONE,
        HINT_MODELS,
        HINT_JOBS,
        HINT_SMALLER,
        HINT_AGAIN,
        HINT_LATER,
        HINT_START,
        HINT_LOG,
        HINT_POLICY,
        HINT_SERVERS,
        HINT_KEY,
} Hint;

static const char *const hints_user[] = {
        [HINT_MODELS] = N_("'imagine models' lists what is installed."),
        [HINT_JOBS] = N_("'imagine jobs' lists yours."),
        [HINT_SMALLER] = N_("A smaller --size needs less."),
        [HINT_AGAIN] = N_("The same command may work again."),
        [HINT_LATER] = N_("Try again when a job has ended: 'imagine jobs' lists yours, 'imagine cancel ID' "
                       "ends one."),
        [HINT_START] = N_("Start it with 'systemctl --user start imagined' or 'imagined --user &', or use the "
                       "machine's with 'imagine --system'."),
        [HINT_LOG] = N_("'systemctl --user status imagined' or 'journalctl --user -u imagined' may say why."),
        [HINT_SERVERS] = N_("'imagine consent' lists the servers; 'servers' in imagined.conf(5) says how to add one."),
        [HINT_KEY] = N_("SERVERS AND KEYS in imagined(8) says where keys come from."),
        [HINT_POLICY] = N_("Its policy is in dbus-1/system.d/org.imagined.Imagine1.conf, if it is installed."),
};

static const char *const hints_system[] = {
        [HINT_START] = N_("Start it as root with 'systemctl start imagined' or 'imagined --system &', or use "
                       "your own with 'imagine --user'."),
        [HINT_LOG] = N_("'systemctl status imagined' or 'journalctl -u imagined' may say why."),
};

/* What the errors of the service and of the bus mean to the user. */
static const struct {
        const char *name; /* or a prefix that ends in '.' */
        ExitCode code;
        Hint hint;
        const char *text; /* instead of the error's own message, which is for programmers */
} error_table[] = {
        { IMAGINE_ERROR_INVALID_ARGS, CODE_USAGE },
        { IMAGINE_ERROR_LIMITS_EXCEEDED, CODE_LIMIT, HINT_LATER },
        { IMAGINE_ERROR_NO_SUCH_MODEL, CODE_NOT_FOUND, HINT_MODELS },
        { IMAGINE_ERROR_NO_SUCH_JOB, CODE_NOT_FOUND, HINT_JOBS },
        { IMAGINE_ERROR_BAD_MODEL, CODE_FAILED },
        { IMAGINE_ERROR_OUT_OF_MEMORY, CODE_LIMIT, HINT_SMALLER },
        { IMAGINE_ERROR_WORKER_DIED, CODE_FAILED, HINT_AGAIN },
        { IMAGINE_ERROR_CANCELLED, CODE_CANCELLED },
        { IMAGINE_ERROR_NOT_FINISHED, CODE_FAILED },
        { IMAGINE_ERROR_EXPIRED, CODE_NOT_FOUND, HINT_JOBS },
        { IMAGINE_ERROR_BUSY, CODE_LIMIT, HINT_LATER },
        { IMAGINE_ERROR_NOT_CONFIGURED, CODE_USAGE, HINT_SERVERS },
        { IMAGINE_ERROR_NO_CONSENT, CODE_FAILED },
        { IMAGINE_ERROR_WITHHELD, CODE_FAILED },
        { IMAGINE_ERROR_OVER_BUDGET, CODE_LIMIT },
        { IMAGINE_ERROR_NO_KEY, CODE_FAILED, HINT_KEY },
        { IMAGINE_ERROR_KEY_REJECTED, CODE_FAILED, HINT_KEY },
        { IMAGINE_ERROR_REFUSED, CODE_FAILED },
        { IMAGINE_ERROR_RATE_LIMITED, CODE_LIMIT },
        { IMAGINE_ERROR_UNREACHABLE, CODE_FAILED },
        { IMAGINE_ERROR_SERVER_FAILED, CODE_FAILED },
        { IMAGINE_ERROR_FAILED, CODE_FAILED },
        { SD_BUS_ERROR_UNKNOWN_OBJECT, CODE_NOT_FOUND, HINT_JOBS, N_("there is no such job any more") },
        { SD_BUS_ERROR_INVALID_ARGS, CODE_USAGE },
        { SD_BUS_ERROR_LIMITS_EXCEEDED, CODE_LIMIT, HINT_LATER },
        { SD_BUS_ERROR_SERVICE_UNKNOWN, CODE_UNREACHABLE, HINT_START, N_("the service is not running") },
        { SD_BUS_ERROR_NAME_HAS_NO_OWNER, CODE_UNREACHABLE, HINT_START, N_("the service is not running") },
        { SD_BUS_ERROR_ACCESS_DENIED, CODE_UNREACHABLE, HINT_POLICY,
          N_("the bus does not let you call the service") },
        { SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, CODE_FAILED, HINT_NONE,
          N_("you are not authorized without being asked") },
        { SD_BUS_ERROR_NO_REPLY, CODE_UNREACHABLE, HINT_LOG, N_("the service does not answer") },
        { SD_BUS_ERROR_TIMEOUT, CODE_UNREACHABLE, HINT_LOG, N_("the service does not answer") },
        { "org.freedesktop.DBus.Error.TimedOut", CODE_UNREACHABLE, HINT_LOG,
          N_("the service did not start in time") },
        { "org.freedesktop.DBus.Error.Spawn.", CODE_UNREACHABLE, HINT_LOG },
        { "org.freedesktop.systemd1.", CODE_UNREACHABLE, HINT_LOG },
        { SD_BUS_ERROR_DISCONNECTED, CODE_UNREACHABLE, HINT_NONE, N_("the connection to the bus was lost") },
};

static int find_error(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(error_table); i++) {
                size_t length = strlen(error_table[i].name);
                bool is_prefix = error_table[i].name[length - 1] == '.';
                if (is_prefix ? strncmp(name, error_table[i].name, length) == 0
                              : streq(name, error_table[i].name))
                        return (int)i;
        }
        return -1;
}

ExitCode bus_fail(Client *c, const sd_bus_error *error, int r)
{
        const char *hint = NULL;

        if (!error || !sd_bus_error_is_set(error)) {
                bool lost = r == -ENOTCONN || r == -ECONNRESET || r == -ESHUTDOWN || r == -ETIMEDOUT;
                return client_fail(c, lost ? CODE_UNREACHABLE : CODE_FAILED,
                                   _("cannot talk to the service: %s"), strerror(-r));
        }

        const char *message = error->message && error->message[0] ? error->message : error->name;
        /* Not the bus, but the service or polkit said so. */
        if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) && strncmp(message, "You are not", 11) == 0)
                return client_fail_named(c, CODE_FAILED, error->name, NULL, "%s", message);
        int i = find_error(error->name);
        if (i < 0)
                return client_fail_named(c, CODE_FAILED, error->name, NULL, "%s", message);
        if (!c->is_user_bus && error_table[i].hint < ELEMENTSOF(hints_system))
                hint = hints_system[error_table[i].hint];
        if (!hint)
                hint = hints_user[error_table[i].hint];
        return client_fail_named(c, error_table[i].code, error->name, hint ? _(hint) : NULL, "%s",
                                 error_table[i].text ? _(error_table[i].text) : message);
}
