/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Options of Generate that are not the command line's but of a picture that is made again: an object of names, each with an
 * array of its type and its value, as the service's records have it. */

#include <jansson.h>
#include <systemd/sd-bus.h>

/* Into an a{sv} that is open. -EINVAL: of a type that no option has. */
int extra_options_append(sd_bus_message *message, const json_t *extra);
