/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/util.h"
#include "client/metadata/formats.h"

static const Format formats[] = {
        { "AUTOMATIC1111", format_webui_read },
        { "ComfyUI", format_comfyui_read },
        { "InvokeAI", format_invokeai_read },
};

/* Of those that write as AUTOMATIC1111 does. */
static const char *program_of(const char *text, const char *otherwise)
{
        static const char *const others[] = { "imagined", "stable-diffusion.cpp", "ComfyUI" };

        for (const char *at = text; (at = strstr(at, "Version: ")); at++)
                for (size_t i = 0; i < ELEMENTSOF(others); i++)
                        if (strncmp(at + strlen("Version: "), others[i], strlen(others[i])) == 0)
                                return others[i];
        return otherwise;
}

int formats_read(const Metadata *metadata, char **ret, const char **ret_program)
{
        for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
                int r = formats[i].read(metadata, ret);
                if (r != 0) {
                        *ret_program = r > 0 ? program_of(*ret, formats[i].program) : NULL;
                        return r;
                }
        }
        return 0;
}
