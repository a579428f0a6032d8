/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stddef.h>

#include "base/util.h"
#include "records/records.h"

/* Who draws and who pays, how the job is treated, what has a place of its own in a record, and what is no text. */
bool record_setting_is_valid(const char *option)
{
        static const char *const others[] = {
                "provider", "purpose", "best-effort", "private", "dry-run", "count", "preview-every", "detach", "keep-alive", "priority",
                "model", "negative-prompt", "prompt-metadata", "alt-text", "creator", "init-image", "mask",
        };

        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                if (streq(option, others[i]))
                        return false;
        return true;
}
