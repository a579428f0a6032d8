/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/log.h"
#include "base/util.h"
#include "service/power.h"

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
        SystemBus *system_bus;
        sd_bus *bus; /* on which it is watched; NULL: it is not */
        power_changed_t changed;
        void *userdata;
        bool is_wanted, was_short;
        SystemBusFollower follower;
        Gauge gauges[ELEMENTSOF(questions)];
};

/* --- what is told --- */

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
        const char *now;
        (void)error;

        if (!system_bus_read_owner(signal, &now))
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

/* --- whether it is watched --- */

static int watch(Gauge *gauge)
{
        const Question *question = gauge->question;
        sd_bus *bus = gauge->power->bus;

        int r = system_bus_watch_owner(bus, &gauge->owner_match, question->name, on_owner, gauge);
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

/* Nobody tells a user's instance any more. */
static void on_lost(void *userdata)
{
        Power *power = userdata;

        for (size_t i = 0; i < ELEMENTSOF(power->gauges); i++)
                take_reading(&power->gauges[i], false);
}

static int watch_all(Power *power)
{
        int r = system_bus_reach(power->system_bus, &power->bus);
        for (size_t i = 0; i < ELEMENTSOF(power->gauges) && r >= 0; i++)
                r = watch(&power->gauges[i]);
        return r;
}

static void unwatch_all(Power *power)
{
        for (size_t i = 0; i < ELEMENTSOF(power->gauges); i++)
                unwatch(&power->gauges[i]);
        power->was_short = false;
        power->bus = sd_bus_unref(power->bus);
}

static void follow_wish(Power *power)
{
        /* A user's connection may have been lost since. */
        if (power->is_wanted && power->bus && sd_bus_is_open(power->bus) > 0)
                return;
        unwatch_all(power);
        int r = power->is_wanted ? watch_all(power) : 0;
        if (r < 0)
                log_debug("Whether there is power cannot be watched: %s", strerror(-r));
}

static void on_retry(void *userdata)
{
        follow_wish(userdata);
}

void power_set_config(Power *power, const Config *config)
{
        power->is_wanted = !streq(config->on_battery, "normal");
        follow_wish(power);
}

/* --- the whole --- */

int power_new(Power **ret, SystemBus *system_bus, power_changed_t changed, void *userdata)
{
        Power *power = calloc(1, sizeof(Power));
        if (!power)
                return -ENOMEM;
        power->system_bus = system_bus;
        power->changed = changed;
        power->userdata = userdata;
        for (size_t i = 0; i < ELEMENTSOF(questions); i++)
                power->gauges[i] = (Gauge) { .power = power, .question = &questions[i] };
        power->follower = (SystemBusFollower) { .lost = on_lost, .retry = on_retry, .userdata = power };
        system_bus_follow(system_bus, &power->follower);
        *ret = power;
        return 0;
}

Power *power_free(Power *power)
{
        if (!power)
                return NULL;
        unwatch_all(power);
        free(power);
        return NULL;
}
