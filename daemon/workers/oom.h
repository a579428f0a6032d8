/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>

/* How many processes the kernel has killed for want of memory, here (in this control group) or, where that is not told,
 * on the machine. 0 if it cannot be told: a difference between two calls is what counts. */
uint64_t oom_kills(void);
