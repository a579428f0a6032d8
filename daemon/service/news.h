/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a worker says of the job that it works on, held against what was asked of it before it is believed. Each returns
 * -EBADMSG for what no sound worker says. Those that are given a descriptor return 1 when they have taken it. */

#include "queue/queue.h"
#include "workers/protocol.h"

int news_started(Job *job, const Resolved *started);
void news_progress(Job *job, const Progress *progress);
int news_state(Job *job, const StateInfo *info, int fd);
int news_preview(Job *job, const PreviewInfo *info, int fd);

/* With a sentence in *error it is not the worker that is at fault: there is no room for the picture. */
int news_picture(Queue *queue, Job *job, const PictureInfo *info, int fd, Error *error);
