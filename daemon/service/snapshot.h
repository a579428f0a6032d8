/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job's properties at one moment: one table names them, for the getters and for Updated. */

#include <systemd/sd-bus.h>

#include "queue/pace.h"

typedef struct Snapshot {
        uint32_t id, step, steps, schedule_steps, count, pictures, position, width, height;
        uint32_t prompt_tokens, prompt_chunks, truncated;
        uint64_t expected_end, created, expires, seed;
        double progress, guidance;
        int detached;
        const char *kind, *state, *stage, *priority, *sampler, *schedule; /* static strings */
        const char *model, *provider; /* the job's */
} Snapshot;

/* pace: NULL where the expected end, which costs most, is not asked for. */
void snapshot_take(Snapshot *ret, const Job *job, const Queue *queue, const Pace *pace);

/* Appends the property's value; -ENOENT: none of that name. */
int snapshot_append_property(const Snapshot *snapshot, const char *property, sd_bus_message *reply);

/* Appends an a{sv} of what Updated tells and is different in now; returns how many that are. */
int snapshot_append_changes(const Snapshot *before, const Snapshot *now, sd_bus_message *signal);

/* What was told becomes what is now, but for what was not worth telling. */
void snapshot_remember(Snapshot *told, const Snapshot *now);

/* How many of them are different. */
int snapshot_count_changes(const Snapshot *before, const Snapshot *now);

/* The same back, for what another instance tells: reads an a{sv} of properties over what is there. Priority and model are
 * left out, for they are known. error may be NULL. */
int snapshot_read(Snapshot *snapshot, Error *error, sd_bus_message *message);

const char *job_state_to_string(JobState state);
int job_state_from_string(const char *name); /* or -EINVAL */
