/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Negative errnos inside, names of the family org.imagined.Imagine1.Error.* outside: one table. */

#include <systemd/sd-bus.h>

#include "base/error.h"

/* The name on the bus, never NULL: what the table does not know is Failed. */
const char *error_bus_name(int code);

/* The same back, for what another instance says; -EIO: the table does not know it. */
int error_code_of(const char *bus_name);

/* Fills in a bus error with the table's name and the sentence (without one: a general one). Returns what a method
 * handler returns then. */
int error_to_bus(sd_bus_error *ret, const Error *error);
int error_to_bus_code(sd_bus_error *ret, int code, const char *text);

/* The same for a call that failed with r and may have left a sentence in error. */
int error_to_bus_or_code(sd_bus_error *ret, const Error *error, int r);

/* A call that could not be read: sd-bus takes no text with what is no character (U+FFFE), which buses pass on. */
int error_of_reading(int r, Error *error);

/* A failed load is the model's fault unless memory ran out or the engine itself is at fault. */
int error_of_load(int code);
