/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/memfd.h"
#include "base/util.h"
#include "service/job.h"
#include "service/remote/commission.h"
#include "service/remote/painting.h"
#include "service/remote/parts.h"
#include "service/remote/remote.h"

struct Painting {
        Service *service;
        uint64_t serial;
        Parts *parts; /* what is to be sent */
        NetCall *call;
        Finishing *preview;
        Finishing *finishing; /* of picture n_pictures */
        int waiting[NET_COUNT_MAX]; /* pictures that have come and are not finished; -1: none, or taken */
        uint64_t seeds[NET_COUNT_MAX];
        uint32_t n_come, n_taken;
        bool wants_preview;
        bool has_ended; /* the call, with failure.code 0 or the error */
        bool may_cost; /* then */
        Error failure;
        int64_t said_cost, tokens_cost; /* MONEY_UNKNOWN: nothing was said */
        painted_t done;
        void *userdata;
};

static Job *job_of(const Painting *painting)
{
        return queue_find_serial(painting->service->queue, painting->serial);
}

uint64_t painting_serial(const Painting *painting)
{
        return painting->serial;
}

Painting *painting_free(Painting *painting)
{
        if (!painting)
                return NULL;
        net_call_free(painting->call);
        parts_free(painting->parts);
        finishing_free(painting->preview);
        finishing_free(painting->finishing);
        for (size_t i = 0; i < NET_COUNT_MAX; i++)
                closep(&painting->waiting[i]);
        free(painting);
        return NULL;
}

int64_t painting_cost(const Painting *painting)
{
        const Job *job = job_of(painting);
        const int64_t said = painting->said_cost >= 0 ? painting->said_cost : painting->tokens_cost;

        if (painting->has_ended ? painting->may_cost : painting->call && net_call_may_cost(painting->call))
                return job ? MAX(said, job->provenance->reserved) : said; /* what was said is not all of it */
        if (said >= 0 || painting->n_come == 0)
                return MAX(said, 0);
        return job && job->provenance->price >= 0 ? job->provenance->price * painting->n_come : MONEY_UNKNOWN;
}

void painting_want_preview(Painting *painting)
{
        painting->wants_preview = true;
}

/* --- the end --- */

static bool may_ask_another(const Painting *painting)
{
        static const int codes[] = { NET_NO_KEY, NET_KEY_REJECTED, NET_LIMITED, NET_UNREACHABLE, NET_BAD_ANSWER };

        for (size_t i = 0; i < ELEMENTSOF(codes); i++)
                if (painting->failure.code == codes[i])
                        return painting->n_come == 0 && !painting->may_cost;
        return false;
}

/* It has ended when the server has said all, and all that it said is finished. */
static void check_end(Painting *painting)
{
        if (!painting->has_ended || painting->finishing || painting->n_taken < painting->n_come)
                return;
        painting->done(painting, painting->failure.code < 0 ? &painting->failure : NULL, may_ask_another(painting), painting->userdata);
}

static void fail(Painting *painting, const Error *error)
{
        painting->failure = *error;
        painting->may_cost = painting->call != NULL; /* also what it would have drawn after this */
        painting->has_ended = true;
        painting->n_come = painting->n_taken; /* nothing more is finished */
        painting->call = net_call_free(painting->call);
        painting->finishing = finishing_free(painting->finishing);
        painting->done(painting, &painting->failure, false, painting->userdata);
}

/* --- finishing what came --- */

static int take_next(Painting *painting);

static void on_finished(const Message *made, int fd, const Error *error, void *userdata)
{
        Painting *painting = userdata;
        _cleanup_(closep) int owned = fd;
        Job *job = job_of(painting);
        Error failure = error ? *error : (Error) {};
        Picture picture = { .fd = owned };
        PictureInfo info = {}; /* made goes with the finishing */

        if (made)
                info = made->picture;
        painting->finishing = finishing_free(painting->finishing);
        if (!job)
                return;
        int r = failure.code < 0 ? failure.code : memfd_check_sealed(owned, PROTOCOL_PICTURE_BYTES_MAX, (size_t *)&picture.size);
        if (r >= 0) {
                picture.width = info.width;
                picture.height = info.height;
                picture.seed = info.seed;
                (void)snprintf(picture.pixels, sizeof(picture.pixels), "%s", info.pixels);
                job->resolved.width = picture.width;
                job->resolved.height = picture.height;
                r = queue_add_picture(painting->service->queue, job, &picture, &failure);
        }
        if (r < 0) {
                if (failure.code == 0)
                        (void)error_set(&failure, r, "The picture cannot be taken: %s", strerror(-r));
                fail(painting, &failure);
                return;
        }
        (void)TAKE_FD(owned);
        recorder_note(painting->service->recorder, job, job->n_pictures - 1);
        job_object_update(job_object(job));
        if (take_next(painting) >= 0)
                check_end(painting);
}

/* Begins with the oldest picture that waits, in order. After an error the painting is gone. */
static int take_next(Painting *painting)
{
        Job *job = job_of(painting);
        Error error = {};

        if (!job || painting->finishing || painting->n_taken == painting->n_come)
                return 0;
        const uint32_t i = painting->n_taken++;
        _cleanup_(closep) int fd = TAKE_FD(painting->waiting[i]);
        const ForeignInfo info = { .use = FOREIGN_RESULT, .picture = i, .seed = painting->seeds[i] };
        job_set_progress(job, STAGE_TOUCHES, 0, job->progress);
        int r = finishing_new(&painting->finishing, painting->service, job, &info, fd, on_finished, painting, &error);
        if (r < 0)
                fail(painting, &error);
        return r;
}

static void on_preview(const Message *made, int fd, const Error *error, void *userdata)
{
        Painting *painting = userdata;
        _cleanup_(closep) int owned = fd;
        const PreviewInfo info = made ? made->preview : (PreviewInfo) {};
        const Job *job = job_of(painting);
        const bool is_good = !error && job; /* one that is broken is one less */

        painting->preview = finishing_free(painting->preview);
        if (is_good)
                job_object_take_preview(job_object(job), &info, TAKE_FD(owned));
}

static void take_partial(Painting *painting, const Job *job, const NetResult *result, int fd)
{
        const ForeignInfo info = { .use = FOREIGN_PREVIEW, .picture = result->result };

        if (painting->preview || !(painting->wants_preview || job->preview_every > 0))
                return;
        painting->wants_preview = false;
        (void)finishing_new(&painting->preview, painting->service, job, &info, fd, on_preview, painting, &(Error) {});
}

/* --- what the server says --- */

/* Sums up what was said of costs. */
static void count_cost(Painting *painting, const Job *job, const NetResult *result)
{
        const Commission *c = job->commission;
        const char *model = result->model[0] ? result->model : c->ask.model;
        const int64_t tokens = result->tokens_out == 0 ? MONEY_UNKNOWN
                                                       : tariff_tokens(&c->tariff, model, result->tokens_in - MIN(result->tokens_in, result->tokens_in_pictures),
                                                                       result->tokens_in_pictures, result->tokens_out);

        if (result->cost >= 0 && streq(result->currency, c->tariff.currency) && money_from_units(result->cost) >= 0)
                painting->said_cost = MAX(painting->said_cost, 0) + money_from_units(result->cost);
        if (tokens >= 0)
                painting->tokens_cost = MAX(painting->tokens_cost, 0) + tokens;
}

static int take_picture(Painting *painting, Job *job, const NetResult *result, int fd)
{
        Provenance *provenance = job->provenance;
        const uint32_t i = painting->n_come;

        if (i >= job->count || i >= NET_COUNT_MAX)
                return -EBADMSG;
        count_cost(painting, job, result);
        if (result->model[0])
                (void)snprintf(provenance->model, sizeof(provenance->model), "%s", result->model);
        if (result->revised[0])
                (void)snprintf(provenance->revised, sizeof(provenance->revised), "%s", result->revised);
        painting->waiting[i] = memfd_reopen(fd);
        if (painting->waiting[i] < 0)
                return painting->waiting[i];
        painting->seeds[i] = result->has_seed ? result->seed : job->seed + i;
        provenance->seeded = provenance->seeded || result->has_seed;
        painting->n_come++;
        (void)take_next(painting);
        return 0;
}

/* What would be sent is shown as it is. */
static int take_request(const Painting *painting, Job *job, int fd)
{
        Picture picture = { .fd = memfd_reopen(fd), .seed = job->seed };
        size_t size;

        int r = picture.fd < 0 ? picture.fd : memfd_check_sealed(fd, NET_REQUEST_MAX, &size);
        if (r >= 0) {
                picture.size = size;
                r = queue_add_picture(painting->service->queue, job, &picture, &(Error) {});
        }
        if (r < 0)
                closep(&picture.fd);
        return r;
}

static int on_result(const NetResult *result, int fd, void *userdata)
{
        Painting *painting = userdata;
        Job *job = job_of(painting);

        if (!job)
                return -ESRCH;
        switch (result->kind) {
        case NET_RESULT_PICTURE:
                return job->policy.dry ? -EBADMSG : take_picture(painting, job, result, fd);
        case NET_RESULT_PARTIAL:
                take_partial(painting, job, result, fd);
                return 0;
        case NET_RESULT_REQUEST:
                return job->policy.dry ? take_request(painting, job, fd) : -EBADMSG;
        default:
                return -EBADMSG;
        }
}

static Stage stage_of(NetStage stage)
{
        switch (stage) {
        case NET_STAGE_DRAWING:
                return STAGE_DENOISE;
        case NET_STAGE_RECEIVING:
                return STAGE_DECODE;
        default:
                return STAGE_ENCODE;
        }
}

static void on_progress(const NetProgress *progress, void *userdata)
{
        Painting *painting = userdata;
        Job *job = job_of(painting);

        if (!job)
                return;
        job_set_progress(job, stage_of((NetStage)progress->stage), 0,
                         (progress->result + (progress->fraction > 0 ? progress->fraction : 0)) / job->count);
        job_object_update(job_object(job));
}

static void on_ended(const Error *error, void *userdata)
{
        Painting *painting = userdata;

        painting->has_ended = true;
        painting->may_cost = error && net_call_may_cost(painting->call);
        if (error)
                painting->failure = *error;
        check_end(painting);
}

/* --- asking --- */

/* What was drawn already is as if it had just come. */
static int take_import(Painting *painting, const Job *job, Error *error)
{
        const ForeignInfo info = { .use = FOREIGN_RESULT, .seed = job->seed };

        painting->has_ended = true;
        painting->n_come = painting->n_taken = 1;
        return finishing_new(&painting->finishing, painting->service, job, &info, job->inputs[INPUT_IMAGE].fd, on_finished, painting, error);
}

static int ask(Painting *painting, const Job *job, Error *error)
{
        static const NetCallHandlers handlers = { .progress = on_progress, .result = on_result, .ended = on_ended };
        const Commission *c = job->commission;

        return remote_ask(&painting->call, painting->service, &c->server, &c->ask, parts_fds(painting->parts), &handlers, painting, error);
}

static void on_parts(const Error *error, void *userdata)
{
        Painting *painting = userdata;
        const Job *job = job_of(painting);
        Error failure = error ? *error : (Error) {};

        if (job && (failure.code < 0 || ask(painting, job, &failure) < 0))
                fail(painting, &failure);
}

static int begin(Painting *painting, const Job *job, Error *error)
{
        if (job->commission->is_import)
                return take_import(painting, job, error);
        int r = parts_new(&painting->parts, painting->service, job, on_parts, painting, error);
        return r > 0 ? ask(painting, job, error) : r;
}

int painting_new(Painting **ret, Service *service, Job *job, painted_t done, void *userdata, Error *error)
{
        _cleanup_(painting_freep) Painting *painting = calloc(1, sizeof(Painting));
        if (!painting)
                return error_set(error, -ENOMEM, "Out of memory");
        *painting = (Painting) {
                .service = service, .serial = job->serial, .said_cost = MONEY_UNKNOWN, .tokens_cost = MONEY_UNKNOWN, .done = done, .userdata = userdata,
        };
        for (size_t i = 0; i < NET_COUNT_MAX; i++)
                painting->waiting[i] = -1;
        int r = begin(painting, job, error);
        if (r >= 0)
                *ret = TAKE_PTR(painting);
        return r;
}
