/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/io.h"
#include "base/memfd.h"
#include "base/money.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/json.h"
#include "client/provenance.h"
#include "dbus/names.h"

#define REQUEST_BYTES_MAX (64U << 20)

json_t *provenance_read(Client *c, const JobInfo *job)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        json_t *object = NULL;

        if (!job->path[0] || sd_bus_get_property(c->bus, IMAGINE_BUS_NAME, job->path, IMAGINE_JOB_INTERFACE, "Provenance", NULL, &reply, "a{sv}") < 0 ||
            json_read_dict(reply, &object) < 0)
                return NULL;
        json_clean_texts(object);
        if (json_object_size(object) > 0)
                return object;
        json_decref(object);
        return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));
        return text ? text : "";
}

const char *provenance_amount(const json_t *provenance, const char *key, char *buffer)
{
        const json_t *amount = json_object_get(provenance, key);

        money_format(buffer, json_is_integer(amount) ? json_integer_value(amount) : MONEY_UNKNOWN, text_of(provenance, "currency"));
        return buffer;
}

const char *provenance_place(const json_t *provider)
{
        const char *where = text_of(provider, "where");
        return streq(where, N_("this machine")) ? _("this machine") : where;
}

void provenance_say(Client *c, const JobInfo *job, const json_t *provenance)
{
        const char *model = text_of(provenance, "model"), *terms = text_of(provenance, "terms"), *dated = text_of(provenance, "dated");
        char cost[MONEY_TEXT_MAX];
        json_t *note;
        size_t i;

        json_array_foreach(json_object_get(provenance, "notes"), i, note)
                client_say(c, "%s", json_string_value(note));
        if (!*text_of(provenance, "dialect") || job->pictures == 0)
                return; /* drawn here after all, or not at all */
        client_say(c, _("Drawn by %s%s%s, cost %s"), text_of(provenance, "provider"), *model ? ": " : "", model,
                   provenance_amount(provenance, "cost", cost));
        if (*terms)
                client_say(c, _("Its terms: %s%s%s"), terms, *dated ? _(", as of ") : "", dated);
}

static int print_request(int fd)
{
        size_t size;

        int r = memfd_check_sealed(fd, REQUEST_BYTES_MAX, &size);
        if (r < 0)
                return r;
        _cleanup_(freep) char *data = malloc(size);
        if (!data)
                return -ENOMEM;
        if (pread(fd, data, size, 0) != (ssize_t)size)
                return -EIO;
        r = write_all(STDOUT_FILENO, data, size);
        return r < 0 ? r : write_all(STDOUT_FILENO, "\n", 1);
}

ExitCode provenance_print_requests(Client *c, JobInfo *job)
{
        _cleanup_(sd_bus_error_free) sd_bus_error lost = SD_BUS_ERROR_NULL;

        int known = job_refresh(c, job, &lost);
        if (known < 0)
                return bus_fail(c, &lost, known);
        for (uint32_t i = 0; i < job->pictures; i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
                int fd = -1;

                int r = sd_bus_call_method(c->bus, IMAGINE_BUS_NAME, job->path, IMAGINE_JOB_INTERFACE, "GetResult", &error, &reply, "u", i);
                if (r >= 0)
                        r = sd_bus_message_read(reply, "h", &fd);
                if (r < 0)
                        return bus_fail(c, &error, r);
                r = print_request(fd);
                if (r < 0)
                        return client_fail(c, CODE_FAILED, _("cannot write to stdout"));
        }
        return CODE_OK;
}
