/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"
#include "base/memfd.h"
#include "base/util.h"
#include "engine/engine.h"
#include "engine/image/png.h"
#include "engine/worker.h"
#include "workers/protocol.h"

#define PROGRESS_INTERVAL 0.05 /* seconds between two messages of the same stage */

typedef struct Worker {
        int socket;
        const char *model_dir;
        unsigned threads;

        pthread_mutex_t lock; /* guards all that follows up to the blank line */
        pthread_cond_t wake;
        Engine *engine; /* NULL until the model is loaded */
        uint64_t job; /* the one that is waiting or running; 0: none */
        Request request;
        bool cancelled, preview_wanted; /* asked for, for that job */
        bool quit;
        int result;

        /* The painting thread's own. */
        Resolved resolved;
        uint32_t picture;
        Stage stage;
        double fraction, sent_at;
} Worker;

static double now(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Errors are no news: when the other side is gone, the listening thread learns it too. */
static void send_message(const Worker *w, const Message *message, int fd)
{
        int r = protocol_send(w->socket, message, fd);
        if (r < 0 && r != -EPIPE)
                log_warning_errno(r, "Cannot send a message");
}

static Message new_message(MessageType type, uint64_t job)
{
        return (Message) { .version = PROTOCOL_VERSION, .type = type, .job = job };
}

static void send_failure(const Worker *w, uint64_t job, int code, const char *text)
{
        Message m = new_message(MESSAGE_FAILED, job);

        m.failed.code = code;
        (void)snprintf(m.failed.text, sizeof(m.failed.text), "%s", text);
        send_message(w, &m, -1);
}

static void send_ready(const Worker *w)
{
        const ModelInfo *info = engine_info(w->engine);
        Message m = new_message(MESSAGE_READY, 0);

        m.ready = (ModelReady) {
                .width = info->width,
                .height = info->height,
                .size_multiple = info->size_multiple,
                .steps = info->steps,
                .sampler = info->sampler,
                .guidance = info->guidance,
                .parameters = info->parameters,
        };
        memcpy(m.ready.name, info->name, sizeof(m.ready.name));
        memcpy(m.ready.version, info->version, sizeof(m.ready.version));
        memcpy(m.ready.license, info->license, sizeof(m.ready.license));
        send_message(w, &m, -1);
}

static bool is_cancelled(Worker *w)
{
        (void)pthread_mutex_lock(&w->lock);
        bool cancelled = w->cancelled;
        (void)pthread_mutex_unlock(&w->lock);
        return cancelled;
}

static void on_progress(void *userdata, Stage stage, uint32_t step, uint32_t steps, double fraction)
{
        Worker *w = userdata;

        /* One that came just before engine_generate began would be lost otherwise. */
        if (is_cancelled(w))
                engine_cancel(w->engine);

        w->fraction = MAX(w->fraction, MIN((w->picture + fraction) / w->request.count, 1.0));
        if (stage == w->stage && step > 0 && now() - w->sent_at < PROGRESS_INTERVAL)
                return;
        w->stage = stage;
        w->sent_at = now();

        Message m = new_message(MESSAGE_PROGRESS, w->job);
        m.progress = (Progress) {
                .picture = w->picture,
                .stage = stage,
                .step = step,
                .steps = steps,
                .fraction = w->fraction,
        };
        send_message(w, &m, -1);
}

static bool on_preview_wanted(void *userdata, uint32_t step)
{
        Worker *w = userdata;

        (void)pthread_mutex_lock(&w->lock);
        bool wanted = w->preview_wanted;
        w->preview_wanted = false;
        (void)pthread_mutex_unlock(&w->lock);

        return wanted || (w->request.preview_every > 0 && step % w->request.preview_every == 0 &&
                          step < w->resolved.steps);
}

static void on_preview(void *userdata, uint32_t step, const Picture *picture)
{
        Worker *w = userdata;
        _cleanup_(freep) void *data = NULL;
        size_t size;

        if (picture_to_png(picture, NULL, &data, &size, NULL) < 0)
                return;
        _cleanup_(closep) int fd = memfd_new_sealed("preview", data, size);
        if (fd < 0)
                return;

        Message m = new_message(MESSAGE_PREVIEW_IS, w->job);
        m.preview = (PreviewInfo) {
                .picture = w->picture,
                .step = step,
                .width = picture->width,
                .height = picture->height,
        };
        send_message(w, &m, fd);
}

static int send_picture(Worker *w, const Picture *picture, Error *error)
{
        _cleanup_(freep) void *data = NULL;
        size_t size;
        int r = engine_encode_png(w->engine, picture, &w->request, &w->resolved, w->picture, &data, &size,
                                  error);
        if (r < 0)
                return r;
        _cleanup_(closep) int fd = memfd_new_sealed("picture", data, size);
        if (fd < 0)
                return error_set(error, fd, "cannot store the picture: %s", strerror(-fd));

        Message m = new_message(MESSAGE_PICTURE, w->job);
        m.picture = (PictureInfo) {
                .picture = w->picture,
                .width = picture->width,
                .height = picture->height,
                .seed = w->request.seed + w->picture,
        };
        send_message(w, &m, fd);
        return 0;
}

static int make_pictures(Worker *w, Error *error)
{
        const EngineEvents events = {
                .userdata = w,
                .progress = on_progress,
                .preview_wanted = on_preview_wanted,
                .preview = on_preview,
        };

        int r = engine_resolve(w->engine, &w->request, &w->resolved, error);
        if (r < 0)
                return r;
        Message m = new_message(MESSAGE_STARTED, w->job);
        m.started = w->resolved;
        send_message(w, &m, -1);

        w->fraction = 0;
        for (w->picture = 0; w->picture < w->request.count; w->picture++) {
                _cleanup_(picture_done) Picture picture = {};

                if (is_cancelled(w))
                        return error_set(error, -ECANCELED, "cancelled");
                w->stage = STAGE_MAX;
                r = engine_generate(w->engine, &w->request, w->picture, &events, &picture, error);
                if (r >= 0)
                        r = send_picture(w, &picture, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void run_job(Worker *w)
{
        Error error = {};
        int r = make_pictures(w, &error);
        uint64_t job = w->job;

        /* Idle before it says so, or the next job might find it busy. */
        (void)pthread_mutex_lock(&w->lock);
        w->job = 0;
        w->cancelled = w->preview_wanted = false;
        (void)pthread_mutex_unlock(&w->lock);

        Message done = new_message(MESSAGE_DONE, job);
        if (r < 0)
                send_failure(w, job, r, error.text);
        else
                send_message(w, &done, -1);
}

/* Returns false when there is nothing more to do. */
static bool wait_for_job(Worker *w)
{
        (void)pthread_mutex_lock(&w->lock);
        while (w->job == 0 && !w->quit)
                (void)pthread_cond_wait(&w->wake, &w->lock);
        bool quit = w->quit;
        (void)pthread_mutex_unlock(&w->lock);
        return !quit;
}

static int load_engine(Worker *w)
{
        Engine *engine = NULL;
        Error error = {};

        int r = engine_new(&engine, w->model_dir, w->threads, &error);
        if (r < 0) {
                log_error("Cannot load the model: %s", error.text);
                send_failure(w, 0, r, error.text);
                return r;
        }
        (void)pthread_mutex_lock(&w->lock);
        w->engine = engine;
        (void)pthread_mutex_unlock(&w->lock);
        send_ready(w);
        return 0;
}

static void *paint(void *userdata)
{
        Worker *w = userdata;

        int r = load_engine(w);
        if (r < 0) {
                (void)pthread_mutex_lock(&w->lock);
                w->result = r;
                (void)pthread_mutex_unlock(&w->lock);
                (void)shutdown(w->socket, SHUT_RD); /* ends the listening thread */
                return NULL;
        }
        while (wait_for_job(w))
                run_job(w);
        return NULL;
}

static void handle_generate(Worker *w, const Message *m)
{
        (void)pthread_mutex_lock(&w->lock);
        bool busy = w->job != 0;
        if (!busy) {
                w->request = m->generate;
                w->job = m->job;
                (void)pthread_cond_signal(&w->wake);
        }
        (void)pthread_mutex_unlock(&w->lock);

        if (busy)
                send_failure(w, m->job, -EBUSY, "the worker is busy with another job");
}

static void handle_cancel(Worker *w, const Message *m)
{
        (void)pthread_mutex_lock(&w->lock);
        if (w->job == m->job) {
                w->cancelled = true;
                if (w->engine)
                        engine_cancel(w->engine);
        }
        (void)pthread_mutex_unlock(&w->lock);
}

static int handle_message(Worker *w, const Message *m)
{
        Message pong;

        switch (m->type) {
        case MESSAGE_GENERATE:
                handle_generate(w, m);
                return 0;
        case MESSAGE_CANCEL:
                handle_cancel(w, m);
                return 0;
        case MESSAGE_PREVIEW:
                (void)pthread_mutex_lock(&w->lock);
                w->preview_wanted = w->preview_wanted || w->job == m->job;
                (void)pthread_mutex_unlock(&w->lock);
                return 0;
        case MESSAGE_PING:
                pong = new_message(MESSAGE_PONG, 0);
                pong.ping = m->ping;
                send_message(w, &pong, -1);
                return 0;
        default:
                return -EBADMSG;
        }
}

/* Until the end of the socket. */
static int listen_for_messages(Worker *w)
{
        for (;;) {
                _cleanup_(closep) int fd = -1;
                Message m;
                int r = protocol_receive(w->socket, &m, &fd);

                if (r > 0)
                        r = handle_message(w, &m) < 0 ? -EBADMSG : 1;
                if (r < 0)
                        return log_error_errno(r, "The service broke the protocol");
                if (r == 0)
                        return 0;
        }
}

static void stop_painting(Worker *w, pthread_t thread)
{
        (void)pthread_mutex_lock(&w->lock);
        w->quit = w->cancelled = true;
        if (w->engine)
                engine_cancel(w->engine);
        (void)pthread_cond_signal(&w->wake);
        (void)pthread_mutex_unlock(&w->lock);

        (void)shutdown(w->socket, SHUT_RDWR); /* whatever it still wants to say */
        (void)pthread_join(thread, NULL);
}

int worker_run(int socket, const char *model_dir, unsigned threads)
{
        Worker *w = calloc(1, sizeof(*w)); /* too large for a stack */
        if (!w)
                return -ENOMEM;
        w->socket = socket;
        w->model_dir = model_dir;
        w->threads = threads;
        (void)pthread_mutex_init(&w->lock, NULL);
        (void)pthread_cond_init(&w->wake, NULL);

        pthread_t thread;
        int r = -pthread_create(&thread, NULL, paint, w);
        if (r >= 0) {
                r = listen_for_messages(w);
                stop_painting(w, thread);
                if (w->result < 0)
                        r = w->result;
        }

        engine_free(w->engine);
        (void)pthread_cond_destroy(&w->wake);
        (void)pthread_mutex_destroy(&w->lock);
        free(w);
        return r;
}
