/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "base/memfd.h"
#include "base/util.h"
#include "dbus/names.h"
#include "service/enhance/get-prompt.h"
#include "service/errors.h"
#include "service/job.h"
#include "service/remote/provenance-message.h"

int job_object_new(Service *service, Job *job, const char *caller)
{
        JobObject *object = calloc(1, sizeof(JobObject));
        if (!object)
                return -ENOMEM;

        object->service = service;
        object->job = job;
        object->preview_fd = -1;
        object->caller = strdup(caller);
        if (!object->caller) {
                free(object);
                return -ENOMEM;
        }
        job->userdata = object;
        return 0;
}

JobObject *job_object_free(JobObject *object)
{
        if (!object)
                return NULL;
        job_object_end_previews(object);
        sd_event_source_disable_unref(object->timer);
        free(object->caller);
        free(object);
        return NULL;
}

void job_object_path(const Job *job, char ret[static JOB_PATH_MAX])
{
        (void)snprintf(ret, JOB_PATH_MAX, IMAGINE_JOB_PREFIX "/%" PRIu32 "_%" PRIu32, job->uid, job->id);
}

/* A number without sign or leading zeros, up to 2^32 - 1. */
static bool parse_number(const char **text, uint32_t *ret)
{
        const char *p = *text;
        uint32_t value = 0;

        if (*p == '0' && p[1] >= '0' && p[1] <= '9')
                return false;
        for (; *p >= '0' && *p <= '9'; p++)
                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, (uint32_t)(*p - '0'), &value))
                        return false;
        if (p == *text)
                return false;
        *text = p;
        *ret = value;
        return true;
}

Job *job_object_find(const Service *service, const char *path, uid_t uid)
{
        const size_t n = strlen(IMAGINE_JOB_PREFIX "/");
        uint32_t owner, id;

        if (strncmp(path, IMAGINE_JOB_PREFIX "/", n) != 0)
                return NULL;
        const char *p = path + n;
        if (!parse_number(&p, &owner) || *p++ != '_' || !parse_number(&p, &id) || *p != '\0')
                return NULL;
        return owner == uid ? queue_find(service->queue, uid, id) : NULL;
}

static int on_cancel(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Job *job = userdata;
        JobObject *object = job_object(job);
        (void)error;

        /* The answer comes before the signals. */
        int r = sd_bus_reply_method_return(call, NULL);
        runner_cancel(object->service->runner, job);
        return r;
}

static int on_release(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Job *job = userdata;
        JobObject *object = job_object(job);
        (void)error;

        int r = sd_bus_reply_method_return(call, NULL);
        service_remove_job(object->service, job);
        return r;
}

static int on_get_preview(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Job *job = userdata;
        return job_object_get_preview(job_object(job), call, error);
}

static int reply_picture(const Job *job, sd_bus_message *call, const Picture *picture, sd_bus_error *error)
{
        Handouts *handouts = job_object(job)->service->handouts;

        if (!handouts_have_room(handouts, job->uid)) {
                int r = handouts_wait(handouts, call, job->uid);
                return r < 0 ? error_to_bus_code(error, r, "Too many pictures were sent and have not been read (descriptors_per_user, descriptors_total)") : 1;
        }
        _cleanup_(closep) int fd = memfd_reopen(picture->fd);
        if (fd < 0)
                return error_to_bus_code(error, fd, NULL);
        int r = job->policy.writes || job->policy.dry
                        ? sd_bus_reply_method_return(
                                  call, "ha{sv}", fd, 3, "seed", "t", picture->seed, "bytes", "t", picture->size, "mime", "s",
                                  job->policy.dry ? "text/plain" : "application/json")
                        : sd_bus_reply_method_return(
                                  call, "ha{sv}", fd, 9, "seed", "t", picture->seed, "width", "u", picture->width, "height",
                                  "u", picture->height, "bytes", "t", picture->size, "mime", "s", format_mime(job->format),
                                  "pixels", "s", picture->pixels, "record", "s", picture->record, "tokenizer", "s",
                                  picture->tokenizer, "precision", "s",
                                  picture->precision != PRECISION_AUTO ? precision_to_string((Precision)picture->precision) : "");
        if (r >= 0)
                handouts_sent(handouts, sd_bus_message_get_sender(call), job->uid);
        return r;
}

/* Why there is no result of that number. */
static int no_result(const Job *job, uint32_t index, sd_bus_error *error)
{
        if (index >= job->count) {
                Error e;
                (void)error_set(&e, -EINVAL, "index: the job has results 0 to %u", job->count - 1);
                return error_to_bus(error, &e);
        }
        if (job->state == JOB_FAILED)
                return error_to_bus(error, &job->error);
        return error_to_bus_code(error, job->state == JOB_CANCELLED ? -ECANCELED : -ENODATA, NULL);
}

static int on_get_result(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        Job *job = userdata;
        uint32_t index;

        int r = sd_bus_message_read(call, "u", &index);
        if (r < 0)
                return r;
        if (index >= job->n_pictures)
                return no_result(job, index, error);
        if (job->pictures[index].fd < 0)
                return error_to_bus_code(error, -ESTALE, NULL);
        return reply_picture(job, call, &job->pictures[index], error);
}

static int on_get_prompt(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const Job *job = userdata;
        uint32_t index;

        int r = sd_bus_message_read(call, "u", &index);
        if (r < 0)
                return r;
        if (!job->policy.writes)
                return error_to_bus_code(error, -EINVAL, "The job makes pictures, not prompts");
        if (index >= job->n_pictures)
                return no_result(job, index, error);
        if (job->pictures[index].fd < 0)
                return error_to_bus_code(error, -ESTALE, NULL);
        r = get_prompt_reply(call, &job->pictures[index]);
        return r < 0 ? error_to_bus_code(error, r, NULL) : r;
}

void job_objects_retry_get_result(sd_bus_message *call, void *userdata)
{
        const Service *service = userdata;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        uid_t uid;

        int r = callers_uid(service->callers, call, &uid);
        if (r < 0)
                return;
        Job *job = job_object_find(service, sd_bus_message_get_path(call), uid);
        if (!job)
                r = sd_bus_error_set(&error, SD_BUS_ERROR_UNKNOWN_OBJECT, "The job was released");
        else
                r = sd_bus_message_rewind(call, true) < 0 ? -EIO : on_get_result(call, job, &error);
        if (r < 0 || sd_bus_error_is_set(&error))
                (void)sd_bus_reply_method_errno(call, r, &error);
        sd_bus_error_free(&error);
}

static int get_property(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error)
{
        const Job *job = userdata;
        const Service *service = job_object(job)->service;
        Snapshot now;
        (void)bus, (void)path, (void)interface, (void)error;

        const Pace *pace = streq(property, "ExpectedEnd") ? runner_pace(service->runner) : NULL;
        snapshot_take(&now, job, service->queue, pace);
        return snapshot_append_property(&now, property, reply);
}

static int get_error(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error)
{
        const Job *job = userdata;
        bool failed = job->state == JOB_FAILED;
        (void)bus, (void)path, (void)interface, (void)property, (void)error;

        return sd_bus_message_append(
                        reply, "(ss)", failed ? error_bus_name(job->error.code) : "", failed ? job->error.text : "");
}

static int get_provenance(
                sd_bus *bus, const char *path, const char *interface, const char *property, sd_bus_message *reply,
                void *userdata, sd_bus_error *error)
{
        const Job *job = userdata;
        (void)bus, (void)path, (void)interface, (void)property, (void)error;

        return provenance_append(job->provenance, reply);
}

#define CONSTANT(name, type) SD_BUS_PROPERTY(name, type, get_property, 0, SD_BUS_VTABLE_PROPERTY_CONST)
#define CHANGING(name, type) SD_BUS_PROPERTY(name, type, get_property, 0, 0)

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "GetPreview", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", png, "a{sv}", info), on_get_preview,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "GetResult", SD_BUS_ARGS("u", index), SD_BUS_RESULT("h", png, "a{sv}", info), on_get_result,
                        SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS(
                        "GetPrompt", SD_BUS_ARGS("u", index), SD_BUS_RESULT("s", prompt, "a{sv}", details), on_get_prompt,
                        SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("Release", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, on_release, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL_WITH_ARGS("Updated", SD_BUS_ARGS("a{sv}", changed), 0),
        SD_BUS_SIGNAL_WITH_ARGS("PreviewReady", SD_BUS_ARGS("u", step), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Finished", SD_BUS_ARGS("s", state, "a{sv}", result), 0),
        CONSTANT("Id", "u"),
        CONSTANT("Kind", "s"),
        CHANGING("State", "s"),
        CHANGING("Stage", "s"),
        CHANGING("Progress", "d"),
        CHANGING("Step", "u"),
        CHANGING("Steps", "u"),
        CHANGING("ScheduleSteps", "u"),
        CONSTANT("Count", "u"),
        CHANGING("Pictures", "u"),
        CHANGING("QueuePosition", "u"),
        CHANGING("ExpectedEnd", "t"),
        CONSTANT("Created", "t"),
        CHANGING("Expires", "t"),
        CONSTANT("Detached", "b"),
        CONSTANT("Priority", "s"),
        CONSTANT("Seed", "t"),
        CHANGING("Model", "s"),
        CHANGING("Provider", "s"),
        SD_BUS_PROPERTY("Provenance", "a{sv}", get_provenance, 0, 0),
        CHANGING("Width", "u"),
        CHANGING("Height", "u"),
        CHANGING("Sampler", "s"),
        CHANGING("Schedule", "s"),
        CHANGING("Guidance", "d"),
        CHANGING("PromptTokens", "u"),
        CHANGING("PromptChunks", "u"),
        CHANGING("TruncatedTokens", "u"),
        SD_BUS_PROPERTY("Error", "(ss)", get_error, 0, 0),
        SD_BUS_VTABLE_END,
};

/* Who is looking: 0 is the service itself, when no message is being handled. */
static int looker(Service *service, sd_bus *bus, uid_t *ret)
{
        sd_bus_message *message = sd_bus_get_current_message(bus);
        if (!message)
                return 0;
        int r = callers_uid(service->callers, message, ret);
        return r < 0 ? r : 1;
}

/* Others than the job's user are told that there is no such object. */
static int find_object(
                sd_bus *bus, const char *path, const char *interface, void *userdata, void **ret_found,
                sd_bus_error *error)
{
        Service *service = userdata;
        uid_t uid;
        (void)interface, (void)error;

        if (looker(service, bus, &uid) <= 0)
                return 0;
        Job *job = job_object_find(service, path, uid);
        if (!job)
                return 0;
        *ret_found = job;
        return 1;
}

static void strings_free(char **strings)
{
        for (char **p = strings; p && *p; p++)
                free(*p);
        free(strings);
}

static int list_objects(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes, sd_bus_error *error)
{
        Service *service = userdata;
        uid_t uid;
        size_t n = 0;
        (void)prefix, (void)error;

        if (looker(service, bus, &uid) <= 0)
                return 0;
        for (const Job *job = queue_first(service->queue); job; job = job->next)
                n += job->uid == uid;

        char **nodes = calloc(n + 1, sizeof(char *));
        if (!nodes)
                return -ENOMEM;
        n = 0;
        for (const Job *job = queue_first(service->queue); job; job = job->next) {
                char path[JOB_PATH_MAX];
                if (job->uid != uid)
                        continue;
                job_object_path(job, path);
                nodes[n] = strdup(path);
                if (!nodes[n++]) {
                        strings_free(nodes);
                        return -ENOMEM;
                }
        }
        *ret_nodes = nodes;
        return 0;
}

int job_objects_publish(Service *service)
{
        int r = sd_bus_add_fallback_vtable(
                        service->bus, &service->slots[1], IMAGINE_JOB_PREFIX, IMAGINE_JOB_INTERFACE, job_vtable,
                        find_object, service);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(service->bus, &service->slots[2], IMAGINE_JOB_PREFIX, list_objects, service);
}
