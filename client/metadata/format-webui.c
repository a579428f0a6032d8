/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "client/metadata/formats.h"

/* AUTOMATIC1111's web UI, its many copies, stable-diffusion.cpp and we: one text, in PNG's chunk or in Exif's comment. */
int format_webui_read(const Metadata *metadata, char **ret)
{
        static const char *const keys[] = { "parameters", "UserComment", "ImageDescription" };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                const char *text = metadata_text(metadata, keys[i]);
                if (!text || (strncmp(text, "Steps: ", 7) != 0 && !strstr(text, "\nSteps: ")))
                        continue;
                *ret = strdup(text);
                return *ret ? 1 : -ENOMEM;
        }
        return 0;
}
