/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "base/util.h"
#include "service/models.h"
#include "service/options-private.h"

#define KEEP_ALIVE_MAX 86400 /* seconds */

static int set_u32(Options *options, const Option *option, const Value *value, Error *error)
{
        if (value->u < option->low || value->u > option->high)
                return error_set(
                                error, -EINVAL, "%s: %u is not between %llu and %llu", option->name, value->u,
                                (unsigned long long)option->low, (unsigned long long)option->high);
        *(uint32_t *)((uint8_t *)options + option->offset) = value->u;
        return 0;
}

static int set_seed(Options *options, const Option *option, const Value *value, Error *error)
{
        (void)option, (void)error;
        options->request.seed = value->t;
        options->has_seed = true;
        return 0;
}

static int set_double(Options *options, const Option *option, const Value *value, Error *error)
{
        if (!isfinite(value->d) || value->d < (double)option->low || value->d > (double)option->high)
                return error_set(
                                error, -EINVAL, "%s: %g is not between %llu and %llu", option->name, value->d,
                                (unsigned long long)option->low, (unsigned long long)option->high);
        *(double *)((uint8_t *)options + option->offset) = value->d;
        return 0;
}

/* A share of something, 0 to 1. */
static int set_share(Options *options, const Option *option, const Value *value, Error *error)
{
        if (!(value->d >= 0 && value->d <= 1))
                return error_set(error, -EINVAL, "%s: %g is not between 0 and 1", option->name, value->d);
        *(double *)((uint8_t *)options + option->offset) = value->d;
        return 0;
}

static int set_input(Options *options, const Option *option, const Value *value, Error *error)
{
        (void)error;
        options->fds[option->offset] = value->h;
        options->request.inputs |= (uint8_t)(1U << option->offset);
        return 0;
}

static int set_variation_seed(Options *options, const Option *option, const Value *value, Error *error)
{
        (void)option, (void)error;
        options->request.variation_seed = value->t;
        options->has_variation_seed = true;
        return 0;
}

static int set_rng(Options *options, const Option *option, const Value *value, Error *error)
{
        int rng = rng_from_string(value->s);
        if (rng < 0)
                return error_set(error, -EINVAL, "%s: must be cpu or philox", option->name);
        options->request.rng = (uint32_t)rng;
        return 0;
}

static const char sampler_names[] =
#define X(id, name) " " name
        SAMPLERS(X)
#undef X
        ;

static int set_sampler(Options *options, const Option *option, const Value *value, Error *error)
{
        SigmaSchedule schedule = SIGMA_SCHEDULE_DEFAULT;
        int sampler = sampler_from_string(value->s, &schedule);
        if (sampler < 0)
                return error_set(error, -EINVAL, "%s: not one of%s", option->name, sampler_names);
        options->request.sampler = (uint32_t)sampler;
        /* A schedule by itself, which may stand before this, has the last word. */
        if (options->request.schedule == SIGMA_SCHEDULE_DEFAULT)
                options->request.schedule = schedule;
        return 0;
}

static const char schedule_names[] =
#define X(id, name) " " name
        SIGMA_SCHEDULES(X)
#undef X
        ;

static int set_schedule(Options *options, const Option *option, const Value *value, Error *error)
{
        int schedule = sigma_schedule_from_string(value->s);
        if (schedule < 0)
                return error_set(error, -EINVAL, "%s: not one of%s", option->name, schedule_names);
        options->request.schedule = (uint32_t)schedule;
        return 0;
}

static int set_enlarge(Options *options, const Option *option, const Value *value, Error *error)
{
        int enlarge = enlarge_from_string(value->s);
        if (enlarge < 0)
                return error_set(error, -EINVAL, "%s: must be none, lanczos or network", option->name);
        options->request.enlarge = (uint8_t)enlarge;
        return 0;
}

static int set_precision(Options *options, const Option *option, const Value *value, Error *error)
{
        int precision = precision_from_string(value->s);
        if (precision < 0)
                return error_set(error, -EINVAL, "%s: must be auto, f32, bf16 or int8", option->name);
        options->request.precision = (uint8_t)precision;
        return 0;
}

static int set_tiling(Options *options, const Option *option, const Value *value, Error *error)
{
        int tiling = tiling_from_string(value->s);
        if (tiling < 0)
                return error_set(error, -EINVAL, "%s: must be none, x, y or xy", option->name);
        options->request.tiling = (uint8_t)tiling;
        return 0;
}

static int set_mask_paints(Options *options, const Option *option, const Value *value, Error *error)
{
        int paints = mask_paints_from_string(value->s);
        if (paints < 0)
                return error_set(error, -EINVAL, "%s: must be bright, dark, opaque or clear", option->name);
        options->request.mask_paints = (uint8_t)paints;
        return 0;
}

static int set_format(Options *options, const Option *option, const Value *value, Error *error)
{
        int format = format_from_string(value->s);
        if (format < 0)
                return error_set(error, -EINVAL, "%s: must be png, jpeg or webp", option->name);
        options->request.format = (uint8_t)format;
        return 0;
}

static int set_quality(Options *options, const Option *option, const Value *value, Error *error)
{
        if (value->u < 1 || value->u > 100)
                return error_set(error, -EINVAL, "%s: %u is not between 1 and 100", option->name, value->u);
        options->request.quality = (uint8_t)value->u;
        return 0;
}

static int set_model(Options *options, const Option *option, const Value *value, Error *error)
{
        if (!model_name_is_valid(value->s))
                return error_set(error, -EINVAL, "%s: not a model's name", option->name);
        memcpy(options->policy.model, value->s, strlen(value->s) + 1);
        return 0;
}

static int set_created(Options *options, const Option *option, const Value *value, Error *error)
{
        (void)option, (void)error;
        options->request.created = value->t;
        options->has_created = true;
        return 0;
}

/* A text of at most `high` bytes, in an array of the request. */
static int set_text(Options *options, const Option *option, const Value *value, Error *error)
{
        const size_t size = strlen(value->s);

        if (size > option->high)
                return error_set(error, -EINVAL, "%s: longer than %llu bytes", option->name, (unsigned long long)option->high);
        memcpy((uint8_t *)options + option->offset, value->s, size + 1);
        return 0;
}

_Static_assert(sizeof(bool) == sizeof(uint8_t), "a switch is one or the other");

static int set_switch(Options *options, const Option *option, const Value *value, Error *error)
{
        (void)error;
        *((uint8_t *)options + option->offset) = value->b != 0;
        return 0;
}

static int set_keep_alive(Options *options, const Option *option, const Value *value, Error *error)
{
        if (value->t > option->high)
                return error_set(
                                error, -EINVAL, "%s: at most %llu seconds", option->name,
                                (unsigned long long)option->high);
        options->policy.keep_alive = value->t;
        return 0;
}

static int set_priority(Options *options, const Option *option, const Value *value, Error *error)
{
        int priority = priority_from_string(value->s);
        if (priority < 0)
                return error_set(error, -EINVAL, "%s: must be interactive, normal or batch", option->name);
        options->policy.priority = (Priority)priority;
        return 0;
}

/* --- the same back: what set() made of a value --- */

static bool get_text(const char *text, Value *ret)
{
        ret->s = text;
        return text && *text;
}

static bool get_model(const Options *options, Value *ret)
{
        return get_text(options->policy.model, ret);
}

static bool get_negative_prompt(const Options *options, Value *ret)
{
        return get_text(options->request.negative_prompt, ret);
}

static bool get_sampler(const Options *options, Value *ret)
{
        return get_text(sampler_to_string(options->request.sampler), ret);
}

static bool get_schedule(const Options *options, Value *ret)
{
        return get_text(sigma_schedule_to_string(options->request.schedule), ret);
}

static bool get_rng(const Options *options, Value *ret)
{
        return get_text(rng_to_string(options->request.rng), ret);
}

static bool get_input(const Options *options, Input input, Value *ret)
{
        ret->h = options->fds[input];
        return options->request.inputs & 1U << input;
}

static bool get_init_image(const Options *options, Value *ret)
{
        return get_input(options, INPUT_IMAGE, ret);
}

static bool get_strength(const Options *options, Value *ret)
{
        ret->d = options->request.strength;
        return options->request.inputs & 1U << INPUT_IMAGE;
}

static bool get_mask(const Options *options, Value *ret)
{
        return get_input(options, INPUT_MASK, ret);
}

static bool get_mask_paints(const Options *options, Value *ret)
{
        ret->s = mask_paints_to_string((MaskPaints)options->request.mask_paints);
        return options->request.mask_paints != MASK_PAINTS_BRIGHT;
}

static bool get_format(const Options *options, Value *ret)
{
        ret->s = format_to_string((PictureFormat)options->request.format);
        return options->request.format != FORMAT_PNG;
}

static bool get_quality(const Options *options, Value *ret)
{
        ret->u = options->request.quality;
        return ret->u > 0;
}

static bool get_enlarge(const Options *options, Value *ret)
{
        return get_text(enlarge_to_string(options->request.enlarge), ret);
}

static bool get_precision(const Options *options, Value *ret)
{
        return get_text(precision_to_string((Precision)options->request.precision), ret);
}

static bool get_tiling(const Options *options, Value *ret)
{
        return get_text(tiling_to_string((Tiling)options->request.tiling), ret);
}

static bool get_priority(const Options *options, Value *ret)
{
        return get_text(priority_to_string(options->policy.priority), ret);
}

static bool get_seed(const Options *options, Value *ret)
{
        ret->t = options->request.seed;
        return options->has_seed;
}

static bool get_variation_seed(const Options *options, Value *ret)
{
        ret->t = options->request.variation_seed;
        return options->has_variation_seed;
}

static bool get_keep_alive(const Options *options, Value *ret)
{
        ret->t = options->policy.keep_alive;
        return ret->t > 0;
}

static bool get_created(const Options *options, Value *ret)
{
        ret->t = options->request.created;
        return true;
}

static bool get_alt_text(const Options *options, Value *ret)
{
        return get_text(options->request.alt_text, ret);
}

static bool get_creator(const Options *options, Value *ret)
{
        return get_text(options->request.creator, ret);
}

static bool get_fast(const Options *options, Value *ret)
{
        ret->b = options->request.fast;
        return true;
}

static bool get_prompt_metadata(const Options *options, Value *ret)
{
        ret->b = options->request.prompt_metadata;
        return true;
}

static bool get_detach(const Options *options, Value *ret)
{
        ret->b = options->policy.detach;
        return true;
}

#define NUMBER(name, member, low, high) { name, 'u', low, high, offsetof(Options, request.member), set_u32 }
#define DOUBLE(name, member, high) { name, 'd', 0, high, offsetof(Options, request.member), set_double }

#define TEXT(name, member, high, get) { name, 's', 0, high, offsetof(Options, request.member), set_text, get }

#define SHARE(name, member) { name, 'd', .offset = offsetof(Options, request.member), .set = set_share }

#define SWITCH(name, member, getter) \
        { name, 'b', .offset = offsetof(Options, member), .set = set_switch, .get = getter }

const Option options_table[] = {
        { "model", 's', .set = set_model, .get = get_model },
        TEXT("negative-prompt", negative_prompt, REQUEST_PROMPT_MAX, get_negative_prompt),
        NUMBER("width", width, REQUEST_SIZE_MIN, REQUEST_SIZE_MAX),
        NUMBER("height", height, REQUEST_SIZE_MIN, REQUEST_SIZE_MAX),
        NUMBER("steps", steps, 1, REQUEST_STEPS_MAX),
        { "seed", 't', .set = set_seed, .get = get_seed },
        DOUBLE("guidance", guidance, (uint64_t)REQUEST_GUIDANCE_MAX),
        { "sampler", 's', .set = set_sampler, .get = get_sampler },
        { "rng", 's', .set = set_rng, .get = get_rng },
        { "variation-seed", 't', .set = set_variation_seed, .get = get_variation_seed },
        SHARE("variation-strength", variation_strength),
        { "schedule", 's', .set = set_schedule, .get = get_schedule },
        SHARE("eta", eta),
        SHARE("guidance-rescale", guidance_rescale),
        SHARE("guidance-start", guidance_start),
        SHARE("guidance-end", guidance_end),
        NUMBER("reuse-deep", reuse_deep, 1, REQUEST_REUSE_MAX),
        SHARE("merge-tokens", merge_tokens),
        { "format", 's', .set = set_format, .get = get_format },
        { "quality", 'u', .set = set_quality, .get = get_quality },
        { "init-image", 'h', .offset = INPUT_IMAGE, .set = set_input, .get = get_init_image },
        { "mask", 'h', .offset = INPUT_MASK, .set = set_input, .get = get_mask },
        { "mask-paints", 's', .set = set_mask_paints, .get = get_mask_paints },
        DOUBLE("mask-blur", mask_blur, (uint64_t)REQUEST_MASK_BLUR_MAX),
        { "strength", 'd', .offset = offsetof(Options, request.strength), .set = set_share, .get = get_strength },
        { "outpaint", .signature = "(uuuu)", .get = options_has_outpaint, .read = options_read_outpaint,
          .append = options_append_outpaint, .to_json = options_outpaint_to_json },
        NUMBER("count", count, 1, REQUEST_COUNT_MAX),
        NUMBER("preview-every", preview_every, 0, REQUEST_STEPS_MAX),
        SWITCH("fast", request.fast, get_fast),
        { "enlarge", 's', .set = set_enlarge, .get = get_enlarge },
        { "hires", 'd', 1, REQUEST_HIRES_MAX, offsetof(Options, request.hires_scale), set_double },
        SHARE("hires-strength", hires_strength),
        NUMBER("hires-steps", hires_steps, 1, REQUEST_STEPS_MAX),
        { "tiling", 's', .set = set_tiling, .get = get_tiling },
        { "precision", 's', .set = set_precision, .get = get_precision },
        NUMBER("clip-skip", clip_skip, 1, REQUEST_CLIP_SKIP_MAX),
        { "loras", .signature = "a(sd)", .get = options_has_loras, .read = options_read_loras,
          .append = options_append_loras, .to_json = options_loras_to_json },
        DOUBLE("remove-artefacts", remove_artefacts, 1),
        DOUBLE("smooth-edges", smooth_edges, 1),
        DOUBLE("sharpen", sharpen, 1),
        TEXT("alt-text", alt_text, REQUEST_ALT_TEXT_MAX, get_alt_text),
        TEXT("creator", creator, REQUEST_CREATOR_MAX, get_creator),
        { "created", 't', .set = set_created, .get = get_created },
        { "provider", 's', .set = options_set_provider, .get = options_get_nothing },
        { "purpose", 's', .set = options_set_purpose, .get = options_get_nothing },
        SWITCH("best-effort", remote.best_effort, options_get_nothing),
        SWITCH("private", remote.is_private, options_get_nothing),
        SWITCH("dry-run", remote.dry_run, options_get_nothing),
        SWITCH("prompt-metadata", request.prompt_metadata, get_prompt_metadata),
        SWITCH("detach", policy.detach, get_detach),
        { "keep-alive", 't', .high = KEEP_ALIVE_MAX, .set = set_keep_alive, .get = get_keep_alive },
        { "priority", 's', .set = set_priority, .get = get_priority },
};
_Static_assert(ELEMENTSOF(options_table) <= 64, "options are counted in 64 bits");
const size_t options_n = ELEMENTSOF(options_table);
