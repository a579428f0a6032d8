/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/memfd.h"
#include "base/util.h"
#include "engine/image/png.h"
#include "engine/model/sha256.h"
#include "engine/worker-private.h"

#define PROGRESS_INTERVAL 0.05 /* seconds between two messages of the same stage */
#define STATE_INTERVAL 0.1 /* seconds of work that the worker's death may cost */

static double now(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
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

        Message m = worker_message(MESSAGE_PROGRESS, w->job);
        m.progress = (Progress) {
                .picture = w->picture,
                .stage = stage,
                .step = step,
                .steps = steps,
                .fraction = w->fraction,
        };
        worker_send(w, &m, -1);
}

static bool on_preview_wanted(void *userdata, uint32_t step)
{
        Worker *w = userdata;

        (void)pthread_mutex_lock(&w->lock);
        bool wanted = w->preview_wanted;
        w->preview_wanted = false;
        (void)pthread_mutex_unlock(&w->lock);

        return wanted || (w->request.preview_every > 0 && step % w->request.preview_every == 0 &&
                          step < w->resolved.made_steps);
}

static bool is_to_park(Worker *w)
{
        (void)pthread_mutex_lock(&w->lock);
        bool park = w->park_wanted && !w->cancelled;
        (void)pthread_mutex_unlock(&w->lock);
        return park;
}

static bool on_state_wanted(void *userdata, uint32_t step)
{
        Worker *w = userdata;
        (void)step;

        return is_to_park(w) || now() - w->state_sent_at >= STATE_INTERVAL;
}

static bool on_state(void *userdata, uint32_t step, const void *data, size_t size)
{
        Worker *w = userdata;
        bool park = is_to_park(w); /* before the state is sent: after PARK comes one, always */

        if (size > PROTOCOL_STATE_BYTES_MAX)
                return true;
        _cleanup_(closep) int fd = memfd_new_sealed("state", data, size);
        if (fd < 0)
                return true;

        Message m = worker_message(MESSAGE_STATE, w->job);
        m.state = (StateInfo) { .picture = w->picture, .step = step };
        worker_send(w, &m, fd);
        w->state_sent_at = now();
        return !park;
}

static void on_preview(void *userdata, uint32_t step, const Picture *picture)
{
        Worker *w = userdata;
        _cleanup_(freep) void *data = NULL;
        size_t size;

        if (picture_to_png(picture, &(PictureTexts) {}, &data, &size, NULL) < 0)
                return;
        _cleanup_(closep) int fd = memfd_new_sealed("preview", data, size);
        if (fd < 0)
                return;

        Message m = worker_message(MESSAGE_PREVIEW_IS, w->job);
        m.preview = (PreviewInfo) {
                .picture = w->picture,
                .step = step,
                .width = picture->width,
                .height = picture->height,
        };
        worker_send(w, &m, fd);
}

static int send_picture(Worker *w, const Picture *picture, Error *error)
{
        _cleanup_(freep) void *data = NULL;
        size_t size;
        int r = engine_encode(w->engine, picture, &w->request, &w->resolved, w->picture, &data, &size, error);
        if (r < 0)
                return r;
        _cleanup_(closep) int fd = memfd_new_sealed("picture", data, size);
        if (fd < 0)
                return error_set(error, fd, "cannot store the picture: %s", strerror(-fd));

        Message m = worker_message(MESSAGE_PICTURE, w->job);
        m.picture = (PictureInfo) {
                .picture = w->picture,
                .width = picture->width,
                .height = picture->height,
                .precision = w->resolved.precision,
                .seed = request_picture_seed(&w->request, w->picture),
        };
        memcpy(m.picture.tokenizer, engine_tokenizer_digest(w->engine), sizeof(m.picture.tokenizer));
        r = sha256_bytes(picture->rgb, (size_t)3 * picture->width * picture->height, m.picture.pixels, error);
        if (r < 0)
                return r;
        worker_send(w, &m, fd);
        return 0;
}

/* Where the job goes on: the first picture, and what there is of it (mapped; NULL: nothing). */
static uint32_t take_resume(Worker *w, void **ret_state, size_t *ret_size)
{
        (void)pthread_mutex_lock(&w->lock);
        _cleanup_(closep) int fd = TAKE_FD(w->resume_fd);
        uint32_t picture = w->resume_job == w->job ? w->resume.picture : 0;
        bool is_ours = w->resume_job == w->job;
        w->resume_job = 0;
        (void)pthread_mutex_unlock(&w->lock);

        *ret_state = NULL;
        if (!is_ours || fd < 0 || memfd_check_sealed(fd, PROTOCOL_STATE_BYTES_MAX, ret_size) < 0)
                return picture;
        void *state = mmap(NULL, *ret_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (state != MAP_FAILED)
                *ret_state = state;
        return picture;
}

static void unmap_sources(Worker *w)
{
        for (size_t i = 0; i < INPUT_MAX; i++) {
                ReadPicture *source = &w->sources[i];
                if (source->rgba)
                        (void)munmap(source->rgba, (size_t)source->width * source->height * 4);
                *source = (ReadPicture) {};
        }
        engine_set_source(w->engine, NULL, NULL);
}

/* Where the job starts from a picture: its pixels, which came before it. */
static int map_sources(Worker *w, Error *error)
{
        WorkerInput inputs[INPUT_MAX];
        int r = 0;

        (void)pthread_mutex_lock(&w->lock);
        memcpy(inputs, w->inputs, sizeof(inputs));
        memset(w->inputs, 0, sizeof(w->inputs));
        (void)pthread_mutex_unlock(&w->lock);

        for (size_t i = 0; i < INPUT_MAX; i++) {
                const WorkerInput *input = &inputs[i];
                _cleanup_(closep) int fd = input->job != 0 ? input->fd : -1;

                if (r < 0 || !(w->request.inputs & 1U << i))
                        continue;
                if (input->job != w->job) {
                        r = error_set(error, -EPROTO, "%s: it did not come", input_to_string((Input)i));
                        continue;
                }
                /* Its size was checked with the message, and it is sealed. */
                void *data = mmap(NULL, (size_t)input->info.width * input->info.height * 4, PROT_READ, MAP_PRIVATE, fd, 0);
                if (data == MAP_FAILED)
                        r = error_set(error, -errno, "%s: %s", input_to_string((Input)i), strerror(errno));
                else
                        w->sources[i] = (ReadPicture) { input->info.width, input->info.height, data };
        }
        if (r >= 0 && w->sources[INPUT_IMAGE].rgba)
                engine_set_source(w->engine, &w->sources[INPUT_IMAGE],
                                  w->sources[INPUT_MASK].rgba ? &w->sources[INPUT_MASK] : NULL);
        return r;
}

/* From picture `first` on, which goes on from that state. -EINTR: parked. */
static int make_pictures(Worker *w, uint32_t first, const void *state, size_t state_size, Error *error)
{
        const EngineEvents events = {
                .userdata = w,
                .progress = on_progress,
                .preview_wanted = on_preview_wanted,
                .preview = on_preview,
                .state_wanted = on_state_wanted,
                .state = on_state,
        };

        int r = engine_resolve(w->engine, &w->request, &w->resolved, error);
        if (r < 0)
                return r;
        Message m = worker_message(MESSAGE_STARTED, w->job);
        m.started = w->resolved;
        worker_send(w, &m, -1);

        w->fraction = 0;
        w->state_sent_at = now();
        for (w->picture = first; w->picture < w->request.count; w->picture++) {
                _cleanup_(picture_done) Picture picture = {};

                if (is_cancelled(w))
                        return error_set(error, -ECANCELED, "cancelled");
                if (is_to_park(w))
                        return error_set(error, -EINTR, "parked");
                w->stage = STAGE_MAX;
                r = engine_resume(w->engine, &w->request, w->picture, state, state_size, &events, &picture, error);
                state = NULL;
                if (r >= 0)
                        r = send_picture(w, &picture, error);
                if (r < 0)
                        return r;
        }
        return 0;
}

void worker_run_job(Worker *w)
{
        Error error = {};
        uint64_t job = w->job;
        void *state;
        size_t size = 0;
        uint32_t first = take_resume(w, &state, &size);

        int r = map_sources(w, &error);
        if (r >= 0)
                r = make_pictures(w, first, state, size, &error);
        unmap_sources(w);
        if (state)
                (void)munmap(state, size);

        /* Idle before it says so, or the next job might find it busy. */
        (void)pthread_mutex_lock(&w->lock);
        w->job = 0;
        w->cancelled = w->preview_wanted = w->park_wanted = false;
        (void)pthread_mutex_unlock(&w->lock);

        Message done = worker_message(r == -EINTR ? MESSAGE_PARKED : MESSAGE_DONE, job);
        if (r < 0 && r != -EINTR)
                worker_send_failure(w, job, r, error.text);
        else
                worker_send(w, &done, -1);
}

