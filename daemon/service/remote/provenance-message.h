/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A job's property Provenance. */

#include <systemd/sd-bus.h>

#include "base/provenance.h"

/* Appends an a{sv} of what is known; empty for NULL. */
int provenance_append(const Provenance *provenance, sd_bus_message *reply);
