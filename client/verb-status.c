/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "client/i18n.h"
#include "client/job.h"
#include "client/jobs.h"
#include "client/manager.h"
#include "client/progress.h"

/* What the service says of itself, with the bus on which it was found. */
static ExitCode describe(Client *c, json_t **ret)
{
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        json_error_t error;
        const char *text;

        int r = bus_call_manager(c, "Describe", &bus_error, &reply, "");
        if (r >= 0)
                r = sd_bus_message_read_basic(reply, 's', &text);
        if (r < 0)
                return bus_fail(c, &bus_error, r);
        json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(object)) {
                json_decref(object);
                return client_fail(c, CODE_FAILED, _("the service's description is not a JSON object: %s"),
                                   error.text);
        }
        (void)json_object_set_new(object, "bus", json_string(c->is_user_bus ? "user" : "system"));
        *ret = object;
        return CODE_OK;
}

static void print_state(const Client *c, const ManagerInfo *manager, json_t *described)
{
        json_t *memory = json_object_get(described, "memory");
        double service = json_number_value(json_object_get(memory, "service"));
        double worker = json_number_value(json_object_get(memory, "worker"));

        (void)printf(c->is_user_bus ? _("imagined %s on the session bus\n") : _("imagined %s on the system bus\n"), manager->version);
        const char *engine = json_string_value(json_object_get(described, "engine"));
        bool is_shared = c->is_user_bus && engine && strcmp(engine, "system") == 0;

        (void)printf(_("Model:  %s%s%s%s\n"), manager->model, manager->model[0] ? ", " : "", manager_state_text(manager->state),
                     is_shared ? _(", at the machine's instance") : "");
        if (service > 0)
                (void)printf(_("Memory: %.0f MB for the service, %.0f MB for the engine\n"), service / 1e6,
                             worker / 1e6);
}

/* "Speed:  default: 0.52 s a step and 1.3 s a picture besides, at 0.26 megapixels" */
static void print_speed(json_t *described)
{
        json_t *item;
        size_t i;

        json_array_foreach(json_object_get(described, "speed"), i, item) {
                double step = json_number_value(json_object_get(item, "guided-step"));
                double rest = json_number_value(json_object_get(item, "rest"));
                const char *model = json_string_value(json_object_get(item, "model"));
                if (step <= 0)
                        step = json_number_value(json_object_get(item, "step"));
                if (step > 0 && model)
                        (void)printf(_("Speed:  %s: %.2g s a step and %.2g s a picture besides, at %.2f megapixels\n"),
                                     model, step, rest, json_number_value(json_object_get(item, "pixels")) / 1e6);
        }
}

static void print_errors(json_t *described)
{
        json_t *item;
        size_t i;

        json_array_foreach(json_object_get(described, "errors"), i, item) {
                char text[512], when[32] = "";
                time_t seconds = (time_t)(json_integer_value(json_object_get(item, "when")) / 1000000);
                const char *message = json_string_value(json_object_get(item, "message"));
                struct tm tm;

                if (localtime_r(&seconds, &tm))
                        (void)strftime(when, sizeof(when), "%F %T", &tm);
                (void)snprintf(text, sizeof(text), "%s", message ? message : "");
                client_clean_text(text);
                (void)printf(_("Error:  %s: %s\n"), when, text);
        }
}

static void print_jobs(const JobInfo *jobs, size_t count)
{
        size_t waiting = 0, ended = 0;
        char label[160];

        for (size_t i = 0; i < count; i++) {
                waiting += job_state(jobs + i) == JOB_QUEUED;
                ended += job_has_ended(jobs + i);
        }
        (void)printf(_("Jobs:   %zu at work, %zu waiting, %zu ended (yours)\n"), count - waiting - ended,
                     waiting, ended);
        for (size_t i = 0; i < count; i++) {
                if (job_has_ended(jobs + i) || job_state(jobs + i) == JOB_QUEUED)
                        continue;
                progress_format_label(jobs + i, label, sizeof(label));
                (void)printf(_("Job %u:  %s, %d %%\n"), jobs[i].id, label, (int)(jobs[i].progress * 100));
        }
}

static ExitCode print_all(Client *c, const ManagerInfo *manager, json_t *described)
{
        _cleanup_(freep) JobInfo *jobs = NULL;
        size_t count = 0;

        ExitCode code = jobs_list(c, &jobs, &count);
        if (code != CODE_OK)
                return code;
        print_state(c, manager, described);
        print_speed(described);
        print_jobs(jobs, count);
        print_errors(described);
        return CODE_OK;
}

ExitCode verb_status(Client *c)
{
        json_t *described = NULL;
        ManagerInfo manager;

        ExitCode code = bus_connect(c);
        if (code == CODE_OK && c->options.json)
                return describe(c, &c->result);
        if (code == CODE_OK)
                code = manager_read(c, &manager);
        if (code == CODE_OK && c->options.quiet)
                (void)printf("%s\n", manager.state);
        else if (code == CODE_OK)
                code = describe(c, &described);
        if (described)
                code = print_all(c, &manager, described);
        json_decref(described);
        return code;
}
