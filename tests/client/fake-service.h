/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A service that misbehaves on demand: the first word of the prompt says how. It speaks just enough of the
 * interface for the client, and does what a real one must never do. */

#include <sys/mman.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "base/memfd.h"
#include "harness.h"
#include "dbus/names.h"

#define FAKE_JOBS_MAX 16
#define FAKE_SEED 4200000000u
#define FAKE_DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* 1x1, grey. */
static const uint8_t tiny_png[] = {
        0x89, 'P',  'N',  'G',  '\r', '\n', 0x1a, '\n', 0,    0,    0,    13,  'I',  'H',  'D',  'R',  0,
        0,    0,    1,    0,    0,    0,    1,    8,    0,    0,    0,    0,   0x3a, 0x7e, 0x9b, 0x55, 0,
        0,    0,    10,   'I',  'D',  'A',  'T',  0x78, 0x9c, 0x63, 0x68, 0,   0,    0,    0x82, 0,    0x81,
        0xdd, 0x43, 0x6a, 0xf4, 0,    0,    0,    0,    'I',  'E',  'N',  'D', 0xae, 0x42, 0x60, 0x82,
};

typedef struct FakeService FakeService;

typedef struct FakeJob {
        FakeService *service;
        uint32_t id, step, steps, count, pictures, width, truncated;
        uint64_t seed;
        bool varies; /* all pictures have the same seed */
        double progress;
        char path[128], state[16], stage[16], kind[32], owner[64];
        sd_event_source *timer;
} FakeJob;

struct FakeService {
        sd_bus *bus, *stranger;
        sd_event *event;
        FakeJob jobs[FAKE_JOBS_MAX];
        uint32_t n_jobs;
        char options[1024]; /* the keys and values of the last Generate, for the error of "echo" */
        char model[64];
};

static int fake_send(sd_bus *bus, FakeJob *job, const char *member, const char *types, ...)
{
        sd_bus_message *m = NULL;
        va_list ap;

        int r = sd_bus_message_new_signal(bus, &m, job->path, IMAGINE_JOB_INTERFACE, member);
        if (r >= 0)
                r = sd_bus_message_set_destination(m, job->owner);
        va_start(ap, types);
        if (r >= 0)
                r = sd_bus_message_appendv(m, types, ap);
        va_end(ap);
        if (r >= 0)
                r = sd_bus_send(bus, m, NULL);
        sd_bus_message_unref(m);
        return r;
}

static int fake_finish(FakeJob *job, const char *state, const char *error, const char *message)
{
        (void)snprintf(job->state, sizeof(job->state), "%s", state);
        (void)fake_send(job->service->bus, job, "Updated", "a{sv}", 1, "State", "s", state);
        if (error)
                return fake_send(job->service->bus, job, "Finished", "sa{sv}", state, 3, "pictures", "u",
                                 job->pictures, "error", "s", error, "message", "s", message);
        return fake_send(job->service->bus, job, "Finished", "sa{sv}", state, 1, "pictures", "u",
                         job->pictures);
}

static bool is_kind(const FakeJob *job, const char *kind)
{
        return strcmp(job->kind, kind) == 0;
}

/* A step every 20 ms. */
static int fake_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
        FakeJob *job = userdata;

        if (is_kind(job, "die") && job->step == 2)
                _exit(1);
        if (is_kind(job, "oom") && job->step == 2)
                return fake_finish(job, "failed", IMAGINE_ERROR_OUT_OF_MEMORY,
                                   "the picture needs 9 GB\033[2J");
        if (is_kind(job, "forged") && job->step == 1)
                (void)fake_send(job->service->stranger, job, "Finished", "sa{sv}", "failed", 1, "pictures",
                                "u", 0);
        bool is_slow = is_kind(job, "slow") || is_kind(job, "stubborn");
        if (job->step < job->steps - 1 || !is_slow)
                job->step++;
        if (job->step > job->steps) {
                job->pictures++;
                job->step = 0;
        }
        job->progress = (job->pictures + (double)job->step / (job->steps + 1)) / job->count;
        (void)snprintf(job->state, sizeof(job->state), "running");
        (void)snprintf(job->stage, sizeof(job->stage), "denoise");
        (void)fake_send(job->service->bus, job, "Updated", "a{sv}", 6, "State", "s", job->state, "Stage",
                        "s", job->stage, "Step", "u", job->step, "Progress", "d", job->progress, "Pictures",
                        "u", job->pictures, "Later", "as", 1, "a key of a newer service");
        if (job->pictures == job->count)
                return fake_finish(job, "done", NULL, NULL);
        (void)sd_event_source_set_time(source, usec + 20000);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int fake_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        FakeJob *job = userdata;

        (void)bus, (void)path, (void)interface, (void)error;
        const struct {
                const char *key;
                uint32_t value;
        } numbers[] = { { "Id", job->id },           { "Step", job->step },   { "Steps", job->steps },
                        { "Count", job->count },     { "Width", job->width }, { "Height", job->width },
                        { "Pictures", job->pictures }, { "PromptTokens", 7 }, { "PromptChunks", 1 },
                        { "TruncatedTokens", job->truncated } };
        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (streq(property, numbers[i].key))
                        return sd_bus_message_append(reply, "u", numbers[i].value);
        if (streq(property, "Seed"))
                return sd_bus_message_append(reply, "t", job->seed);
        if (streq(property, "Progress"))
                return sd_bus_message_append(reply, "d", job->progress);
        if (streq(property, "Guidance"))
                return sd_bus_message_append(reply, "d", 7.5);
        if (streq(property, "Error"))
                return sd_bus_message_append(reply, "(ss)", "", "");
        return sd_bus_message_append(reply, "s", streq(property, "State")     ? job->state
                                                 : streq(property, "Stage")   ? job->stage
                                                 : streq(property, "Sampler") ? "euler"
                                                 : streq(property, "Schedule") ? ""
                                                                              : "sprites");
}

static int fake_cancel(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        FakeJob *job = userdata;

        (void)error;
        if (is_kind(job, "stubborn"))
                return sd_bus_reply_method_return(m, "");
        (void)sd_event_source_set_enabled(job->timer, SD_EVENT_OFF);
        (void)sd_bus_reply_method_return(m, "");
        return fake_finish(job, "cancelled", NULL, NULL);
}

/* What GetResult hands out, by the kind of job. */
static int fake_descriptor(const FakeJob *job)
{
        if (is_kind(job, "unsealed")) {
                int fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
                return write(fd, tiny_png, sizeof(tiny_png)) < 0 ? -errno : fd;
        }
        if (is_kind(job, "pipe")) {
                int fds[2];
                return pipe2(fds, O_CLOEXEC) < 0 ? -errno : fds[0];
        }
        if (is_kind(job, "text"))
                return memfd_new_sealed("text",
                                        "no picture, but long enough to be one, were it one: 0123456789",
                                        62);
        if (is_kind(job, "cut"))
                return memfd_new_sealed("cut", tiny_png, sizeof(tiny_png) - 4);
        return memfd_new_sealed("picture", tiny_png, sizeof(tiny_png));
}

static int fake_result(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        FakeJob *job = userdata;
        uint32_t index;

        int r = sd_bus_message_read(m, "u", &index);
        if (r < 0)
                return r;
        if (index >= job->pictures)
                return sd_bus_error_set(error, IMAGINE_ERROR_NOT_FINISHED, "the picture is not finished");
        _cleanup_(closep) int fd = fake_descriptor(job);
        return fd < 0 ? fd : sd_bus_reply_method_return(m, "ha{sv}", fd, 1, "seed", "t", job->seed + (job->varies ? 0 : index));
}

static const sd_bus_vtable fake_job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Cancel", "", "", fake_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("GetResult", "u", "ha{sv}", fake_result, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Id", "u", fake_get, 0, 0),
        SD_BUS_PROPERTY("State", "s", fake_get, 0, 0),
        SD_BUS_PROPERTY("Stage", "s", fake_get, 0, 0),
        SD_BUS_PROPERTY("Progress", "d", fake_get, 0, 0),
        SD_BUS_PROPERTY("Step", "u", fake_get, 0, 0),
        SD_BUS_PROPERTY("Steps", "u", fake_get, 0, 0),
        SD_BUS_PROPERTY("Count", "u", fake_get, 0, 0),
        SD_BUS_PROPERTY("Pictures", "u", fake_get, 0, 0),
        SD_BUS_PROPERTY("Seed", "t", fake_get, 0, 0),
        SD_BUS_PROPERTY("Model", "s", fake_get, 0, 0),
        SD_BUS_PROPERTY("Width", "u", fake_get, 0, 0),
        SD_BUS_PROPERTY("Height", "u", fake_get, 0, 0),
        SD_BUS_PROPERTY("Sampler", "s", fake_get, 0, 0),
        SD_BUS_PROPERTY("Guidance", "d", fake_get, 0, 0),
        SD_BUS_PROPERTY("Schedule", "s", fake_get, 0, 0),
        SD_BUS_PROPERTY("PromptTokens", "u", fake_get, 0, 0),
        SD_BUS_PROPERTY("PromptChunks", "u", fake_get, 0, 0),
        SD_BUS_PROPERTY("TruncatedTokens", "u", fake_get, 0, 0),
        SD_BUS_PROPERTY("Error", "(ss)", fake_get, 0, 0),
        SD_BUS_VTABLE_END,
};

/* Reads the options into one line, "steps=3 seed=7", and takes over those that the fake knows. */
static int fake_options(FakeService *s, FakeJob *job, sd_bus_message *m)
{
        const char *key, *type;
        FILE *f = fmemopen(s->options, sizeof(s->options), "w");

        int r = sd_bus_message_enter_container(m, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                union {
                        const char *s;
                        uint32_t u;
                        uint64_t t;
                        double d;
                        int b;
                } v;
                r = sd_bus_message_read_basic(m, 's', &key);
                if (r >= 0)
                        r = sd_bus_message_peek_type(m, NULL, &type);
                if (r >= 0)
                        r = sd_bus_message_enter_container(m, 'v', type);
                if (r >= 0)
                        r = sd_bus_message_read_basic(m, type[0], &v);
                if (r < 0)
                        break;
                (void)fprintf(f, "%s:%c=", key, type[0]);
                if (type[0] == 's')
                        (void)fprintf(f, "%s ", v.s);
                else if (type[0] == 'd')
                        (void)fprintf(f, "%g ", v.d);
                else
                        (void)fprintf(f, "%llu ",
                                      type[0] == 't' ? (unsigned long long)v.t : (unsigned long long)v.u);
                if (streq(key, "count"))
                        job->count = v.u;
                if (streq(key, "seed"))
                        job->seed = v.t;
                if (streq(key, "variation-strength"))
                        job->varies = v.d > 0;
                (void)sd_bus_message_exit_container(m);
                r = sd_bus_message_exit_container(m);
        }
        (void)fclose(f);
        return r;
}

static int fake_generate(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        FakeService *s = userdata;
        const char *prompt;

        if (s->n_jobs >= FAKE_JOBS_MAX)
                return sd_bus_error_set(error, IMAGINE_ERROR_LIMITS_EXCEEDED, "too many jobs");
        FakeJob *job = s->jobs + s->n_jobs;
        *job = (FakeJob){
                .service = s, .id = s->n_jobs + 1, .steps = 3, .count = 1, .seed = FAKE_SEED, .width = 64
        };
        int r = sd_bus_message_read(m, "s", &prompt);
        if (r >= 0)
                r = fake_options(s, job, m);
        if (r < 0)
                return r;
        (void)snprintf(job->kind, sizeof(job->kind), "%.*s", (int)strcspn(prompt, " "), prompt);
        (void)snprintf(job->owner, sizeof(job->owner), "%s", sd_bus_message_get_sender(m));
        (void)snprintf(job->path, sizeof(job->path), IMAGINE_JOB_PREFIX "/x%u", job->id);
        (void)snprintf(job->state, sizeof(job->state), "queued");
        if (is_kind(job, "echo"))
                return sd_bus_error_setf(error, IMAGINE_ERROR_INVALID_ARGS, "%s", s->options);
        if (is_kind(job, "limits"))
                return sd_bus_error_set(error, IMAGINE_ERROR_LIMITS_EXCEEDED,
                                        "you have 8 jobs in the queue, the limit is 8");
        if (is_kind(job, "mute"))
                return 1; /* never answers */
        if (is_kind(job, "long"))
                job->truncated = 12;
        s->n_jobs++;

        r = sd_bus_add_object_vtable(s->bus, NULL, job->path, IMAGINE_JOB_INTERFACE, fake_job_vtable, job);
        if (r < 0)
                return r;
        if (is_kind(job, "instant")) { /* all is over before the answer leaves */
                job->pictures = 1;
                (void)fake_finish(job, "done", NULL, NULL);
                return sd_bus_reply_method_return(m, "uo", job->id, job->path);
        }
        r = sd_bus_reply_method_return(m, "uo", job->id, job->path);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(s->event, &job->timer, CLOCK_MONOTONIC, 20000, 0, fake_tick, job);
        return r < 0 ? r : 1; /* 0 would mean that nobody has answered */
}

static int fake_list_jobs(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        FakeService *s = userdata;
        sd_bus_message *reply = NULL;

        (void)error;
        int r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(uosd)");
        for (uint32_t i = 0; r >= 0 && i < s->n_jobs; i++)
                r = sd_bus_message_append(reply, "(uosd)", s->jobs[i].id, s->jobs[i].path, s->jobs[i].state,
                                          s->jobs[i].progress);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

/* The size is known once the model was loaded. */
static int fake_list_models(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        FakeService *s = userdata;

        (void)error;
        if (!s->model[0])
                return sd_bus_reply_method_return(m, "a(sa{sv})", 1, "sprites", 4, "resident", "b", false,
                                                  "default", "b", true, "bytes", "t", (uint64_t)38000000,
                                                  "digest-state", "s", "computing");
        return sd_bus_reply_method_return(m, "a(sa{sv})", 1, "sprites", 13, "resident", "b", true, "default",
                                          "b", true, "bytes", "t", (uint64_t)38000000, "width", "u", 128,
                                          "height", "u", 128, "steps", "u", 20, "precision", "s", "bf16", "size-multiple", "u", 16,
                                          "version", "s", "0.1", "license", "s", "CC0-1.0", "digest", "s",
                                          FAKE_DIGEST, "digest-state", "s", "mismatch", "difference", "s",
                                          "unet/config.json differs \033[2J");
}

static int fake_load(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        FakeService *s = userdata;
        const char *name;

        int r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        if (streq(name, "nothing"))
                return sd_bus_error_set(error, IMAGINE_ERROR_NO_SUCH_MODEL, "there is no model 'nothing'");
        (void)snprintf(s->model, sizeof(s->model), "sprites");
        return sd_bus_reply_method_return(m, "");
}

static int fake_unload(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        FakeService *s = userdata;

        if (s->n_jobs > 0)
                return sd_bus_error_set(error, IMAGINE_ERROR_BUSY, "a job is at work");
        s->model[0] = '\0';
        return sd_bus_reply_method_return(m, "");
}

static int fake_watch(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        FakeService *s = userdata;
        const char *path;

        (void)error;
        int r = sd_bus_message_read(m, "o", &path);
        for (uint32_t i = 0; i < s->n_jobs; i++)
                if (streq(s->jobs[i].path, path))
                        (void)snprintf(s->jobs[i].owner, sizeof(s->jobs[i].owner), "%s",
                                       sd_bus_message_get_sender(m));
        return r < 0 ? r : sd_bus_reply_method_return(m, "");
}

static int fake_describe(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void)userdata, (void)error;
        return sd_bus_reply_method_return(m, "s", "{\"version\": \"0\", \"state\": \"ready\"}");
}

static int fake_manager_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                            sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
        FakeService *s = userdata;

        (void)bus, (void)path, (void)interface, (void)error;
        return sd_bus_message_append(reply, "s",
                                     streq(property, "Version") ? "0.0"
                                     : streq(property, "State") ? (s->model[0] ? "ready" : "unloaded")
                                                                : s->model);
}

static const sd_bus_vtable fake_manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Generate", "sa{sv}", "uo", fake_generate, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Watch", "o", "", fake_watch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListJobs", "", "a(uosd)", fake_list_jobs, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListModels", "", "a(sa{sv})", fake_list_models, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("LoadModel", "s", "", fake_load, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("UnloadModel", "", "", fake_unload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Describe", "", "s", fake_describe, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", fake_manager_get, 0, 0),
        SD_BUS_PROPERTY("State", "s", fake_manager_get, 0, 0),
        SD_BUS_PROPERTY("ResidentModel", "s", fake_manager_get, 0, 0),
        SD_BUS_VTABLE_END,
};

static int fake_connect(const char *address, sd_bus **ret)
{
        int r = sd_bus_new(ret);
        if (r >= 0)
                r = sd_bus_set_address(*ret, address);
        if (r >= 0)
                r = sd_bus_set_bus_client(*ret, true);
        if (r >= 0)
                r = sd_bus_start(*ret);
        return r;
}

/* Runs until it is killed; writes a byte to ready when it has the name. */
static int fake_run(const char *address, int ready)
{
        static FakeService s; /* the process is nothing else */

        int r = fake_connect(address, &s.bus);
        if (r >= 0)
                r = fake_connect(address, &s.stranger);
        if (r >= 0)
                r = sd_event_new(&s.event);
        if (r >= 0)
                r = sd_bus_add_object_vtable(s.bus, NULL, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE,
                                             fake_manager_vtable, &s);
        if (r >= 0)
                r = sd_bus_request_name(s.bus, IMAGINE_BUS_NAME, 0);
        if (r >= 0)
                r = sd_bus_attach_event(s.bus, s.event, 0);
        if (r >= 0)
                r = sd_bus_attach_event(s.stranger, s.event, 0);
        if (r < 0 || write(ready, "", 1) != 1)
                return 1;
        return sd_event_loop(s.event) < 0;
}

/* Starts it on the bus, as a child. */
static pid_t fake_start(const Bus *bus)
{
        pid_t parent = getpid();
        int ready[2];
        char byte;

        assert_return_code(pipe2(ready, O_CLOEXEC), errno);
        pid_t pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                die_with_parent(parent);
                _exit(fake_run(bus->address, ready[1]));
        }
        (void)close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void)close(ready[0]);
        return pid;
}
