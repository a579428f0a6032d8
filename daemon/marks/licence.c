/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <strings.h>

#include "base/util.h"
#include "marks/licence.h"

typedef struct Licence {
        const char *name, *address;
        bool permits_commerce;
} Licence;

/* SPDX identifiers, and what models are often under that has none. */
static const Licence licences[] = {
        { "Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0", true },
        { "CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/", true },
        { "CC-BY-NC-4.0", "https://creativecommons.org/licenses/by-nc/4.0/", false },
        { "CC-BY-NC-SA-4.0", "https://creativecommons.org/licenses/by-nc-sa/4.0/", false },
        { "CC-BY-SA-4.0", "https://creativecommons.org/licenses/by-sa/4.0/", true },
        { "CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/", true },
        { "MIT", "https://opensource.org/license/mit", true },
        { "CreativeML-OpenRAIL-M", "https://huggingface.co/spaces/CompVis/stable-diffusion-license", true },
        { "OpenRAIL++", "https://huggingface.co/stabilityai/stable-diffusion-xl-base-1.0/blob/main/LICENSE.md", true },
};

static const Licence *find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(licences); i++)
                if (strcasecmp(name, licences[i].name) == 0)
                        return licences + i;
        return NULL;
}

const char *licence_address(const char *name)
{
        const Licence *licence = find(name);
        return licence ? licence->address : NULL;
}

bool licence_permits_commerce(const char *name)
{
        const Licence *licence = find(name);
        return licence && licence->permits_commerce;
}
