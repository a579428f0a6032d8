/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/request.h"
#include "base/utf8.h"
#include "base/util.h"

static const char *const enlarge_names[ENLARGE_MAX] = {
        [ENLARGE_DEFAULT] = "",
        [ENLARGE_NONE] = "none",
        [ENLARGE_LANCZOS] = "lanczos",
        [ENLARGE_NETWORK] = "network",
};

const char *enlarge_to_string(Enlarge enlarge)
{
        return enlarge < ENLARGE_MAX ? enlarge_names[enlarge] : "";
}

int enlarge_from_string(const char *name)
{
        for (int i = ENLARGE_DEFAULT + 1; i < ENLARGE_MAX; i++)
                if (streq(name, enlarge_names[i]))
                        return i;
        return -EINVAL;
}

static const char *const tiling_names[TILING_MAX] = {
        [TILING_NONE] = "none",
        [TILING_X] = "x",
        [TILING_Y] = "y",
        [TILING_BOTH] = "xy",
};

const char *tiling_to_string(Tiling tiling)
{
        return tiling < TILING_MAX ? tiling_names[tiling] : "";
}

int tiling_from_string(const char *name)
{
        for (int i = TILING_NONE; i < TILING_MAX; i++)
                if (streq(name, tiling_names[i]))
                        return i;
        return -EINVAL;
}

static const char *const mask_paints_names[MASK_PAINTS_MAX] = {
        [MASK_PAINTS_BRIGHT] = "bright",
        [MASK_PAINTS_DARK] = "dark",
        [MASK_PAINTS_OPAQUE] = "opaque",
        [MASK_PAINTS_CLEAR] = "clear",
};

const char *mask_paints_to_string(MaskPaints paints)
{
        return paints < MASK_PAINTS_MAX ? mask_paints_names[paints] : "";
}

int mask_paints_from_string(const char *name)
{
        for (int i = MASK_PAINTS_BRIGHT; i < MASK_PAINTS_MAX; i++)
                if (streq(name, mask_paints_names[i]))
                        return i;
        return -EINVAL;
}

bool request_lora_name_is_valid(const char *name)
{
        const size_t size = strnlen(name, REQUEST_LORA_NAME_MAX + 1);

        return size > 0 && size <= REQUEST_LORA_NAME_MAX && name[0] != '.' && !strpbrk(name, "<>:/") &&
               utf8_is_valid(name, size);
}

static const char *const format_names[FORMAT_MAX] = {
        [FORMAT_PNG] = "png",
        [FORMAT_JPEG] = "jpeg",
        [FORMAT_WEBP] = "webp",
};

const char *format_to_string(PictureFormat format)
{
        return format < FORMAT_MAX ? format_names[format] : "";
}

int format_from_string(const char *name)
{
        for (int i = 0; i < FORMAT_MAX; i++)
                if (streq(name, format_names[i]))
                        return i;
        return -EINVAL;
}

const char *format_mime(PictureFormat format)
{
        static const char *const mimes[FORMAT_MAX] = {
                [FORMAT_PNG] = "image/png",
                [FORMAT_JPEG] = "image/jpeg",
                [FORMAT_WEBP] = "image/webp",
        };

        return format < FORMAT_MAX ? mimes[format] : "";
}

const char *input_to_string(Input input)
{
        static const char *const names[INPUT_MAX] = { [INPUT_IMAGE] = "init-image", [INPUT_MASK] = "mask" };

        return input < INPUT_MAX ? names[input] : "";
}

const char *canvas_side_to_string(CanvasSide side)
{
        static const char *const names[SIDE_MAX] = {
                [SIDE_LEFT] = "left",
                [SIDE_RIGHT] = "right",
                [SIDE_UP] = "up",
                [SIDE_DOWN] = "down",
        };

        return side < SIDE_MAX ? names[side] : "";
}

static const char *const stage_names[STAGE_MAX] = {
        [STAGE_ENCODE] = "encode",
        [STAGE_DENOISE] = "denoise",
        [STAGE_DECODE] = "decode",
        [STAGE_TOUCHES] = "touches",
};

const char *stage_to_string(Stage stage)
{
        return stage < STAGE_MAX ? stage_names[stage] : "";
}

int stage_from_string(const char *name)
{
        for (int i = 0; i < STAGE_MAX; i++)
                if (streq(name, stage_names[i]))
                        return i;
        return -EINVAL;
}

void request_init(Request *request)
{
        *request = (Request) {
                .count = 1,
                .guidance = -1,
                .guidance_rescale = -1,
                .guidance_end = 1,
                .eta = -1,
                .remove_artefacts = -1,
                .smooth_edges = -1,
                .sharpen = -1,
                .prompt_metadata = true,
                .hires_strength = 0.7,
        };
}

static int check_text(const char *field, const char *text, size_t most, Error *error)
{
        size_t size = strnlen(text, most + 1);

        if (size > most)
                return error_set(error, -EINVAL, "%s: longer than %zu bytes", field, most);
        if (!utf8_is_valid(text, size))
                return error_set(error, -EINVAL, "%s: not valid UTF-8", field);
        return 0;
}

static int check_range(const char *field, uint64_t value, uint64_t low, uint64_t high, Error *error)
{
        if (value < low || value > high)
                return error_set(error, -EINVAL, "%s: %llu is not between %llu and %llu", field,
                                 (unsigned long long)value, (unsigned long long)low, (unsigned long long)high);
        return 0;
}

static int check_numbers(const Request *q, Error *error)
{
        /* Where negative ones are left to the model, or to the sampler, any will do. */
        const struct {
                const char *field;
                double value, low, high;
        } numbers[] = {
                { "guidance", q->guidance, -HUGE_VAL, REQUEST_GUIDANCE_MAX },
                { "guidance-rescale", q->guidance_rescale, -HUGE_VAL, 1 },
                { "guidance-start", q->guidance_start, 0, 1 },
                { "guidance-end", q->guidance_end, 0, 1 },
                { "merge-tokens", q->merge_tokens, 0, REQUEST_MERGE_MAX },
                { "strength", q->strength, 0, 1 },
                { "variation-strength", q->variation_strength, 0, 1 },
                { "hires", q->hires_scale, q->hires_scale != 0 ? 1 : 0, REQUEST_HIRES_MAX },
                { "hires-strength", q->hires_strength, 0, 1 },
                { "mask-blur", q->mask_blur, 0, REQUEST_MASK_BLUR_MAX },
                { "eta", q->eta, -HUGE_VAL, 1 },
                { "remove-artefacts", q->remove_artefacts, -HUGE_VAL, 1 },
                { "smooth-edges", q->smooth_edges, -HUGE_VAL, 1 },
                { "sharpen", q->sharpen, -HUGE_VAL, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                if (!isfinite(numbers[i].value) || numbers[i].value < numbers[i].low ||
                    numbers[i].value > numbers[i].high)
                        return error_set(error, -EINVAL, "%s: %g is not between %g and %g", numbers[i].field,
                                         numbers[i].value, MAX(numbers[i].low, 0.0), numbers[i].high);
        return 0;
}

static int check_loras(const Request *q, Error *error)
{
        for (uint32_t i = 0; i < q->n_loras; i++) {
                const RequestLora *lora = &q->loras[i];

                if (!request_lora_name_is_valid(lora->name))
                        return error_set(error, -EINVAL, "loras: not an adapter's name");
                if (!(fabs(lora->weight) <= REQUEST_WEIGHT_MAX))
                        return error_set(error, -EINVAL, "loras: a weight of %g is not between %g and %g", lora->weight,
                                         -REQUEST_WEIGHT_MAX, REQUEST_WEIGHT_MAX);
        }
        return 0;
}

/* Pictures that come with a request go with a strength, and a mask or new sides with a picture. */
static int check_inputs(const Request *q, Error *error)
{
        const bool image = q->inputs & 1U << INPUT_IMAGE, mask = q->inputs & 1U << INPUT_MASK;

        if (mask && !image)
                return error_set(error, -EINVAL, "mask: needs an init-image");
        if (!mask && (q->mask_paints != MASK_PAINTS_BRIGHT || q->mask_blur != 0))
                return error_set(error, -EINVAL, "%s: needs a mask", q->mask_blur != 0 ? "mask-blur" : "mask-paints");
        if (mask && q->strength <= 0)
                return error_set(error, -EINVAL, "strength: must be above 0 with a mask");
        if (request_outpaints(q) && q->strength <= 0)
                return error_set(error, -EINVAL, "outpaint: needs an init-image");
        if (request_outpaints(q) && mask)
                return error_set(error, -EINVAL, "outpaint: does not go with a mask");
        return 0;
}

static int check_texts(const Request *q, Error *error)
{
        int r = check_text("prompt", q->prompt, REQUEST_PROMPT_MAX, error);
        if (r >= 0)
                r = check_text("negative-prompt", q->negative_prompt, REQUEST_PROMPT_MAX, error);
        if (r >= 0)
                r = check_text("alt-text", q->alt_text, REQUEST_ALT_TEXT_MAX, error);
        return r < 0 ? r : check_text("creator", q->creator, REQUEST_CREATOR_MAX, error);
}

int request_check(const Request *q, Error *error)
{
        int r = check_texts(q, error);
        if (r < 0)
                return r;

        const struct {
                const char *field;
                uint64_t value, low, high;
        } ranges[] = {
                { "width", q->width, q->width ? REQUEST_SIZE_MIN : 0, REQUEST_SIZE_MAX },
                { "height", q->height, q->height ? REQUEST_SIZE_MIN : 0, REQUEST_SIZE_MAX },
                { "steps", q->steps, 0, REQUEST_STEPS_MAX },
                { "count", q->count, 1, REQUEST_COUNT_MAX },
                { "preview-every", q->preview_every, 0, REQUEST_STEPS_MAX },
                { "reuse-deep", q->reuse_deep, 0, REQUEST_REUSE_MAX },
                { "sampler", q->sampler, 0, SAMPLER_MAX - 1 },
                { "rng", q->rng, 0, RNG_MAX - 1 },
                { "schedule", q->schedule, 0, SIGMA_SCHEDULE_MAX - 1 },
                { "prompt-metadata", q->prompt_metadata, 0, 1 },
                { "fast", q->fast, 0, 1 },
                { "enlarge", q->enlarge, 0, ENLARGE_MAX - 1 },
                { "tiling", q->tiling, 0, TILING_MAX - 1 },
                { "mask-paints", q->mask_paints, 0, MASK_PAINTS_MAX - 1 },
                { "hires-steps", q->hires_steps, 0, REQUEST_STEPS_MAX },
                { "clip-skip", q->clip_skip, 0, REQUEST_CLIP_SKIP_MAX },
                { "loras", q->n_loras, 0, REQUEST_LORAS_MAX },
                { "format", q->format, 0, FORMAT_MAX - 1 },
                { "quality", q->quality, 0, 100 },
                { "inputs", q->inputs, 0, (1U << INPUT_MAX) - 1 },
                { "precision", q->precision, 0, PRECISION_MAX - 1 },
                { "outpaint", q->outpaint[SIDE_LEFT], 0, REQUEST_SIZE_MAX },
                { "outpaint", q->outpaint[SIDE_RIGHT], 0, REQUEST_SIZE_MAX },
                { "outpaint", q->outpaint[SIDE_UP], 0, REQUEST_SIZE_MAX },
                { "outpaint", q->outpaint[SIDE_DOWN], 0, REQUEST_SIZE_MAX },
        };
        for (size_t i = 0; i < ELEMENTSOF(ranges); i++) {
                r = check_range(ranges[i].field, ranges[i].value, ranges[i].low, ranges[i].high, error);
                if (r < 0)
                        return r;
        }

        r = check_loras(q, error);
        if (r >= 0)
                r = check_numbers(q, error);
        return r < 0 ? r : check_inputs(q, error);
}
