/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a worker takes away from itself before it opens a model or a picture, both of which strangers may have made:
 *
 *     resource limits   no core files, few descriptors, no file larger than a picture
 *     no new privileges, and not readable by other processes of the user
 *     Landlock          reads the model's folder, and what links in it point at; nothing else, and no TCP
 *     seccomp           the system calls that computing needs, threads but no processes, no sockets, no executable memory;
 *                       any other call kills the worker, and only it
 *
 * It holds for the whole process and for good. Under AddressSanitizer, which reads /proc and makes calls of its own, the
 * seccomp filter is left out and /proc may be read. */

#include <stdint.h>

#include "base/error.h"

/* directory: of the model; NULL: no file at all. file_bytes: how large a file may become that is open for writing; 0: as a
 * picture. 0 where the kernel has no Landlock, too; otherwise a negative errno with a sentence: then the worker must not go
 * on. To be called before there is a second thread. */
int sandbox_enter(const char *directory, uint64_t file_bytes, Error *error);

/* The same for a worker that decodes pictures: it opens no file at all, and has little memory and processor time, for what
 * small files can ask for is much (a progressive JPEG of 100 scans). One that exceeds the time ends by SIGXCPU. */
#define SANDBOX_DECODE_SECONDS 10
#define SANDBOX_DECODE_BYTES (1024U << 20) /* the largest picture in bytes and in floats, and what it is made smaller by */
int sandbox_enter_to_decode(Error *error);
