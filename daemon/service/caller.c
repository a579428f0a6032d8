/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "service/app.h"
#include "service/caller.h"

typedef struct Caller {
        char *name;
        uid_t uid;
        char *app;
} Caller;

struct Callers {
        caller_gone_t gone;
        bool knows_apps; /* on a session bus: the processes of other users are none of the system instance's business */
        void *userdata;
        sd_bus_slot *match;
        Caller *items;
        size_t n, room;
};

static Caller *find(Callers *callers, const char *name)
{
        for (size_t i = 0; i < callers->n; i++)
                if (streq(callers->items[i].name, name))
                        return &callers->items[i];
        return NULL;
}

static void forget(Callers *callers, const char *name)
{
        Caller *caller = find(callers, name);
        if (!caller)
                return;
        free(caller->name);
        free(caller->app);
        *caller = callers->items[--callers->n];
}

static int on_name_lost(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        Callers *callers = userdata;
        const char *name;
        (void)ret_error;

        if (sd_bus_message_read(message, "s", &name) < 0 || name[0] != ':')
                return 0;
        forget(callers, name);
        callers->gone(name, callers->userdata);
        return 0;
}

/* One rule for all connections: installed before anybody calls, it cannot miss a caller who leaves at once. */
#define NAME_LOST                                                                            \
        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"          \
        "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''"

int callers_new(Callers **ret, sd_bus *bus, caller_gone_t gone, void *userdata)
{
        _cleanup_(callers_freep) Callers *callers = calloc(1, sizeof(Callers));
        if (!callers)
                return -ENOMEM;
        const char *scope;
        callers->knows_apps = sd_bus_get_scope(bus, &scope) >= 0 && streq(scope, "user");
        callers->gone = gone;
        callers->userdata = userdata;

        int r = sd_bus_add_match(bus, &callers->match, NAME_LOST, on_name_lost, callers);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(callers);
        return 0;
}

Callers *callers_free(Callers *callers)
{
        if (!callers)
                return NULL;
        sd_bus_slot_unref(callers->match);
        for (size_t i = 0; i < callers->n; i++) {
                free(callers->items[i].name);
                free(callers->items[i].app);
        }
        free(callers->items);
        free(callers);
        return NULL;
}

static int remember(Callers *callers, const char *name, uid_t uid, const char *app)
{
        if (callers->n == callers->room) {
                size_t room = callers->room > 0 ? 2 * callers->room : 16;
                Caller *items = reallocarray(callers->items, room, sizeof(Caller));
                if (!items)
                        return -ENOMEM;
                callers->items = items;
                callers->room = room;
        }
        _cleanup_(freep) char *name_copy = strdup(name), *app_copy = strdup(app);
        if (!name_copy || !app_copy)
                return -ENOMEM;
        callers->items[callers->n++] = (Caller) { TAKE_PTR(name_copy), uid, TAKE_PTR(app_copy) };
        return 0;
}

int callers_uid(Callers *callers, sd_bus_message *message, uid_t *ret)
{
        const char *name = sd_bus_message_get_sender(message);
        if (!name)
                return -EPERM;

        const Caller *caller = find(callers, name);
        if (caller) {
                *ret = caller->uid;
                return 0;
        }

        _cleanup_(sd_bus_creds_unrefp) sd_bus_creds *creds = NULL;
        char app[APP_NAME_MAX + 1] = "";
        uid_t uid;
        pid_t pid;
        int r = sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID | SD_BUS_CREDS_PID, &creds);
        if (r < 0)
                return r;
        r = sd_bus_creds_get_euid(creds, &uid);
        if (r < 0)
                return r;
        if (callers->knows_apps && sd_bus_creds_get_pid(creds, &pid) >= 0)
                app_of_process(pid, app);
        r = remember(callers, name, uid, app);
        if (r < 0)
                return r;
        *ret = uid;
        return 0;
}

const char *callers_app(Callers *callers, sd_bus_message *message)
{
        const char *name = sd_bus_message_get_sender(message);
        const Caller *caller = name ? find(callers, name) : NULL;
        return caller ? caller->app : "";
}
