/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <strings.h>

#include "base/util.h"
#include "marks/licence.h"

const char *licence_address(const char *name)
{
        /* SPDX identifiers, and what models are often under that has none. */
        static const struct {
                const char *name, *address;
        } licences[] = {
                { "Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0" },
                { "CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/" },
                { "CC-BY-NC-4.0", "https://creativecommons.org/licenses/by-nc/4.0/" },
                { "CC-BY-NC-SA-4.0", "https://creativecommons.org/licenses/by-nc-sa/4.0/" },
                { "CC-BY-SA-4.0", "https://creativecommons.org/licenses/by-sa/4.0/" },
                { "CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/" },
                { "MIT", "https://opensource.org/license/mit" },
                { "CreativeML-OpenRAIL-M", "https://huggingface.co/spaces/CompVis/stable-diffusion-license" },
                { "OpenRAIL++", "https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md" },
        };

        for (size_t i = 0; i < ELEMENTSOF(licences); i++)
                if (strcasecmp(name, licences[i].name) == 0)
                        return licences[i].address;
        return NULL;
}
