/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/util.h"
#include "client/i18n.h"
#include "client/job.h"
#include "client/json.h"
#include "client/values.h"
#include "dbus/names.h"

#define FIELD(member) offsetof(JobInfo, member), sizeof(((JobInfo *)NULL)->member)

/* Where each property goes. */
static const struct {
        const char *key;
        char type;
        size_t offset, size;
} field_table[] = {
        { "Id", 'u', FIELD(id) },
        { "State", 's', FIELD(state) },
        { "Stage", 's', FIELD(stage) },
        { "Progress", 'd', FIELD(progress) },
        { "Step", 'u', FIELD(step) },
        { "Steps", 'u', FIELD(steps) },
        { "Count", 'u', FIELD(count) },
        { "Pictures", 'u', FIELD(pictures) },
        { "QueuePosition", 'u', FIELD(queue_position) },
        { "ExpectedEnd", 't', FIELD(expected_end) },
        { "Created", 't', FIELD(created) },
        { "Expires", 't', FIELD(expires) },
        { "Detached", 'b', FIELD(detached) },
        { "Priority", 's', FIELD(priority) },
        { "Provider", 's', FIELD(provider) },
        { "Seed", 't', FIELD(seed) },
        { "Model", 's', FIELD(model) },
        { "Width", 'u', FIELD(width) },
        { "Height", 'u', FIELD(height) },
        { "Sampler", 's', FIELD(sampler) },
        { "Schedule", 's', FIELD(schedule) },
        { "Guidance", 'd', FIELD(guidance) },
        { "PromptTokens", 'u', FIELD(prompt_tokens) },
        { "PromptChunks", 'u', FIELD(prompt_chunks) },
        { "TruncatedTokens", 'u', FIELD(truncated_tokens) },
};

JobState job_state(const JobInfo *job)
{
        static const char *const names[] = {
                [JOB_QUEUED] = IMAGINE_STATE_QUEUED,   [JOB_LOADING] = IMAGINE_STATE_LOADING,
                [JOB_RUNNING] = IMAGINE_STATE_RUNNING, [JOB_DONE] = IMAGINE_STATE_DONE,
                [JOB_FAILED] = IMAGINE_STATE_FAILED,   [JOB_CANCELLED] = IMAGINE_STATE_CANCELLED,
        };

        for (int i = 0; i < JOB_UNKNOWN; i++)
                if (streq(job->state, names[i]))
                        return (JobState)i;
        return JOB_UNKNOWN;
}

const char *job_state_text(const char *state)
{
        static const char *const names[] = { N_("queued"), N_("loading"), N_("running"), N_("done"), N_("failed"), N_("cancelled") };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(state, names[i]))
                        return _(names[i]);
        return state;
}

static void copy_text(char *field, size_t size, const char *text)
{
        (void)snprintf(field, size, "%s", text);
        client_clean_text(field);
}

static int read_field(JobInfo *job, size_t i, sd_bus_message *m)
{
        void *field = (char *)job + field_table[i].offset;
        char type = field_table[i].type;
        const char *text;
        int flag;

        if (type == 's') {
                int r = sd_bus_message_read(m, "v", "s", &text);
                if (r >= 0)
                        copy_text(field, field_table[i].size, text);
                return r;
        }
        if (type == 'b') {
                int r = sd_bus_message_read(m, "v", "b", &flag);
                if (r >= 0)
                        *(bool *)field = flag;
                return r;
        }
        return sd_bus_message_read(m, "v", (char[]) { type, '\0' }, field);
}

static int read_error(JobInfo *job, sd_bus_message *m)
{
        const char *name, *message;

        int r = sd_bus_message_read(m, "v", "(ss)", &name, &message);
        if (r < 0)
                return r;
        copy_text(job->error_name, sizeof(job->error_name), name);
        copy_text(job->error_message, sizeof(job->error_message), message);
        return 0;
}

static int read_entry(JobInfo *job, sd_bus_message *m)
{
        const char *key;

        int r = sd_bus_message_read_basic(m, 's', &key);
        if (r < 0)
                return r;
        if (streq(key, "Error"))
                return read_error(job, m);
        for (size_t i = 0; i < ELEMENTSOF(field_table); i++)
                if (streq(key, field_table[i].key))
                        return read_field(job, i, m);
        return sd_bus_message_skip(m, "v");
}

static int read_dict(JobInfo *job, sd_bus_message *m, int (*read)(JobInfo *job, sd_bus_message *m))
{
        int r = sd_bus_message_enter_container(m, 'a', "{sv}");

        while (r >= 0) {
                r = sd_bus_message_enter_container(m, 'e', "sv");
                if (r <= 0)
                        break;
                r = read(job, m);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r == -ENXIO ? -EBADMSG : r;
}

int job_read(JobInfo *job, sd_bus_message *m)
{
        int r = read_dict(job, m, read_entry);
        if (r < 0)
                return r;
        if (!isfinite(job->progress))
                job->progress = 0;
        job->progress = MAX(0.0, MIN(1.0, job->progress));
        return 0;
}

/* The dictionary of Finished has keys of its own. */
static int read_finished_entry(JobInfo *job, sd_bus_message *m)
{
        const char *key, *text;

        int r = sd_bus_message_read_basic(m, 's', &key);
        if (r < 0)
                return r;
        if (streq(key, "pictures"))
                return sd_bus_message_read(m, "v", "u", &job->pictures);
        if (!streq(key, "error") && !streq(key, "message"))
                return sd_bus_message_skip(m, "v");

        r = sd_bus_message_read(m, "v", "s", &text);
        if (r < 0)
                return r;
        if (streq(key, "error"))
                copy_text(job->error_name, sizeof(job->error_name), text);
        else
                copy_text(job->error_message, sizeof(job->error_message), text);
        return 0;
}

int job_read_finished(JobInfo *job, sd_bus_message *m)
{
        const char *state;

        int r = sd_bus_message_read_basic(m, 's', &state);
        if (r < 0)
                return r;
        copy_text(job->state, sizeof(job->state), state);
        if (!job_has_ended(job)) /* a state of a newer service */
                copy_text(job->state, sizeof(job->state), IMAGINE_STATE_FAILED);
        return read_dict(job, m, read_finished_entry);
}

int job_refresh(Client *c, JobInfo *job, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = bus_get_all(c, job->path, IMAGINE_JOB_INTERFACE, error, &reply);
        return r < 0 ? r : job_read(job, reply);
}

/* Looks the number up in the list: only the service knows how the objects are called. 1 if it is there, 0 if
 * not. */
static int find_path(Client *c, uint32_t id, JobInfo *job, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint32_t listed;
        const char *path;
        bool found = false;

        int r = bus_call_manager(c, "ListJobs", error, &reply, "");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(uosd)");
        while (r >= 0) {
                r = sd_bus_message_read(reply, "(uosd)", &listed, &path, NULL, NULL);
                if (r <= 0)
                        break;
                if (listed != id)
                        continue;
                (void)snprintf(job->path, sizeof(job->path), "%s", path);
                found = true;
        }
        return r < 0 ? r : found;
}

ExitCode job_find(Client *c, const char *word, JobInfo *ret)
{
        _cleanup_(sd_bus_error_free) sd_bus_error bus_error = SD_BUS_ERROR_NULL;
        JobInfo job = { 0 };
        Error error = { 0 };
        uint64_t id;

        if (value_parse_integer(word, 1, UINT32_MAX, &id, &error) < 0)
                return client_fail_named(
                                c, CODE_USAGE, NULL,
                                _("'imagine jobs' lists yours. A prompt with this first word goes after "
                                "'generate'."),
                                _("'%s' takes the number of a job: %s"), c->options.verb->name, error.text);
        ExitCode code = bus_connect(c);
        if (code != CODE_OK)
                return code;

        int r = find_path(c, (uint32_t)id, &job, &bus_error);
        if (r < 0)
                return bus_fail(c, &bus_error, r);
        if (r == 0)
                return client_fail_named(c, CODE_NOT_FOUND, IMAGINE_ERROR_NO_SUCH_JOB,
                                         _("'imagine jobs' lists yours."), _("you have no job %llu"),
                                         (unsigned long long)id);
        r = job_refresh(c, &job, &bus_error);
        if (r < 0)
                return bus_fail(c, &bus_error, r);
        *ret = job;
        return CODE_OK;
}

/* What the model decides stays null until it has. */
static json_t *size_to_json(uint32_t value)
{
        return value ? json_integer(value) : json_null();
}

json_t *job_to_json(const JobInfo *job)
{
        json_t *object = json_pack("{s:I, s:s, s:s, s:f, s:I, s:I, s:I, s:I}", "id", (json_int_t)job->id,
                                   "state", job->state, "stage", job->stage, "progress", job->progress,
                                   "step", (json_int_t)job->step, "steps", (json_int_t)job->steps, "count",
                                   (json_int_t)job->count, "finished", (json_int_t)job->pictures);
        if (!object)
                return NULL;

        const struct {
                const char *key;
                json_t *value;
        } more[] = {
                { "prompt_tokens", json_integer(job->prompt_tokens) },
                { "prompt_chunks", json_integer(job->prompt_chunks) },
                { "truncated_tokens", json_integer(job->truncated_tokens) },
                { "queue_position", json_integer(job->queue_position) },
                { "seed", json_from_u64(job->seed) },
                { "model", json_from_text(job->model) },
                { "width", size_to_json(job->width) },
                { "height", size_to_json(job->height) },
                { "sampler", job->sampler[0] ? json_from_text(job->sampler) : json_null() },
                { "schedule", job->schedule[0] ? json_from_text(job->schedule) : json_null() },
                { "guidance", job->guidance >= 0 ? json_real(job->guidance) : json_null() },
                { "priority", json_from_text(job->priority) },
                { "provider", json_from_text(job->provider) },
                { "detached", json_boolean(job->detached) },
                { "created", json_from_u64(job->created) },
                { "expected_end", json_from_u64(job->expected_end) },
                { "expires", json_from_u64(job->expires) },
                { "object", json_from_text(job->path) },
                { "error", job->error_name[0] ? json_pack("{s:s, s:s}", "name", job->error_name, "message",
                                                          job->error_message)
                                              : json_null() },
        };
        for (size_t i = 0; i < ELEMENTSOF(more); i++)
                (void)json_object_set_new(object, more[i].key, more[i].value);
        return object;
}

void job_describe(const JobInfo *job, char *buffer, size_t size)
{
        _cleanup_(fclosep) FILE *f = fmemopen(buffer, size, "w");

        buffer[0] = '\0';
        if (!f)
                return;
        (void)fprintf(f, _("Seed %llu"), (unsigned long long)job->seed);
        if (job->width && job->height)
                (void)fprintf(f, ", %ux%u", job->width, job->height);
        if (job->steps)
                (void)fprintf(f, ngettext(", %u step", ", %u steps", job->steps), job->steps);
        if (job->sampler[0])
                (void)fprintf(f, ", %s%s%s", job->sampler, job->schedule[0] ? " " : "", job->schedule);
        if (job->guidance >= 0)
                (void)fprintf(f, _(", guidance %g"), job->guidance);
        if (job->model[0])
                (void)fprintf(f, ", %s", job->model);
}
