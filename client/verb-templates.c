/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/presets.h"

ExitCode verb_templates(Client *c)
{
        return presets_show(c, PRESET_TEMPLATE);
}
