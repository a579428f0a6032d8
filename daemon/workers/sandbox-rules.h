/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The two filters of sandbox.h. */

#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED
#endif
#endif

/* sandbox-files.c: Landlock. directory: NULL: no file at all. ports: to which TCP may connect; those that are 0 are
 * none. 0 also where the kernel has none. */
int sandbox_restrict_files(const char *directory, const uint16_t *ports, size_t n);

/* sandbox-files.c: Landlock for a program that is to be started: it may read what it could, and write to nothing but the
 * descriptors that it has, and /dev/null. 0 also where the kernel has none. */
int sandbox_restrict_writing(void);

/* sandbox-calls.c: seccomp. */
int sandbox_restrict_calls(void);
