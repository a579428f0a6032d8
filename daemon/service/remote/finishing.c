/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "net/protocol.h"
#include "service/picture.h"
#include "service/remote/finishing.h"
#include "workers/sandbox.h"
#include "workers/worker.h"

#define SECONDS_MAX (UINT64_C(6) * SANDBOX_DECODE_SECONDS) /* of the clock on the wall */

struct Finishing {
        Worker *worker; /* NULL: has ended */
        uint64_t serial;
        ForeignInfo info;
        PictureFormat format; /* that is expected */
        bool is_over;
        Message made; /* then, with fd; or the error */
        int fd;
        Error error;
        sd_event_source *defer; /* tells it, when the worker is not in the middle of a message any more */
        finished_t done;
        void *userdata;
};

Finishing *finishing_free(Finishing *finishing)
{
        if (!finishing)
                return NULL;
        sd_event_source_disable_unref(finishing->defer);
        worker_free(finishing->worker);
        closep(&finishing->fd);
        free(finishing);
        return NULL;
}

static int on_over(sd_event_source *source, void *userdata)
{
        Finishing *finishing = userdata;
        (void)source;

        if (finishing->error.code < 0)
                finishing->done(NULL, -1, &finishing->error, finishing->userdata);
        else
                finishing->done(&finishing->made, TAKE_FD(finishing->fd), NULL, finishing->userdata);
        return 0;
}

static void end(Finishing *finishing)
{
        finishing->is_over = true;
        worker_stop(finishing->worker);
        (void)sd_event_source_set_enabled(finishing->defer, SD_EVENT_ONESHOT);
}

/* Whose picture is broken, if it is: the caller's, or that of the server. */
static const char *name_of(const Finishing *finishing)
{
        return finishing->info.use == FOREIGN_SOURCE ? "init-image" : "What the server sent";
}

static int fault_of(const Finishing *finishing)
{
        return finishing->info.use == FOREIGN_SOURCE ? -EINVAL : NET_BAD_ANSWER;
}

/* What was asked for, and nothing else. */
static bool is_expected(const Finishing *finishing, const Message *m, int fd)
{
        if (m->type == MESSAGE_PREVIEW_IS)
                return finishing->info.use == FOREIGN_PREVIEW && picture_check(fd, FORMAT_PNG, m->preview.width, m->preview.height) >= 0;
        return m->type == MESSAGE_PICTURE && finishing->info.use != FOREIGN_PREVIEW && m->picture.picture == finishing->info.picture &&
               m->picture.seed == finishing->info.seed &&
               picture_check(fd, finishing->format, m->picture.width, m->picture.height) >= 0;
}

static void on_message(Worker *worker, const Message *message, int fd, void *userdata)
{
        Finishing *finishing = userdata;
        _cleanup_(closep) int owned = fd;

        if (finishing->is_over)
                return;
        if (message->type == MESSAGE_FAILED && message->job == finishing->serial) {
                (void)error_set(&finishing->error, message->failed.code == -ENOMEM ? -ENOMEM : fault_of(finishing), "%s: %s",
                                name_of(finishing), message->failed.text);
                end(finishing);
        } else if (message->job == finishing->serial && is_expected(finishing, message, fd)) {
                finishing->made = *message;
                finishing->fd = TAKE_FD(owned);
                end(finishing);
        } else {
                worker_kill(worker, WORKER_DISTRUSTED);
        }
}

static void on_ended(Worker *worker, WorkerEnd why, const Error *cause, void *userdata)
{
        Finishing *finishing = userdata;

        finishing->worker = worker_free(worker);
        if (finishing->is_over)
                return;
        finishing->is_over = true;
        finishing->error = *cause;
        if (why == WORKER_HUNG || why == WORKER_OUT_OF_TIME)
                (void)error_set(&finishing->error, fault_of(finishing), "%s: decoding it takes too long", name_of(finishing));
        else
                (void)error_prefix(&finishing->error, "%s", name_of(finishing));
        (void)on_over(NULL, finishing);
}

static void tell(Worker *worker, const FinishingOrder *order, int fd)
{
        Message m = { .version = PROTOCOL_VERSION, .type = MESSAGE_GENERATE, .job = order->serial };

        m.generate = *order->request;
        worker_send(worker, &m, -1);
        m.type = MESSAGE_PROVENANCE;
        m.provenance = *order->provenance;
        worker_send(worker, &m, -1);
        m.type = MESSAGE_FOREIGN;
        m.foreign = order->info;
        worker_send(worker, &m, fd);
}

int finishing_new(
                Finishing **ret, sd_event *event, const Config *config, const FinishingOrder *order, int fd, finished_t done,
                void *userdata, Error *error)
{
        static const WorkerHandlers handlers = { .message = on_message, .ended = on_ended };
        const WorkerSpec spec = {
                .program = config->worker,
                .task = WORKER_DECODES,
                .threads = 1,
                .load_seconds = MIN(config->load_seconds, SECONDS_MAX), /* it never says that it is ready */
                .ping_seconds = config->worker_ping_seconds,
        };
        _cleanup_(finishing_freep) Finishing *finishing = calloc(1, sizeof(Finishing));
        if (!finishing)
                return error_set(error, -ENOMEM, "Out of memory");

        *finishing = (Finishing) {
                .serial = order->serial, .info = order->info, .fd = -1, .done = done, .userdata = userdata,
                .format = order->info.use == FOREIGN_RESULT ? (PictureFormat)order->request->format : FORMAT_PNG,
        };
        int r = sd_event_add_defer(event, &finishing->defer, on_over, finishing);
        if (r >= 0)
                r = sd_event_source_set_enabled(finishing->defer, SD_EVENT_OFF);
        if (r < 0)
                return error_set(error, r, "Pictures cannot be finished: %s", strerror(-r));
        r = worker_new(&finishing->worker, event, &spec, &handlers, finishing, error);
        if (r < 0)
                return r;
        tell(finishing->worker, order, fd);
        *ret = TAKE_PTR(finishing);
        return 0;
}
