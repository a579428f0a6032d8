/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
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

/* The prompts, and with the first the adapters that stand beside it, as web UIs name them. */
static void write_prompts(FILE *f, const Request *request)
{
        (void)fputs(request->prompt, f);
        for (uint32_t i = 0; i < request->n_loras; i++)
                (void)fprintf(f, "%s<lora:%s:%.10g>", i > 0 || *request->prompt ? " " : "", request->loras[i].name,
                              request->loras[i].weight);
        (void)fputc('\n', f);
        if (*request->negative_prompt)
                (void)fprintf(f, "Negative prompt: %s\n", request->negative_prompt);
}

/* What every picture has, and begins with. */
static void write_sampling(FILE *f, const Request *request, const Resolved *resolved, uint32_t index)
{
        /* The web UI's Size is the first pass's. */
        const bool twice = resolved->first_width > 0 && resolved->enlarge == ENLARGE_NONE;

        (void)fprintf(f, "Steps: %u, Sampler: %s%s, CFG scale: %.10g, Seed: %" PRIu64 ", Size: %ux%u", resolved->steps,
                      sampler_label((Sampler)resolved->sampler), schedule_label(resolved->schedule), resolved->guidance,
                      request_picture_seed(request, index), twice ? resolved->first_width : resolved->width,
                      twice ? resolved->first_height : resolved->height);
}

/* ", Enlarge: network from 128x128, Sharpen: 0.5": the final touches that were done. */
static void write_touches(FILE *f, const Resolved *r)
{
        const struct {
                const char *name;
                double strength;
        } touches[] = {
                { "Remove artefacts", r->remove_artefacts },
                { "Smooth edges", r->smooth_edges },
                { "Sharpen", r->sharpen },
        };

        if (r->enlarge > ENLARGE_NONE)
                (void)fprintf(f, ", Enlarge: %s from %ux%u", enlarge_to_string((Enlarge)r->enlarge), r->drawn_width,
                              r->drawn_height);
        for (size_t i = 0; i < ELEMENTSOF(touches); i++)
                if (touches[i].strength > 0)
                        (void)fprintf(f, ", %s: %.10g", touches[i].name, touches[i].strength);
}

/* ", Outpaint: "left:128 up:64"" */
static void write_outpaint(FILE *f, const Request *request)
{
        const char *before = ", Outpaint: \"";

        for (size_t i = 0; i < SIDE_MAX; i++)
                if (request->outpaint[i] > 0) {
                        (void)fprintf(f, "%s%s:%u", before, canvas_side_to_string((CanvasSide)i), request->outpaint[i]);
                        before = " ";
                }
        if (request_outpaints(request))
                (void)fputc('"', f);
}

/* What it was drawn from, if not from one seed's noise alone and at once. */
static void write_beginning(FILE *f, const Request *request, const Resolved *resolved, uint32_t index)
{
        if (request->fast)
                (void)fputs(", Fast: yes", f);
        if (request->variation_strength > 0)
                (void)fprintf(f, ", Variation seed: %" PRIu64 ", Variation seed strength: %.10g",
                              request_variation_seed(request, index), request->variation_strength);
        if (request->strength > 0)
                (void)fprintf(f, ", Denoising strength: %.10g", request->strength);
        write_outpaint(f, request);
        if (request->rng == RNG_PHILOX)
                (void)fputs(", RNG: NV", f);
        if (resolved->first_width > 0)
                (void)fprintf(f, ", Denoising strength: %.10g, Hires upscale: %.10g, Hires steps: %u, Hires upscaler: Latent",
                              request->hires_strength, request->hires_scale, resolved->second_steps);
}

/* How the networks were used otherwise than by default, and what they did not read. */
static void write_networks(FILE *f, const Request *request, const Resolved *resolved)
{
        if (request->reuse_deep > 1)
                (void)fprintf(f, ", Reuse deep: %u", request->reuse_deep);
        if (request->merge_tokens > 0) /* as the web UI calls it */
                (void)fprintf(f, ", Token merging ratio: %.10g", request->merge_tokens);
        if (request->clip_skip > 0)
                (void)fprintf(f, ", Clip skip: %u", request->clip_skip);
        if (request->tiling)
                (void)fprintf(f, ", Tiling: %s",
                              request->tiling == TILING_BOTH ? "True" : tiling_to_string((Tiling)request->tiling));
        if (resolved->prompt_chunks > 1)
                (void)fprintf(f, ", Prompt chunks: %u", resolved->prompt_chunks);
        if (resolved->truncated_tokens > 0)
                (void)fprintf(f, ", Truncated tokens: %u", resolved->truncated_tokens);
        if (resolved->precision != PRECISION_AUTO)
                (void)fprintf(f, ", Precision: %s", precision_to_string((Precision)resolved->precision));
}

int parameters_format(char **ret, const Request *request, const Resolved *resolved, uint32_t index,
                      const char *model)
{
        _cleanup_(freep) char *text = NULL, *quoted = quote(model);
        size_t size = 0;
        FILE *f = quoted ? open_memstream(&text, &size) : NULL;

        if (!f)
                return -ENOMEM;
        /* Numbers have %.10g: as many digits as anyone types, and no more. */
        if (request->prompt_metadata)
                write_prompts(f, request);
        write_sampling(f, request, resolved, index);
        write_touches(f, resolved);
        (void)fprintf(f, ", Model: %s, Prompt tokens: %u", quoted, resolved->prompt_tokens);
        write_beginning(f, request, resolved, index);
        write_networks(f, request, resolved);
        (void)fputs(", Version: imagined " VERSION, f);

        const bool failed = ferror(f);
        if (fclose(f) != 0 || failed)
                return -ENOMEM;
        *ret = TAKE_PTR(text);
        return 0;
}
