/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/memfd.h"
#include "base/util.h"
#include "service/intake.h"
#include "workers/copy.h"

#define CALLS_PER_USER 4 /* that may wait for copies */
#define CALLS_TOTAL 8

typedef struct Waiting {
        Intake *intake;
        sd_bus_message *call; /* NULL: answered, or its caller has left; counted until its copies have ended */
        uid_t uid;
        JobInput inputs[INPUT_MAX];
        Child *copies[INPUT_MAX];
        struct Waiting *next;
} Waiting;

struct Intake {
        sd_event *event;
        intake_ready_t ready;
        void *userdata;
        Waiting *first;
};

void inputs_close(JobInput inputs[INPUT_MAX])
{
        for (size_t i = 0; i < INPUT_MAX; i++) {
                closep(&inputs[i].fd);
                inputs[i].fd = -1;
        }
}

static Waiting *waiting_free(Waiting *waiting)
{
        for (size_t i = 0; i < INPUT_MAX; i++)
                child_free(waiting->copies[i]);
        inputs_close(waiting->inputs);
        sd_bus_message_unref(waiting->call);
        free(waiting);
        return NULL;
}

int intake_new(Intake **ret, sd_event *event, intake_ready_t ready, void *userdata)
{
        Intake *intake = calloc(1, sizeof(Intake));
        if (!intake)
                return -ENOMEM;
        intake->event = sd_event_ref(event);
        intake->ready = ready;
        intake->userdata = userdata;
        *ret = intake;
        return 0;
}

Intake *intake_free(Intake *intake)
{
        if (!intake)
                return NULL;
        while (intake->first) {
                Waiting *waiting = intake->first;
                intake->first = waiting->next;
                (void)waiting_free(waiting);
        }
        sd_event_unref(intake->event);
        free(intake);
        return NULL;
}

static int describe(int code, Input input, Error *error)
{
        const char *field = input_to_string(input);

        switch (code) {
        case -EFBIG:
                return error_set(error, -EINVAL, "%s: more than %u MiB", field, INPUT_BYTES_MAX >> 20);
        case -ENODATA:
                return error_set(error, -EINVAL, "%s: an empty file", field);
        case -EISDIR:
                return error_set(error, -EINVAL, "%s: a directory; it must be a file or a memfd", field);
        case -ENOTSUP:
                return error_set(error, -EINVAL, "%s: neither a file nor a memfd", field);
        case -ETIME:
                return error_set(error, -EINVAL, "%s: reading it takes too long", field);
        case -ENOMEM:
                return error_set(error, -ENOMEM, "%s: out of memory", field);
        case -EMFILE:
        case -ENFILE:
                return error_set(error, code, "%s: no file descriptor is left; try again later", field);
        default:
                return error_set(error, -EINVAL, "%s: cannot be read: %s", field, strerror(-code));
        }
}

/* 1: it is sealed, and *ret a duplicate; 0: it must be copied. No file system is asked anything here but that of memfds. */
static int take_one(int fd, JobInput *ret)
{
        int flags = fcntl(fd, F_GETFL);
        size_t size = 0;

        if (flags < 0)
                return -errno;
        if (flags & O_PATH)
                return -EBADF;
        if ((flags & O_ACCMODE) == O_WRONLY)
                return -EACCES;
        int r = memfd_check_sealed(fd, INPUT_BYTES_MAX, &size);
        if (r == -EBADF)
                return 0;
        if (r < 0)
                return r;
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
                return -errno;
        *ret = (JobInput) { .fd = copy, .size = size };
        return 1;
}

static void unlink_waiting(Waiting *waiting)
{
        Waiting **p = &waiting->intake->first;

        while (*p != waiting)
                p = &(*p)->next;
        *p = waiting->next;
}

/* Nobody waits for its copies any more. */
static void abandon(Waiting *waiting)
{
        waiting->call = sd_bus_message_unref(waiting->call);
        for (size_t i = 0; i < INPUT_MAX; i++)
                if (waiting->copies[i])
                        child_cancel(waiting->copies[i]);
}

static void on_copied(Child *copy, int result, void *userdata)
{
        Waiting *waiting = userdata;
        Intake *intake = waiting->intake;
        Error error = {};
        bool more = false;

        for (size_t i = 0; i < INPUT_MAX; i++) {
                size_t size = 0;
                if (waiting->copies[i] != copy) {
                        more = more || waiting->copies[i];
                        continue;
                }
                waiting->copies[i] = child_free(copy);
                if (result >= 0 && memfd_check_sealed(result, INPUT_BYTES_MAX, &size) >= 0)
                        waiting->inputs[i] = (JobInput) { .fd = result, .size = size };
                else
                        (void)describe(result, (Input)i, &error);
        }
        if (waiting->call && (!more || error.code < 0)) {
                intake->ready(waiting->call, waiting->inputs, error.code < 0 ? &error : NULL, intake->userdata);
                abandon(waiting);
        }
        if (more)
                return;
        unlink_waiting(waiting);
        (void)waiting_free(waiting);
}

static int check_limits(const Intake *intake, uid_t uid, Error *error)
{
        unsigned of_user = 0, total = 0;

        for (const Waiting *w = intake->first; w; w = w->next) {
                of_user += w->uid == uid;
                total++;
        }
        if (of_user >= CALLS_PER_USER || total >= CALLS_TOTAL)
                return error_set(error, -EDQUOT, "Too many calls wait for their pictures to be read; try again later");
        return 0;
}

/* What is not sealed is copied. */
static int begin_copies(Waiting *waiting, const int fds[INPUT_MAX], Error *error)
{
        int r = check_limits(waiting->intake, waiting->uid, error);

        for (size_t i = 0; i < INPUT_MAX && r >= 0; i++)
                if (fds[i] >= 0 && waiting->inputs[i].fd < 0)
                        r = copy_new(
                                        &waiting->copies[i], waiting->intake->event, fds[i], INPUT_BYTES_MAX, on_copied,
                                        waiting, error);
        return r;
}

int intake_take(
                Intake *intake, sd_bus_message *call, uid_t uid, const int fds[INPUT_MAX], JobInput ret[INPUT_MAX],
                Error *error)
{
        Waiting *waiting = calloc(1, sizeof(Waiting));
        bool all = true;
        int r = 0;

        if (!waiting)
                return -ENOMEM;
        *waiting = (Waiting) { .intake = intake, .call = sd_bus_message_ref(call), .uid = uid };
        for (size_t i = 0; i < INPUT_MAX; i++)
                waiting->inputs[i].fd = -1;
        for (size_t i = 0; i < INPUT_MAX && r >= 0; i++) {
                r = fds[i] >= 0 ? take_one(fds[i], &waiting->inputs[i]) : 1;
                all = all && r > 0;
                if (r < 0)
                        (void)describe(r, (Input)i, error);
        }
        if (r >= 0 && !all)
                r = begin_copies(waiting, fds, error);
        if (r >= 0 && !all) {
                waiting->next = intake->first;
                intake->first = waiting;
                return 0;
        }
        if (r >= 0) {
                memcpy(ret, waiting->inputs, sizeof(waiting->inputs));
                for (size_t i = 0; i < INPUT_MAX; i++)
                        waiting->inputs[i].fd = -1;
        }
        (void)waiting_free(waiting);
        return r < 0 ? r : 1;
}

void intake_forget_connection(Intake *intake, const char *name)
{
        for (Waiting *waiting = intake->first; waiting; waiting = waiting->next)
                if (waiting->call && streq(sd_bus_message_get_sender(waiting->call), name))
                        abandon(waiting);
}
