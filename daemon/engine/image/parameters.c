/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "engine/denoise/sampler.h"
#include "engine/image/parameters.h"

/* As the web UI quotes a value that has characters which end one. */
static char *quote(const char *value)
{
        if (!strpbrk(value, ",:\n"))
                return strdup(value);
        json_t *string = json_string(value);
        char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;

        json_decref(string);
        return quoted;
}

/* As the web UI writes it since it has named schedules apart from samplers. */
static const char *schedule_label(uint32_t schedule)
{
        static const char *const labels[SIGMA_SCHEDULE_MAX] = {
                [SIGMA_SCHEDULE_DEFAULT] = "",
                [SIGMA_SCHEDULE_NORMAL] = ", Schedule type: Normal",
                [SIGMA_SCHEDULE_KARRAS] = ", Schedule type: Karras",
                [SIGMA_SCHEDULE_EXPONENTIAL] = ", Schedule type: Exponential",
                [SIGMA_SCHEDULE_SGM_UNIFORM] = ", Schedule type: SGM Uniform",
                [SIGMA_SCHEDULE_SIMPLE] = ", Schedule type: Simple",
                [SIGMA_SCHEDULE_BETA] = ", Schedule type: Beta",
        };
        return schedule < SIGMA_SCHEDULE_MAX ? labels[schedule] : "";
}

/* ", Enlarge: network from 128x128, Sharpen: 0.5": the final touches that were done. */
static int format_touches(char **ret, const Resolved *r)
{
        const struct {
                const char *name;
                double strength;
        } touches[] = {
                { "Remove artefacts", r->remove_artefacts },
                { "Smooth edges", r->smooth_edges },
                { "Sharpen", r->sharpen },
        };
        char text[256] = "";
        int n = 0;

        if (r->enlarge > ENLARGE_NONE)
                n = snprintf(text, sizeof text, ", Enlarge: %s from %ux%u",
                             enlarge_to_string((Enlarge)r->enlarge), r->drawn_width, r->drawn_height);
        for (size_t i = 0; i < ELEMENTSOF(touches); i++)
                if (touches[i].strength > 0)
                        n += snprintf(text + n, sizeof text - (size_t)n, ", %s: %.10g", touches[i].name,
                                      touches[i].strength);
        return (*ret = strdup(text)) ? 0 : -ENOMEM;
}

/* The prompt, and in it the adapters that stand beside it, as web UIs name them. */
static int format_prompt(char **ret, const Request *request)
{
        size_t size = 0;
        FILE *f = open_memstream(ret, &size);
        if (!f)
                return -ENOMEM;

        if (request->prompt_metadata)
                (void)fputs(request->prompt, f);
        for (uint32_t i = 0; i < request->n_loras && request->prompt_metadata; i++)
                (void)fprintf(f, "%s<lora:%s:%.10g>", i > 0 || *request->prompt ? " " : "", request->loras[i].name,
                              request->loras[i].weight);
        if (request->prompt_metadata)
                (void)fputc('\n', f);
        return fclose(f) == 0 ? 0 : -ENOMEM;
}

/* ", Outpaint: "left:128 up:64"" */
static void format_outpaint(char *text, size_t size, const Request *request)
{
        const char *before = ", Outpaint: \"";

        for (size_t i = 0; i < SIDE_MAX; i++)
                if (request->outpaint[i] > 0) {
                        const size_t at = strlen(text);
                        (void)snprintf(text + at, size - at, "%s%s:%u", before, canvas_side_to_string((CanvasSide)i), request->outpaint[i]);
                        before = " ";
                }
        if (request_outpaints(request))
                (void)snprintf(text + strlen(text), size - strlen(text), "\"");
}

int parameters_format(char **ret, const Request *request, const Resolved *resolved, uint32_t index,
                      const char *model)
{
        const char *negative = request->prompt_metadata ? request->negative_prompt : "";
        _cleanup_(freep) char *touches = NULL, *prompt = NULL, *quoted = quote(model);
        char *text, more[512] = "";

        if (request->fast)
                (void)snprintf(more, sizeof(more), ", Fast: yes");
        if (request->variation_strength > 0)
                (void)snprintf(more + strlen(more), sizeof(more) - strlen(more),
                               ", Variation seed: %" PRIu64 ", Variation seed strength: %.10g",
                               request_variation_seed(request, index), request->variation_strength);
        if (request->strength > 0)
                (void)snprintf(more + strlen(more), sizeof(more) - strlen(more), ", Denoising strength: %.10g",
                               request->strength);
        format_outpaint(more, sizeof(more), request);
        if (request->rng == RNG_PHILOX)
                (void)snprintf(more + strlen(more), sizeof(more) - strlen(more), ", RNG: NV");
        if (resolved->first_width > 0) /* the web UI's Size is the first pass's */
                (void)snprintf(more + strlen(more), sizeof(more) - strlen(more),
                               ", Denoising strength: %.10g, Hires upscale: %.10g, Hires steps: %u, Hires upscaler: Latent",
                               request->hires_strength, request->hires_scale, resolved->second_steps);
        if (request->reuse_deep > 1)
                (void)snprintf(more + strlen(more), sizeof(more) - strlen(more), ", Reuse deep: %u", request->reuse_deep);
        if (request->merge_tokens > 0) /* as the web UI calls it */
                (void)snprintf(more + strlen(more), sizeof(more) - strlen(more), ", Token merging ratio: %.10g",
                               request->merge_tokens);
        if (request->clip_skip > 0)
                (void)snprintf(more + strlen(more), sizeof(more) - strlen(more), ", Clip skip: %u", request->clip_skip);
        if (request->tiling)
                (void)snprintf(more + strlen(more), sizeof(more) - strlen(more), ", Tiling: %s",
                               request->tiling == TILING_BOTH ? "True" : tiling_to_string((Tiling)request->tiling));
        if (resolved->prompt_chunks > 1)
                (void)snprintf(more + strlen(more), sizeof(more) - strlen(more), ", Prompt chunks: %u",
                               resolved->prompt_chunks);
        if (resolved->truncated_tokens > 0)
                (void)snprintf(more + strlen(more), sizeof(more) - strlen(more), ", Truncated tokens: %u",
                               resolved->truncated_tokens);
        if (resolved->precision != PRECISION_AUTO)
                (void)snprintf(more + strlen(more), sizeof(more) - strlen(more), ", Precision: %s",
                               precision_to_string((Precision)resolved->precision));
        int r = quoted ? format_touches(&touches, resolved) : -ENOMEM;
        if (r >= 0)
                r = format_prompt(&prompt, request);
        if (r < 0)
                return r;
        const bool twice = resolved->first_width > 0 && resolved->enlarge == ENLARGE_NONE;
        /* %.10g: as many digits as anyone types, and no more. */
        int n = asprintf(&text,
                         "%s%s%s%sSteps: %u, Sampler: %s%s, CFG scale: %.10g, Seed: %" PRIu64
                         ", Size: %ux%u%s, Model: %s, Prompt tokens: %u%s, Version: imagined " VERSION,
                         prompt, negative[0] ? "Negative prompt: " : "",
                         negative, negative[0] ? "\n" : "", resolved->steps,
                         sampler_label((Sampler)resolved->sampler), schedule_label(resolved->schedule),
                         resolved->guidance,
                         request_picture_seed(request, index), twice ? resolved->first_width : resolved->width,
                         twice ? resolved->first_height : resolved->height, touches, quoted,
                         resolved->prompt_tokens, more);
        if (n < 0)
                return -ENOMEM;
        *ret = text;
        return 0;
}
