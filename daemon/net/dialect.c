/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/dialect.h"

const Dialect *dialect_get(NetDialect dialect)
{
        static const Dialect *const dialects[NET_DIALECT_MAX] = {
                [NET_DIALECT_CHAT] = &dialect_chat,
                [NET_DIALECT_OPENAI_IMAGES] = &dialect_openai_images,
        };

        return dialects[dialect];
}
