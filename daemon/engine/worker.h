/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The engine behind the workers' protocol (workers/protocol.h): one thread listens and answers at once,
 * another one loads the model and makes pictures. */

/* Serves until the socket ends. Returns 0 then; a negative errno if the model could not be loaded (FAILED
 * was sent) or the other side broke the protocol. */
int worker_run(int socket, const char *model_dir, unsigned threads);
