/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/clock.h"
#include "base/util.h"
#include "config-remote.h"
#include "dbus/names.h"
#include "service/errors.h"
#include "service/snapshot.h"

static const char *const state_names[JOB_STATE_MAX] = {
        [JOB_QUEUED] = IMAGINE_STATE_QUEUED,   [JOB_LOADING] = IMAGINE_STATE_LOADING,
        [JOB_RUNNING] = IMAGINE_STATE_RUNNING, [JOB_DONE] = IMAGINE_STATE_DONE,
        [JOB_FAILED] = IMAGINE_STATE_FAILED,   [JOB_CANCELLED] = IMAGINE_STATE_CANCELLED,
};

const char *job_state_to_string(JobState state)
{
        return state_names[state];
}

int job_state_from_string(const char *name)
{
        for (int i = 0; i < JOB_STATE_MAX; i++)
                if (streq(name, state_names[i]))
                        return i;
        return -EINVAL;
}

static const struct {
        const char *name;
        char type;
        size_t offset;
        bool is_told; /* by Updated */
} properties[] = {
        { "Id", 'u', offsetof(Snapshot, id), false },
        { "Kind", 's', offsetof(Snapshot, kind), false },
        { "State", 's', offsetof(Snapshot, state), true },
        { "Stage", 's', offsetof(Snapshot, stage), true },
        { "Progress", 'd', offsetof(Snapshot, progress), true },
        { "Step", 'u', offsetof(Snapshot, step), true },
        { "Steps", 'u', offsetof(Snapshot, steps), true },
        { "ScheduleSteps", 'u', offsetof(Snapshot, schedule_steps), true },
        { "Count", 'u', offsetof(Snapshot, count), false },
        { "Pictures", 'u', offsetof(Snapshot, pictures), true },
        { "QueuePosition", 'u', offsetof(Snapshot, position), true },
        { "ExpectedEnd", 't', offsetof(Snapshot, expected_end), true },
        { "Created", 't', offsetof(Snapshot, created), false },
        { "Expires", 't', offsetof(Snapshot, expires), false },
        { "Detached", 'b', offsetof(Snapshot, detached), false },
        { "Priority", 's', offsetof(Snapshot, priority), false },
        { "Seed", 't', offsetof(Snapshot, seed), false },
        { "Model", 's', offsetof(Snapshot, model), false },
        { "Provider", 's', offsetof(Snapshot, provider), false },
        { "Width", 'u', offsetof(Snapshot, width), true },
        { "Height", 'u', offsetof(Snapshot, height), true },
        { "Sampler", 's', offsetof(Snapshot, sampler), true },
        { "Schedule", 's', offsetof(Snapshot, schedule), true },
        { "Guidance", 'd', offsetof(Snapshot, guidance), true },
        { "PromptTokens", 'u', offsetof(Snapshot, prompt_tokens), true },
        { "PromptChunks", 'u', offsetof(Snapshot, prompt_chunks), true },
        { "TruncatedTokens", 'u', offsetof(Snapshot, truncated), true },
};

/* From the monotonic clock to the one that callers know; 0 stays 0, never stays never. */
static uint64_t to_realtime(uint64_t usec)
{
        if (usec == 0 || usec == UINT64_MAX)
                return usec;
        return usec - clock_usec(CLOCK_MONOTONIC) + clock_usec(CLOCK_REALTIME);
}

void snapshot_take(Snapshot *ret, const Job *job, const Queue *queue, const Pace *pace)
{
        uint64_t now = clock_usec(CLOCK_MONOTONIC);

        *ret = (Snapshot) {
                .id = job->id,
                .kind = job->policy.writes ? IMAGINE_KIND_PROMPTS : job->policy.dry ? IMAGINE_KIND_REQUESTS : IMAGINE_KIND_PICTURES,
                .step = job->step,
                .steps = resolved_steps_made(&job->resolved),
                .schedule_steps = job->resolved.steps,
                .count = job->count,
                .pictures = job->n_pictures,
                .position = queue_position(queue, job),
                .width = job->resolved.width,
                .height = job->resolved.height,
                .prompt_tokens = job->resolved.prompt_tokens,
                .prompt_chunks = job->resolved.prompt_chunks,
                .truncated = job->resolved.truncated_tokens,
                .expected_end = pace ? to_realtime(pace_expected_end(pace, queue, job, now)) : 0,
                .created = job->created,
                .expires = to_realtime(queue_job_expiry(queue, job)),
                .seed = job->seed,
                .progress = job->progress,
                .guidance = job->resolved.guidance,
                .detached = job->policy.detach,
                .state = job_state_to_string(job->state),
                .stage = job->state == JOB_RUNNING ? stage_to_string(job->stage) : job_is_parked(job) ? IMAGINE_STAGE_PARKED : "",
                .priority = priority_to_string(job->policy.priority),
                .sampler = sampler_to_string(job->resolved.sampler),
                .schedule = sigma_schedule_to_string(job->resolved.schedule),
                .model = job->policy.remote && job->provenance ? job->provenance->model : job->policy.model,
                .provider = job->provenance ? job->provenance->provider : PROVIDER_LOCAL,
        };
}

static const void *value(const Snapshot *snapshot, size_t i)
{
        return (const uint8_t *)snapshot + properties[i].offset;
}

static int append_value(const Snapshot *snapshot, size_t i, sd_bus_message *message)
{
        const void *p = value(snapshot, i);
        /* Strings are appended by themselves, everything else by address. */
        return sd_bus_message_append_basic(
                        message, properties[i].type, properties[i].type == 's' ? *(const char *const *)p : p);
}

int snapshot_append_property(const Snapshot *snapshot, const char *property, sd_bus_message *reply)
{
        for (size_t i = 0; i < ELEMENTSOF(properties); i++)
                if (streq(properties[i].name, property))
                        return append_value(snapshot, i, reply);
        return -ENOENT;
}

/* An expected end moves all the time; it is news when it is off by a tenth of what is left. */
#define END_TOLERANCE (USEC_PER_SEC / 5)

static bool ends_differ(uint64_t before, uint64_t end)
{
        uint64_t now = clock_usec(CLOCK_REALTIME), left = end > now ? end - now : 0;

        if (before == 0 || end == 0)
                return before != end;
        return (before > end ? before - end : end - before) > MAX(END_TOLERANCE, left / 10);
}

static bool differs(const Snapshot *a, const Snapshot *b, size_t i)
{
        if (properties[i].offset == offsetof(Snapshot, expected_end))
                return ends_differ(a->expected_end, b->expected_end);

        const void *p = value(a, i), *q = value(b, i);

        switch (properties[i].type) {
        case 's': {
                /* A job that nothing was told about yet has no strings. */
                const char *s = *(const char *const *)p, *t = *(const char *const *)q;
                return !s || !t ? s != t : !streq(s, t);
        }
        case 'u':
        case 'b':
                return *(const uint32_t *)p != *(const uint32_t *)q;
        case 'd':
                return *(const double *)p != *(const double *)q;
        default:
                return *(const uint64_t *)p != *(const uint64_t *)q;
        }
}

void snapshot_remember(Snapshot *told, const Snapshot *now)
{
        uint64_t end = ends_differ(told->expected_end, now->expected_end) ? now->expected_end : told->expected_end;

        *told = *now;
        told->expected_end = end;
}

int snapshot_count_changes(const Snapshot *before, const Snapshot *now)
{
        int n = 0;

        for (size_t i = 0; i < ELEMENTSOF(properties); i++)
                n += properties[i].is_told && differs(before, now, i);
        return n;
}

static int append_entry(const Snapshot *snapshot, size_t i, sd_bus_message *message)
{
        int r = sd_bus_message_open_container(message, 'e', "sv");
        if (r < 0)
                return r;
        r = sd_bus_message_append(message, "s", properties[i].name);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(message, 'v', (char[]) { properties[i].type, '\0' });
        if (r < 0)
                return r;
        r = append_value(snapshot, i, message);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(message);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int snapshot_append_changes(const Snapshot *before, const Snapshot *now, sd_bus_message *signal)
{
        int n = 0, r = sd_bus_message_open_container(signal, 'a', "{sv}");

        for (size_t i = 0; i < ELEMENTSOF(properties) && r >= 0; i++) {
                if (!properties[i].is_told || !differs(before, now, i))
                        continue;
                r = append_entry(now, i, signal);
                n++;
        }
        if (r >= 0)
                r = sd_bus_message_close_container(signal);
        return r < 0 ? r : n;
}

/* --- the same back --- */

/* The static string that says the same; NULL: there is none. */
static const char *known_text(size_t i, const char *text)
{
        const size_t offset = properties[i].offset;

        if (offset == offsetof(Snapshot, state)) {
                int state = job_state_from_string(text);
                return state < 0 ? NULL : state_names[state];
        }
        if (offset == offsetof(Snapshot, stage)) {
                int stage = stage_from_string(text);
                return stage >= 0 ? stage_to_string((Stage)stage) : streq(text, IMAGINE_STAGE_PARKED) ? IMAGINE_STAGE_PARKED : "";
        }
        if (offset == offsetof(Snapshot, sampler)) {
                int sampler = sampler_from_string(text, NULL);
                return sampler_to_string(sampler < 0 ? SAMPLER_DEFAULT : (Sampler)sampler);
        }
        if (offset == offsetof(Snapshot, schedule)) {
                int schedule = sigma_schedule_from_string(text);
                return sigma_schedule_to_string(schedule < 0 ? SIGMA_SCHEDULE_DEFAULT : (SigmaSchedule)schedule);
        }
        return NULL;
}

static int read_value(Snapshot *snapshot, size_t i, sd_bus_message *message)
{
        void *field = (uint8_t *)snapshot + properties[i].offset;
        const char *text;

        if (properties[i].type != 's')
                return sd_bus_message_read(message, "v", (char[]) { properties[i].type, '\0' }, field);
        int r = sd_bus_message_read(message, "v", "s", &text);
        if (r >= 0 && known_text(i, text))
                *(const char **)field = known_text(i, text);
        return r;
}

static int read_error(Error *error, sd_bus_message *message)
{
        const char *name, *text;

        int r = sd_bus_message_read(message, "v", "(ss)", &name, &text);
        if (r >= 0 && *name)
                (void)error_set(error, error_code_of(name), "%s", text);
        return r;
}

static int read_property(Snapshot *snapshot, Error *error, sd_bus_message *message)
{
        const char *key;

        int r = sd_bus_message_read(message, "s", &key);
        if (r < 0)
                return r;
        if (error && streq(key, "Error"))
                return read_error(error, message);
        for (size_t i = 0; i < ELEMENTSOF(properties); i++)
                if (streq(properties[i].name, key))
                        return read_value(snapshot, i, message);
        return sd_bus_message_skip(message, "v"); /* of a newer version */
}

int snapshot_read(Snapshot *snapshot, Error *error, sd_bus_message *message)
{
        int r = sd_bus_message_enter_container(message, 'a', "{sv}");

        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_property(snapshot, error, message);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}
