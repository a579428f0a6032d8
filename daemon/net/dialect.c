/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/dialect.h"

const Dialect *dialect_get(NetDialect dialect)
{
        static const Dialect *const dialects[NET_DIALECT_MAX] = {
                [NET_DIALECT_CHAT] = &dialect_chat,
                [NET_DIALECT_OPENAI_IMAGES] = &dialect_openai_images,
                [NET_DIALECT_WEBUI] = &dialect_webui,
                [NET_DIALECT_STABILITY] = &dialect_stability,
                [NET_DIALECT_RUNWAY] = &dialect_runway,
                [NET_DIALECT_MIDJOURNEY_PROXY] = &dialect_midjourney_proxy,
                [NET_DIALECT_COMFYUI] = &dialect_comfyui,
        };

        return dialects[dialect];
}
