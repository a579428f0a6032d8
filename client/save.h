/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What 'generate' and 'get' do with pictures: written where the output says, and told on stdout. */

#include "client/follow.h"
#include "client/output.h"

typedef struct Saver {
        Output output;
        json_t *pictures; /* for --json: path, seed, width, height, bytes of each */
} Saver;

/* Decides where pictures go, before there are any. CODE_OK, or what has been reported. */
ExitCode saver_prepare(Client *client, Saver *saver, const char *words, uint32_t count);

/* The on_picture of FollowHooks, with a Saver as its userdata. */
ExitCode saver_take(Client *client, const JobInfo *job, uint32_t index, uint64_t seed,
                    const Picture *picture, void *userdata);

/* Shows it in the terminal, with --preview; a warning where it cannot be. */
void saver_show(Client *client, const Picture *picture);

/* Tells the job's settings on stderr and keeps them with the pictures for --json. */
void saver_report(Client *client, Saver *saver, const JobInfo *job);

void saver_done(Saver *saver);
