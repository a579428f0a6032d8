/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/util.h"
#include "engine/worker-private.h"
#include "engine/worker.h"

void worker_send(const Worker *w, const Message *message, int fd)
{
        int r = protocol_send(w->socket, message, fd);
        if (r < 0 && r != -EPIPE)
                log_warning_errno(r, "Cannot send a message");
}

Message worker_message(MessageType type, uint64_t job)
{
        return (Message) { .version = PROTOCOL_VERSION, .type = type, .job = job };
}

void worker_send_failure(const Worker *w, uint64_t job, int code, const char *text)
{
        Message m = worker_message(MESSAGE_FAILED, job);

        m.failed.code = code;
        (void)snprintf(m.failed.text, sizeof(m.failed.text), "%s", text);
        worker_send(w, &m, -1);
}

static void send_ready(const Worker *w)
{
        const ModelInfo *info = engine_info(w->engine);
        Message m = worker_message(MESSAGE_READY, 0);

        m.ready = (ModelReady) {
                .width = info->width,
                .height = info->height,
                .size_multiple = info->size_multiple,
                .steps = info->steps,
                .sampler = info->sampler,
                .precision = info->precision,
                .guidance = info->guidance,
                .parameters = info->parameters,
        };
        memcpy(m.ready.name, info->name, sizeof(m.ready.name));
        memcpy(m.ready.version, info->version, sizeof(m.ready.version));
        memcpy(m.ready.license, info->license, sizeof(m.ready.license));
        worker_send(w, &m, -1);
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

        int r = engine_new_packed(&engine, w->model_dir, w->threads, w->automatic, &w->files, &error);
        if (r < 0) {
                log_error("Cannot load the model: %s", error.text);
                worker_send_failure(w, 0, r, error.text);
                return r;
        }
        (void)pthread_mutex_lock(&w->lock);
        w->engine = engine;
        (void)pthread_mutex_unlock(&w->lock);
        send_ready(w);
        return 0;
}

/* The model is of use before the disk has its packed weights. */
static void *seal(void *userdata)
{
        const Worker *w = userdata;
        const Message packed = worker_message(MESSAGE_PACKED, 0);

        int r = engine_seal_pack(w->engine);
        if (r < 0)
                log_info("The packed weights are not kept: %s", strerror(-r));
        if (r > 0)
                worker_send(w, &packed, -1);
        return NULL;
}

static void *paint(void *userdata)
{
        Worker *w = userdata;
        pthread_t sealing;

        int r = load_engine(w);
        if (r < 0) {
                (void)pthread_mutex_lock(&w->lock);
                w->result = r;
                (void)pthread_mutex_unlock(&w->lock);
                (void)shutdown(w->socket, SHUT_RD); /* ends the listening thread */
                return NULL;
        }
        bool seals = w->files.new_fd >= 0 && pthread_create(&sealing, NULL, seal, w) == 0;
        while (wait_for_job(w))
                worker_run_job(w);
        if (seals) {
                engine_stop_packing(w->engine);
                (void)pthread_join(sealing, NULL);
        }
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
                worker_send_failure(w, m->job, -EBUSY, "the worker is busy with another job");
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

/* Kept for the GENERATE of that job, which follows. */
static void handle_resume(Worker *w, const Message *m, int fd)
{
        (void)pthread_mutex_lock(&w->lock);
        if (w->resume_fd >= 0)
                (void)close(w->resume_fd);
        w->resume_job = m->job;
        w->resume = m->state;
        w->resume_fd = fd;
        (void)pthread_mutex_unlock(&w->lock);
}

/* Kept for the GENERATE of that job, too. */
static void handle_input(Worker *w, const Message *m, int fd)
{
        WorkerInput *input = &w->inputs[m->pixels.input];

        (void)pthread_mutex_lock(&w->lock);
        if (input->job != 0)
                (void)close(input->fd);
        *input = (WorkerInput) { .job = m->job, .info = m->pixels, .fd = fd };
        (void)pthread_mutex_unlock(&w->lock);
}

static void handle_ping(Worker *w, const Message *m)
{
        Message answer = worker_message(MESSAGE_PONG, 0);

        answer.pong.ping = m->ping;
        answer.pong.spent = clock_usec(CLOCK_PROCESS_CPUTIME_ID);
        (void)pthread_mutex_lock(&w->lock);
        answer.pong.done = w->engine ? engine_done(w->engine) : 0;
        (void)pthread_mutex_unlock(&w->lock);
        worker_send(w, &answer, -1);
}

static void handle_wish(Worker *w, const Message *m, bool *wish)
{
        (void)pthread_mutex_lock(&w->lock);
        *wish = *wish || w->job == m->job;
        (void)pthread_mutex_unlock(&w->lock);
}

/* Takes *fd, or leaves it. */
static int handle_message(Worker *w, const Message *m, int *fd)
{
        switch (m->type) {
        case MESSAGE_GENERATE:
                handle_generate(w, m);
                return 0;
        case MESSAGE_CANCEL:
                handle_cancel(w, m);
                return 0;
        case MESSAGE_PREVIEW:
                handle_wish(w, m, &w->preview_wanted);
                return 0;
        case MESSAGE_PARK:
                handle_wish(w, m, &w->park_wanted);
                return 0;
        case MESSAGE_RESUME:
                handle_resume(w, m, TAKE_FD(*fd));
                return 0;
        case MESSAGE_INPUT:
                handle_input(w, m, TAKE_FD(*fd));
                return 0;
        case MESSAGE_PING:
                handle_ping(w, m);
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
                        r = handle_message(w, &m, &fd) < 0 ? -EBADMSG : 1;
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

int worker_run(int socket, const char *model_dir, unsigned threads, Precision automatic, const PackFiles *files)
{
        Worker *w = calloc(1, sizeof(*w)); /* too large for a stack */
        if (!w)
                return -ENOMEM;
        w->socket = socket;
        w->model_dir = model_dir;
        w->threads = threads;
        w->automatic = automatic;
        w->files = *files;
        w->resume_fd = -1;
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

        if (w->resume_fd >= 0)
                (void)close(w->resume_fd);
        for (size_t i = 0; i < INPUT_MAX; i++)
                if (w->inputs[i].job != 0)
                        (void)close(w->inputs[i].fd);
        engine_free(w->engine);
        (void)pthread_cond_destroy(&w->wake);
        (void)pthread_mutex_destroy(&w->lock);
        free(w);
        return r;
}
