/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What notify.c (what is to be seen) and notify-bus.c (the connection, and the process that stays) share. */

#include "client/notify.h"
#include "client/pixels.h"
#include "client/spawn.h"

#define SUBJECT_BYTES 88

struct Notifier {
        sd_bus *bus; /* the session's, for this alone: the service may be on the other one */
        sd_bus_slot *shown; /* the last Notify */
        uint32_t id; /* what the server calls it; 0: it shows nothing of ours */
        bool is_ready, has_actions, has_markup; /* the server has told what it can do */
        bool is_xfce; /* with a number it shows neither words nor actions; the default action is a button like the others */
        bool is_pending; /* a Notify is under way */
        bool is_stale; /* what is shown is not the latest */
        bool is_to_close; /* as soon as the server has said which one it is */
        bool is_broken; /* there is no server */
        bool is_dismissed; /* the user does not want to see the progress */
        bool is_cancelled;
        bool is_end; /* paths, or the error, are shown */
        bool is_text; /* title and body are what is shown at the end */
        bool is_acted_on; /* the end was clicked at, or closed */
        void (*on_cancel)(void *userdata);
        void *userdata;

        char subject[SUBJECT_BYTES], title[128], body[1024];
        const char *failure; /* the title if nothing came of it, or NULL */
        JobState state; /* at the last progress */
        int percent;
        uint64_t sent; /* CLOCK_MONOTONIC */
        Pixels preview;
        char **paths; /* absolute, up to NULL; NULL: none */
        size_t n_paths;
        char *const *command; /* the present one, for another try; or NULL */
        const char *input; /* what it has read on stdin, or NULL */
        bool offers_again; /* it may work another time */
};

/* Sends what there is to be seen, now or when the server has answered to the last. */
void notifier_show(Notifier *notifier);
