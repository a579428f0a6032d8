/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/memfd.h"
#include "base/utf8.h"
#include "base/util.h"
#include "service/errors.h"
#include "service/remote/checks.h"
#include "service/remote/remote.h"
#include "service/service.h"

#define RUNNING_MAX 8
#define SECONDS_MAX 20 /* somebody waits for it */

typedef struct Check {
        Checks *owner;
        NetCall *net;
        sd_bus_message *call; /* NULL: the place is free */
        CheckResult result;
} Check;

struct Checks {
        Service *service;
        Check running[RUNNING_MAX];
        CheckResult known[SERVERS_MAX];
        size_t n_known;
};

static void clear(Check *check)
{
        check->net = net_call_free(check->net);
        check->call = sd_bus_message_unref(check->call);
}

/* --- what was said --- */

const CheckResult *checks_find(const Checks *checks, const Server *server)
{
        for (size_t i = 0; i < checks->n_known; i++)
                if (streq(checks->known[i].name, server->name) && streq(checks->known[i].url, server->url))
                        return &checks->known[i];
        return NULL;
}

static void remember(Checks *checks, const CheckResult *result)
{
        size_t i = 0;

        while (i < checks->n_known && !streq(checks->known[i].name, result->name))
                i++;
        if (i == SERVERS_MAX)
                i = 0;
        checks->known[i] = *result;
        checks->n_known = MAX(checks->n_known, i + 1);
}

static int append_models(sd_bus_message *reply, const json_t *models)
{
        int r = sd_bus_message_open_container(reply, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "models");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; i < json_array_size(models) && r >= 0; i++)
                if (json_is_string(json_array_get(models, i)))
                        r = sd_bus_message_append(reply, "s", json_string_value(json_array_get(models, i)));
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int answer(sd_bus_message *call, const CheckResult *result, const json_t *said)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const json_t *models = json_object_get(said, "models"), *credits = json_object_get(said, "credits");

        int r = sd_bus_message_new_method_return(call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}", "ready", "b", (int)result->ready, "checked", "t", result->when);
        if (r >= 0 && result->text[0])
                r = sd_bus_message_append(reply, "{sv}", "message", "s", result->text);
        if (r >= 0 && json_is_array(models))
                r = append_models(reply, models);
        if (r >= 0 && json_is_number(credits))
                r = sd_bus_message_append(reply, "{sv}", "credits", "d", json_number_value(credits));
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

/* --- asking --- */

static void end(Check *check, const Error *error, const json_t *said)
{
        check->result.ready = error == NULL;
        check->result.when = clock_usec(CLOCK_REALTIME);
        (void)snprintf(check->result.text, sizeof(check->result.text), "%s", error ? error->text : "");
        utf8_sanitize(check->result.text);
        remember(check->owner, &check->result);
        (void)answer(check->call, &check->result, said);
}

static int on_result(const NetResult *result, int fd, void *userdata)
{
        Check *check = userdata;
        _cleanup_(freep) char *data = NULL;
        size_t size;

        int r = result->kind == NET_RESULT_CHECK ? memfd_check_sealed(fd, NET_TEXT_MAX, &size) : -EBADMSG;
        if (r < 0)
                return r;
        data = malloc(size);
        if (!data || pread(fd, data, size, 0) != (ssize_t)size)
                return data ? -EIO : -ENOMEM;
        json_t *said = json_loadb(data, size, 0, NULL);
        end(check, NULL, said);
        json_decref(said);
        check->call = sd_bus_message_unref(check->call);
        return 0;
}

static void on_ended(const Error *error, void *userdata)
{
        Check *check = userdata;

        if (check->call)
                end(check, error ? error : &(Error) { NET_BAD_ANSWER, "It said nothing of itself" }, NULL);
        clear(check);
}

static int ask(Check *check, const Server *server, Error *error)
{
        static const NetCallHandlers handlers = { .result = on_result, .ended = on_ended };
        const int parts[NET_PART_MAX] = { [0 ... NET_PART_MAX - 1] = -1 };
        NetAsk net_ask;

        remote_fill(server, &net_ask);
        net_ask.flags = NET_ASK_CHECK;
        net_ask.draw = (NetDraw) { .guidance = -1, .strength = -1 };
        net_ask.limits.total_ms = MIN(net_ask.limits.total_ms, SECONDS_MAX * 1000U);
        net_ask.limits.first_byte_ms = MIN(net_ask.limits.first_byte_ms, net_ask.limits.total_ms);
        net_ask.limits.tries = 1;
        return remote_ask(&check->net, check->owner->service, server, &net_ask, parts, &handlers, check, error);
}

int checks_begin(Checks *checks, sd_bus_message *call, const Server *server, Error *error)
{
        Check *check = NULL;

        for (size_t i = 0; i < RUNNING_MAX && !check; i++)
                check = checks->running[i].net ? NULL : &checks->running[i];
        if (!check)
                return error_set(error, -EDQUOT, "Too many providers are being asked already");
        *check = (Check) { .owner = checks };
        (void)snprintf(check->result.name, sizeof(check->result.name), "%s", server->name);
        (void)snprintf(check->result.url, sizeof(check->result.url), "%s", server->url);
        int r = ask(check, server, error);
        if (r >= 0)
                check->call = sd_bus_message_ref(call);
        return r;
}

int checks_new(Checks **ret, Service *service)
{
        Checks *checks = calloc(1, sizeof(Checks));
        if (!checks)
                return -ENOMEM;
        checks->service = service;
        *ret = checks;
        return 0;
}

Checks *checks_free(Checks *checks)
{
        for (size_t i = 0; checks && i < RUNNING_MAX; i++)
                clear(&checks->running[i]);
        free(checks);
        return NULL;
}
