/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The engine behind the workers' protocol (workers/protocol.h): one thread listens and answers at once,
 * another one loads the model and makes pictures. */

#include "base/precision.h"
#include "engine/model/pack.h"

/* Serves until the socket ends. Returns 0 then; a negative errno if the model could not be loaded (FAILED was sent) or the
 * other side broke the protocol. automatic: the precision of jobs where neither they nor the model say one. files: for the
 * packed weights; a new one is made known by PACKED when it is whole. */
int worker_run(int socket, const char *model_dir, unsigned threads, Precision automatic, const PackFiles *files);
