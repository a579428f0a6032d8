/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "service/enhance/chat.h"
#include "service/enhance/engines.h"

static const PromptEngine engines[] = {
        { "builtin", .start = builtin_start, .stop = builtin_stop },
        { "chat", .check = chat_check, .start = chat_start, .stop = chat_stop },
};

const PromptEngine *prompt_engine_find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(engines); i++)
                if (streq(engines[i].name, name))
                        return &engines[i];
        return NULL;
}
