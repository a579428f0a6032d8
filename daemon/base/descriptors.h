/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/error.h"

/* Whether another descriptor can be kept. The last ones that the process may have are for what passes: messages that bring
 * some, processes to be started, answers. 0, or -EMFILE with a sentence. */
int descriptors_check(Error *error);
