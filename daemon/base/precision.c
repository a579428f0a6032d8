/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/precision.h"
#include "base/util.h"

static const char *const names[PRECISION_MAX] = {
        [PRECISION_AUTO] = "auto",
        [PRECISION_F32] = "f32",
        [PRECISION_BF16] = "bf16",
        [PRECISION_INT8] = "int8",
};

const char *precision_to_string(Precision precision)
{
        return precision < PRECISION_MAX ? names[precision] : "";
}

int precision_from_string(const char *name)
{
        for (int i = 0; i < PRECISION_MAX; i++)
                if (streq(name, names[i]))
                        return i;
        return -EINVAL;
}
