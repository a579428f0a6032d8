/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Release at the end of the scope, and hand over what outlives it:
 *
 *     _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
 *     …
 *     *ret = TAKE_FD(fd);
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

/* Defines NAMEp() for NAME(), a function that releases what its pointer argument points to. */
#define DEFINE_CLEANUP(type, name)          \
        static inline void name##p(type *p) \
        {                                   \
                if (*p)                     \
                        name(*p);           \
        }

static inline void freep(void *p)
{
        free(*(void **)p);
}

static inline void closep(const int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
}

DEFINE_CLEANUP(FILE *, fclose)
DEFINE_CLEANUP(DIR *, closedir)

#define TAKE_PTR(p)                       \
        ({                                \
                typeof(p) *_pp = &(p);    \
                typeof(p) _taken = *_pp;  \
                *_pp = NULL;              \
                _taken;                   \
        })

#define TAKE_FD(fd)               \
        ({                        \
                int *_fp = &(fd); \
                int _taken = *_fp; \
                *_fp = -1;        \
                _taken;           \
        })
