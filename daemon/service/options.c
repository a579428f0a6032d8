/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>

#include "base/util.h"
#include "service/models.h"
#include "service/options.h"

#define KEEP_ALIVE_MAX 86400 /* seconds */

typedef struct Option Option;

/* A value as it came, in the member that the option's type says. */
typedef union Value {
        uint32_t u;
        uint64_t t;
        double d;
        int b;
        const char *s;
} Value;

struct Option {
        const char *name;
        char type;
        uint64_t low, high; /* of numbers */
        size_t offset; /* of plain numbers, in Options */
        int (*set)(Options *options, const Option *option, const Value *value, Error *error);
};

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

static int set_model(Options *options, const Option *option, const Value *value, Error *error)
{
        if (!model_name_is_valid(value->s))
                return error_set(error, -EINVAL, "%s: not a model's name", option->name);
        memcpy(options->policy.model, value->s, strlen(value->s) + 1);
        return 0;
}

static int set_negative_prompt(Options *options, const Option *option, const Value *value, Error *error)
{
        size_t size = strlen(value->s);
        if (size > REQUEST_PROMPT_MAX)
                return error_set(error, -EINVAL, "%s: longer than %d bytes", option->name, REQUEST_PROMPT_MAX);
        memcpy(options->request.negative_prompt, value->s, size + 1);
        return 0;
}

static int set_prompt_metadata(Options *options, const Option *option, const Value *value, Error *error)
{
        (void)option, (void)error;
        options->request.prompt_metadata = value->b != 0;
        return 0;
}

static int set_fast(Options *options, const Option *option, const Value *value, Error *error)
{
        (void)option, (void)error;
        options->request.fast = value->b != 0;
        return 0;
}

static int set_detach(Options *options, const Option *option, const Value *value, Error *error)
{
        (void)option, (void)error;
        options->policy.detach = value->b != 0;
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

#define NUMBER(name, member, low, high) { name, 'u', low, high, offsetof(Options, request.member), set_u32 }
#define DOUBLE(name, member, high) { name, 'd', 0, high, offsetof(Options, request.member), set_double }

#define SHARE(name, member) { name, 'd', .offset = offsetof(Options, request.member), .set = set_share }

static const Option table[] = {
        { "model", 's', .set = set_model },
        { "negative-prompt", 's', .set = set_negative_prompt },
        NUMBER("width", width, REQUEST_SIZE_MIN, REQUEST_SIZE_MAX),
        NUMBER("height", height, REQUEST_SIZE_MIN, REQUEST_SIZE_MAX),
        NUMBER("steps", steps, 1, REQUEST_STEPS_MAX),
        { "seed", 't', .set = set_seed },
        DOUBLE("guidance", guidance, (uint64_t)REQUEST_GUIDANCE_MAX),
        { "sampler", 's', .set = set_sampler },
        { "rng", 's', .set = set_rng },
        { "variation-seed", 't', .set = set_variation_seed },
        SHARE("variation-strength", variation_strength),
        { "schedule", 's', .set = set_schedule },
        SHARE("eta", eta),
        SHARE("guidance-rescale", guidance_rescale),
        SHARE("guidance-start", guidance_start),
        SHARE("guidance-end", guidance_end),
        NUMBER("count", count, 1, REQUEST_COUNT_MAX),
        NUMBER("preview-every", preview_every, 0, REQUEST_STEPS_MAX),
        { "fast", 'b', .set = set_fast },
        { "enlarge", 's', .set = set_enlarge },
        DOUBLE("remove-artefacts", remove_artefacts, 1),
        DOUBLE("smooth-edges", smooth_edges, 1),
        DOUBLE("sharpen", sharpen, 1),
        { "prompt-metadata", 'b', .set = set_prompt_metadata },
        { "detach", 'b', .set = set_detach },
        { "keep-alive", 't', .high = KEEP_ALIVE_MAX, .set = set_keep_alive },
        { "priority", 's', .set = set_priority },
};
_Static_assert(ELEMENTSOF(table) <= 64, "options are counted in 64 bits");

static int find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (streq(name, table[i].name))
                        return (int)i;
        return -ENOENT;
}

static int read_value(sd_bus_message *message, const Option *option, Value *ret, Error *error)
{
        char signature[2] = { option->type, '\0' };
        const char *contents;
        char type;

        int r = sd_bus_message_peek_type(message, &type, &contents);
        if (r < 0)
                return r;
        if (!streq(contents, signature))
                return error_set(
                                error, -EINVAL, "%s: must be of type %s, not %s", option->name, signature, contents);

        r = sd_bus_message_enter_container(message, 'v', signature);
        if (r < 0)
                return r;
        r = sd_bus_message_read_basic(message, option->type, ret);
        if (r < 0)
                return r;
        return sd_bus_message_exit_container(message);
}

/* One entry of the dictionary, inside of it. */
static int read_option(sd_bus_message *message, Options *options, uint64_t *seen, Error *error)
{
        const char *name;
        int r = sd_bus_message_read_basic(message, 's', &name);
        if (r < 0)
                return r;

        int i = find(name);
        if (i < 0)
                return error_set(error, -EINVAL, "%.64s: unknown option", name);
        if (*seen & (UINT64_C(1) << i))
                return error_set(error, -EINVAL, "%s: given twice", name);
        *seen |= UINT64_C(1) << i;

        Value value;
        r = read_value(message, &table[i], &value, error);
        if (r < 0)
                return r;
        return table[i].set(options, &table[i], &value, error);
}

int options_read(sd_bus_message *message, Options *ret, Error *error)
{
        uint64_t seen = 0;

        request_init(&ret->request);
        ret->policy = (JobPolicy) { .priority = PRIORITY_NORMAL };
        ret->has_seed = ret->has_variation_seed = false;

        int r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_option(message, ret, &seen, error);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return MIN(r, 0);
}

int options_append_supported(sd_bus_message *reply)
{
        int r = sd_bus_message_open_container(reply, 'a', "{ss}");
        for (size_t i = 0; i < ELEMENTSOF(table) && r >= 0; i++)
                r = sd_bus_message_append(reply, "{ss}", table[i].name, (char[]) { table[i].type, '\0' });
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
