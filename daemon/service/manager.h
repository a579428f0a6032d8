/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* org.imagined.Imagine1.Manager: takes requests, and tells what is loaded. */

#include "service/service.h"

int manager_publish(Service *service);

/* PropertiesChanged for State and ResidentModel where they are other ones than told last. */
void manager_update(Service *service);

/* The same for ModelDigests. */
void manager_tell_digests(Service *service);
