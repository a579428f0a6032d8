/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/types.h>

#include "workers/worker.h"

/* The numbers that the worker's end of the socket, and the files for packed weights, have there. */
#define SPAWN_SOCKET 3
#define SPAWN_PACK 4
#define SPAWN_NEW_PACK 5

/* Starts PROGRAM --socket 3 [--model DIRECTORY] [--verify | --digest | --decode] [--pack 4] [--new-pack 5] in a process group of its own, with
 * nothing open but these and stderr, no signal blocked or ignored, and the environment that OpenBLAS and OpenMP need. It is killed when the caller dies. */
int spawn_worker(const WorkerSpec *spec, int socket, pid_t *ret_pid, Error *error);
