/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>

#include "engine/denoise/sampler.h"
#include "engine/image/parameters.h"

int parameters_format(char **ret, const Request *request, const Resolved *resolved, uint32_t index,
                      const char *model)
{
        const char *negative = request->prompt_metadata ? request->negative_prompt : "";
        char *text;

        /* %.10g: as many digits as anyone types, and no more. */
        int n = asprintf(&text,
                         "%s%s%s%s%sSteps: %u, Sampler: %s, CFG scale: %.10g, Seed: %" PRIu64
                         ", Size: %ux%u, Model: %s, Version: imagined " VERSION,
                         request->prompt_metadata ? request->prompt : "",
                         request->prompt_metadata ? "\n" : "", negative[0] ? "Negative prompt: " : "",
                         negative, negative[0] ? "\n" : "", resolved->steps,
                         sampler_label((Sampler)resolved->sampler), resolved->guidance,
                         request->seed + index, resolved->width, resolved->height, model);
        if (n < 0)
                return -ENOMEM;
        *ret = text;
        return 0;
}
