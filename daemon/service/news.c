/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "service/job.h"
#include "service/news.h"
#include "service/picture.h"

int news_started(Job *job, const Resolved *started)
{
        /* A size that was asked for is not the model's to change. */
        if ((job->request->width > 0 && started->width != job->request->width) ||
            (job->request->height > 0 && started->height != job->request->height))
                return -EBADMSG;
        job_set_resolved(job, started);
        job_object_update(job_object(job));
        return 0;
}

void news_progress(Job *job, const Progress *progress)
{
        job_set_progress(job, (Stage)progress->stage, progress->step, progress->fraction);
        job_object_update(job_object(job));
}

int news_state(Job *job, const StateInfo *info, int fd)
{
        if (info->picture != job->n_pictures)
                return -EBADMSG;
        job_set_standing(job, fd, info->picture, info->step);
        return 1;
}

int news_preview(Job *job, const PreviewInfo *info, int fd)
{
        int r = picture_check(fd, FORMAT_PNG, info->width, info->height);
        if (r < 0)
                return r;
        job_object_take_preview(job_object(job), info, fd);
        return 1;
}

/* The next picture, of the size that was announced and with the seed that follows (request_picture_seed). */
static bool is_expected(const Job *job, const PictureInfo *info)
{
        return info->picture == job->n_pictures && info->picture < job->count &&
               info->seed == job->seed + (job->varies ? 0 : info->picture) && info->width == job->resolved.width &&
               info->height == job->resolved.height;
}

int news_picture(Queue *queue, Job *job, const PictureInfo *info, int fd, Error *error)
{
        size_t size;

        if (!is_expected(job, info) || picture_check(fd, job->format, info->width, info->height) < 0)
                return -EBADMSG;
        int r = picture_size(fd, &size);
        if (r < 0)
                return r;

        Picture picture = {
                .fd = fd,
                .size = size,
                .width = info->width,
                .height = info->height,
                .seed = info->seed,
                .precision = info->precision,
        };
        memcpy(picture.pixels, info->pixels, sizeof(picture.pixels));
        memcpy(picture.tokenizer, info->tokenizer, sizeof(picture.tokenizer));
        r = queue_add_picture(queue, job, &picture, error);
        if (r < 0)
                return r;
        job_set_standing(job, -1, job->n_pictures, 0);
        job_object_update(job_object(job));
        return 1;
}
