/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "service/power.h"

#define LOGIN "org.freedesktop.login1"
#define LOGIN_PATH "/org/freedesktop/login1"
#define LOGIN_MANAGER LOGIN ".Manager"
#define OWNER_CHANGED                                                                       \
        "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"         \
        "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0="
/* A machine that was up for as long as this since it was to fall asleep does not. (Sleep stops CLOCK_MONOTONIC.) */
#define ASLEEP_MAX (60 * USEC_PER_SEC)

/* A property that tells whether electricity is to be saved. */
typedef struct Question {
        const char *name, *path, *property; /* the interface is called as the name */
        const char *text; /* the value that says so; NULL: it is a truth value */
} Question;

static const Question questions[] = {
        { "org.freedesktop.UPower", "/org/freedesktop/UPower", "OnBattery", NULL },
        { "net.hadess.PowerProfiles", "/net/hadess/PowerProfiles", "ActiveProfile", "power-saver" },
        /* The same since version 0.20. */
        { "org.freedesktop.UPower.PowerProfiles", "/org/freedesktop/UPower/PowerProfiles", "ActiveProfile", "power-saver" },
};

typedef struct Gauge {
        Power *power;
        const Question *question;
        char *owner; /* unique name of who answered; NULL: nobody */
        bool is_short;
        sd_bus_slot *get, *owner_match, *change_match;
} Gauge;

struct Power {
        sd_event *event;
        sd_bus *bus; /* the system's; NULL: not needed yet */
        bool is_borrowed; /* it is the service's own */
        power_changed_t changed;
        power_sleeps_t sleeps;
        void *userdata;
        bool is_watching, was_short;
        sd_bus_slot *lost;
        Gauge gauges[ELEMENTSOF(questions)];

        char *login; /* unique name of logind; NULL: it is not there */
        sd_bus_slot *login_get, *login_match, *sleep_match;
        bool asleep;
        sd_event_source *oversleep;

        bool inhibits, busy;
        sd_bus_slot *inhibit;
        int inhibitor; /* -1: sleep is not inhibited */
};

/* --- the bus --- */

static bool is_system(sd_bus *bus)
{
        const char *scope;
        return sd_bus_get_scope(bus, &scope) < 0 || !streq(scope, "user");
}

int power_new(
                Power **ret, sd_event *event, sd_bus *bus, power_changed_t changed, power_sleeps_t sleeps, void *userdata)
{
        Power *power = calloc(1, sizeof(Power));
        if (!power)
                return -ENOMEM;
        power->event = sd_event_ref(event);
        power->is_borrowed = is_system(bus);
        power->bus = power->is_borrowed ? sd_bus_ref(bus) : NULL;
        power->changed = changed;
        power->sleeps = sleeps;
        power->userdata = userdata;
        power->inhibitor = -1;
        for (size_t i = 0; i < ELEMENTSOF(questions); i++)
                power->gauges[i] = (Gauge) { .power = power, .question = &questions[i] };
        *ret = power;
        return 0;
}

static int reach_bus(Power *power)
{
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;

        if (power->is_borrowed || (power->bus && sd_bus_is_open(power->bus) > 0))
                return 0;
        int r = sd_bus_open_system_with_description(&bus, "imagined-power");
        if (r >= 0)
                r = sd_bus_attach_event(bus, power->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        sd_bus_unref(power->bus);
        power->bus = TAKE_PTR(bus);
        return 0;
}

/* --- whether it is short --- */

bool power_is_short(const Power *power)
{
        for (size_t i = 0; i < ELEMENTSOF(power->gauges); i++)
                if (power->gauges[i].is_short)
                        return true;
        return false;
}

static void take_reading(Gauge *gauge, bool is_short)
{
        Power *power = gauge->power;

        gauge->is_short = is_short;
        if (power_is_short(power) == power->was_short)
                return;
        power->was_short = !power->was_short;
        log_info(power->was_short ? "On battery or saving power" : "Power need not be saved any more");
        power->changed(power->userdata);
}

static bool read_value(const Question *question, sd_bus_message *reply)
{
        const char *text;
        int yes;

        if (question->text)
                return sd_bus_message_read(reply, "v", "s", &text) >= 0 && streq(text, question->text);
        return sd_bus_message_read(reply, "v", "b", &yes) >= 0 && yes;
}

static int on_value(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Gauge *gauge = userdata;
        (void)error;

        gauge->get = sd_bus_slot_unref(gauge->get);
        free(TAKE_PTR(gauge->owner));
        if (sd_bus_message_is_method_error(reply, NULL)) {
                log_debug("%s: %s", gauge->question->name, sd_bus_message_get_error(reply)->name);
                take_reading(gauge, false);
                return 1;
        }
        const char *sender = sd_bus_message_get_sender(reply);
        gauge->owner = sender ? strdup(sender) : NULL;
        take_reading(gauge, read_value(gauge->question, reply));
        return 1;
}

/* What is asked later is answered later, so the last answer is the one that holds. */
static int ask(Gauge *gauge)
{
        const Question *question = gauge->question;

        gauge->get = sd_bus_slot_unref(gauge->get);
        return sd_bus_call_method_async(
                        gauge->power->bus, &gauge->get, question->name, question->path, "org.freedesktop.DBus.Properties",
                        "Get", on_value, gauge, "ss", question->name, question->property);
}

/* Anybody on the system bus can send such a signal. */
static int on_change(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Gauge *gauge = userdata;
        const char *sender = sd_bus_message_get_sender(signal);
        (void)error;

        if (sender && gauge->owner && streq(sender, gauge->owner))
                (void)ask(gauge);
        return 0;
}

static int on_owner(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Gauge *gauge = userdata;
        const char *sender = sd_bus_message_get_sender(signal), *now;
        (void)error;

        if (!sender || !streq(sender, "org.freedesktop.DBus") || sd_bus_message_read(signal, "sss", NULL, NULL, &now) < 0)
                return 0;
        if (*now) {
                (void)ask(gauge);
                return 0;
        }
        gauge->get = sd_bus_slot_unref(gauge->get);
        free(TAKE_PTR(gauge->owner));
        take_reading(gauge, false);
        return 0;
}

static int watch(Gauge *gauge)
{
        const Question *question = gauge->question;
        sd_bus *bus = gauge->power->bus;
        char match[256];

        (void)snprintf(match, sizeof(match), OWNER_CHANGED "'%s'", question->name);
        int r = sd_bus_add_match_async(bus, &gauge->owner_match, match, on_owner, NULL, gauge);
        if (r >= 0)
                r = sd_bus_match_signal_async(
                                bus, &gauge->change_match, question->name, question->path, "org.freedesktop.DBus.Properties",
                                "PropertiesChanged", on_change, NULL, gauge);
        return r < 0 ? r : ask(gauge);
}

static void unwatch(Gauge *gauge)
{
        gauge->get = sd_bus_slot_unref(gauge->get);
        gauge->owner_match = sd_bus_slot_unref(gauge->owner_match);
        gauge->change_match = sd_bus_slot_unref(gauge->change_match);
        free(TAKE_PTR(gauge->owner));
        gauge->is_short = false;
}

/* Nobody tells a user's instance any more. The machine's ends with the bus. */
static int on_lost(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Power *power = userdata;
        (void)signal, (void)error;

        for (size_t i = 0; i < ELEMENTSOF(power->gauges); i++)
                take_reading(&power->gauges[i], false);
        return 0;
}

static int watch_all(Power *power)
{
        int r = reach_bus(power);
        if (r >= 0)
                r = sd_bus_match_signal_async(
                                power->bus, &power->lost, "org.freedesktop.DBus.Local", "/org/freedesktop/DBus/Local",
                                "org.freedesktop.DBus.Local", "Disconnected", on_lost, NULL, power);
        for (size_t i = 0; i < ELEMENTSOF(power->gauges) && r >= 0; i++)
                r = watch(&power->gauges[i]);
        return r;
}

static void unwatch_all(Power *power)
{
        power->lost = sd_bus_slot_unref(power->lost);
        for (size_t i = 0; i < ELEMENTSOF(power->gauges); i++)
                unwatch(&power->gauges[i]);
        power->was_short = false;
}

static void set_watching(Power *power, bool wanted)
{
        /* A user's connection may have been lost since. */
        if (wanted && power->is_watching && sd_bus_is_open(power->bus) > 0)
                return;
        power->is_watching = wanted;
        unwatch_all(power);
        int r = wanted ? watch_all(power) : 0;
        if (r < 0)
                log_debug("Whether there is power cannot be watched: %s", strerror(-r));
}

/* --- sleep --- */

static void set_asleep(Power *power, bool asleep);

static int on_oversleep(sd_event_source *source, uint64_t usec, void *userdata)
{
        (void)source, (void)usec;
        set_asleep(userdata, false);
        return 0;
}

static void set_asleep(Power *power, bool asleep)
{
        if (asleep == power->asleep)
                return;
        power->asleep = asleep;
        power->oversleep = sd_event_source_disable_unref(power->oversleep);
        if (asleep && sd_event_add_time_relative(
                                      power->event, &power->oversleep, CLOCK_MONOTONIC, ASLEEP_MAX, 0, on_oversleep, power) < 0)
                power->asleep = false;
        log_info(asleep ? "The machine falls asleep" : "The machine has woken up");
        power->sleeps(power->asleep, power->userdata);
}

/* Anybody on the system bus can send such a signal. */
static int on_sleep(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Power *power = userdata;
        const char *sender = sd_bus_message_get_sender(signal);
        int asleep;
        (void)error;

        if (sender && power->login && streq(sender, power->login) && sd_bus_message_read(signal, "b", &asleep) >= 0)
                set_asleep(power, asleep);
        return 0;
}

static void take_login(Power *power, const char *owner)
{
        free(power->login);
        power->login = owner && *owner ? strdup(owner) : NULL;
        set_asleep(power, false); /* who would tell that it is over? */
}

static int on_login_owner(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Power *power = userdata;
        const char *owner;
        (void)error;

        power->login_get = sd_bus_slot_unref(power->login_get);
        if (!sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_read(reply, "s", &owner) >= 0)
                take_login(power, owner);
        return 1;
}

static int on_login_changed(sd_bus_message *signal, void *userdata, sd_bus_error *error)
{
        Power *power = userdata;
        const char *sender = sd_bus_message_get_sender(signal), *now;
        (void)error;

        if (!sender || !streq(sender, "org.freedesktop.DBus") || sd_bus_message_read(signal, "sss", NULL, NULL, &now) < 0)
                return 0;
        power->login_get = sd_bus_slot_unref(power->login_get);
        take_login(power, now);
        return 0;
}

static void unwatch_sleep(Power *power)
{
        power->login_get = sd_bus_slot_unref(power->login_get);
        power->login_match = sd_bus_slot_unref(power->login_match);
        power->sleep_match = sd_bus_slot_unref(power->sleep_match);
        power->oversleep = sd_event_source_disable_unref(power->oversleep);
        free(TAKE_PTR(power->login));
}

static void watch_sleep(Power *power)
{
        if (power->sleep_match && sd_bus_is_open(power->bus) > 0)
                return;
        unwatch_sleep(power);
        set_asleep(power, false); /* whoever said so can no more say that it is over */
        int r = reach_bus(power);
        if (r >= 0)
                r = sd_bus_add_match_async(
                                power->bus, &power->login_match, OWNER_CHANGED "'" LOGIN "'", on_login_changed, NULL, power);
        if (r >= 0)
                r = sd_bus_match_signal_async(
                                power->bus, &power->sleep_match, LOGIN, LOGIN_PATH, LOGIN_MANAGER, "PrepareForSleep", on_sleep,
                                NULL, power);
        if (r >= 0)
                r = sd_bus_call_method_async(
                                power->bus, &power->login_get, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                "org.freedesktop.DBus", "GetNameOwner", on_login_owner, power, "s", LOGIN);
        if (r < 0)
                log_debug("Whether the machine falls asleep cannot be heard: %s", strerror(-r));
}

static int on_inhibited(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        Power *power = userdata;
        int fd;
        (void)error;

        power->inhibit = sd_bus_slot_unref(power->inhibit);
        if (sd_bus_message_is_method_error(reply, SD_BUS_ERROR_ACCESS_DENIED) ||
            sd_bus_message_is_method_error(reply, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                log_warning("Sleep cannot be inhibited (inhibit_sleep): %s", sd_bus_message_get_error(reply)->message);
        else if (sd_bus_message_is_method_error(reply, NULL))
                log_debug("Sleep cannot be inhibited: %s", sd_bus_message_get_error(reply)->name);
        else if (sd_bus_message_read(reply, "h", &fd) >= 0)
                power->inhibitor = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        return 1;
}

/* The descriptor holds for as long as it is open; an answer that nobody waits for any more is closed unread. */
static void follow_busy(Power *power)
{
        int r;

        if (!power->busy || !power->inhibits) {
                power->inhibit = sd_bus_slot_unref(power->inhibit);
                closep(&power->inhibitor);
                power->inhibitor = -1;
                return;
        }
        if (power->inhibit || power->inhibitor >= 0)
                return;
        r = reach_bus(power);
        if (r >= 0)
                r = sd_bus_call_method_async(
                                power->bus, &power->inhibit, LOGIN, LOGIN_PATH, LOGIN_MANAGER, "Inhibit", on_inhibited, power, "ssss", "sleep", "imagined",
                                "Pictures are being made", "block");
        if (r < 0)
                log_debug("Sleep cannot be inhibited: %s", strerror(-r));
}

void power_set_busy(Power *power, bool busy)
{
        if (busy == power->busy)
                return;
        power->busy = busy;
        if (busy)
                watch_sleep(power);
        follow_busy(power);
}

/* --- the whole --- */

void power_set_config(Power *power, const Config *config)
{
        set_watching(power, !streq(config->on_battery, "normal"));
        power->inhibits = config->inhibit_sleep;
        follow_busy(power);
}

Power *power_free(Power *power)
{
        if (!power)
                return NULL;
        unwatch_all(power);
        unwatch_sleep(power);
        power->inhibits = false;
        follow_busy(power);
        if (power->is_borrowed)
                sd_bus_unref(power->bus);
        else
                sd_bus_flush_close_unref(power->bus);
        sd_event_unref(power->event);
        free(power);
        return NULL;
}
