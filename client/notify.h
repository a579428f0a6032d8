/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A notification of the desktop (org.freedesktop.Notifications) that goes along with the work: progress and preview with
 * a way to cancel, at the end the picture with ways to open it, show it in its folder and vary it. What the server
 * cannot do is left out; without a server there is none, and the work goes on.
 *
 * With --notify main.c opens one and finishes it. A verb that makes pictures does nothing for it, for follow.c and
 * save.c feed it; one that goes through several files says at which it is (batch.c).
 *
 * All functions but notifier_new() do nothing with NULL. */

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "client/job.h"
#include "client/picture.h"

/* Connects to the session bus; whether there is a server turns out later. 0, or a negative errno with a sentence. */
int notifier_new(Notifier **ret, Error *error);

/* Closes what it shows, unless that is the end. Returns NULL. */
Notifier *notifier_free(Notifier *notifier);

DEFINE_CLEANUP(Notifier *, notifier_free)

/* From now on it is served by that loop, and Cancel calls back. */
void notifier_attach(Notifier *notifier, sd_event *event, void (*on_cancel)(void *userdata), void *userdata);
void notifier_detach(Notifier *notifier);

/* What is worked at: a prompt, or a file's name; number of total (from 1), 0 of 0 if there is just one. */
void notifier_set_subject(Notifier *notifier, const char *subject, unsigned number, unsigned total);

/* The job as it is now, and its preview, a small PNG. */
void notifier_progress(Notifier *notifier, const JobInfo *job);
void notifier_preview(Notifier *notifier, const Picture *preview);

/* A file that was made, for the end. */
void notifier_add_path(Notifier *notifier, const char *path);

/* What is shown at the end instead of pictures: of work that makes none. What comes next stands below it. */
void notifier_set_text(Notifier *notifier, const char *title, const char *text);

/* What the end is called if nothing came of it, where that is not "No picture". It has to live as long. */
void notifier_set_failure(Notifier *notifier, const char *title);

/* What the program was called with (up to NULL), and what it has read on stdin (or NULL), so that it can be tried again where
 * that may help. Both have to live as long. */
void notifier_set_command(Notifier *notifier, char *const command[], const char *input);

/* Whether the user has chosen Cancel in it. */
bool notifier_is_cancelled(const Notifier *notifier);

/* The end, as the client has reported it (client->error). If the server has actions, a process of its own stays for
 * them, ten minutes at most. */
void notifier_finish(Notifier *notifier, const Client *client, ExitCode code);

/* Likewise, for a program that stays itself, with its loop attached. */
void notifier_show_end(Notifier *notifier, const Client *client, ExitCode code);

/* Takes it off the screen, as when the user looks at the program itself. The next progress shows it again. */
void notifier_close(Notifier *notifier);
