/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The options of Generate: one table of names, types and ranges reads them and describes them. */

#include <jansson.h>
#include <systemd/sd-bus.h>

#include "queue/job.h"
#include "service/remote/wish.h"

typedef struct Options {
        Request request; /* with the prompt not yet in it */
        JobPolicy policy; /* model "": none was named */
        RemoteWish remote; /* who is to draw */
        bool has_strength;
        bool has_seed, has_variation_seed, has_created;
        int fds[INPUT_MAX]; /* of pictures to start from; the message's own; -1: none */
} Options;

/* Reads an a{sv} over the defaults. -EINVAL with a sentence that names the option: unknown, given twice, of a wrong type,
 * or out of its range. */
int options_read(sd_bus_message *message, Options *ret, Error *error);

/* Appends all options with their types: a{ss}. */
int options_append_supported(sd_bus_message *reply);

/* Those that decide the picture, but its prompts, as an object by name; a number above 2^53 as a string of its digits. Pictures
 * to start from are left out. NULL: no memory. */
json_t *options_to_json(const Options *options);

/* The same back, for another instance: an a{sv} from which options_read makes these options; what was left open is left
 * out. Descriptors are those in fds, which request.inputs counts. */
int options_append(sd_bus_message *message, const Options *options);
