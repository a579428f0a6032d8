/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>

#include "workers/worker.h"

#define SPAWN_SOCKET 3 /* the number that the worker's end of the socket has there */

/* Starts PROGRAM --socket 3 --model DIRECTORY [--verify | --digest] in a process group of its own, with nothing open but the socket and stderr,
 * no signal blocked or ignored, and the environment that OpenBLAS and OpenMP need. It is killed when the caller dies. */
int spawn_worker(const WorkerSpec *spec, int socket, pid_t *ret_pid, Error *error);
