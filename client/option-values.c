/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/utf8.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/option-values.h"
#include "client/values.h"
#include "records/records.h"

typedef enum Kind {
        KIND_FLAG, /* bool */
        KIND_TEXT, /* const char *, UTF-8 */
        KIND_PATH, /* const char *, any bytes */
        KIND_INTEGER, /* uint64_t */
        KIND_NUMBER, /* double */
        KIND_SIZE, /* two uint32_t */
        KIND_ASPECT, /* double */
        KIND_DURATION, /* uint64_t */
        KIND_SAMPLER, /* const char *, one of the samplers */
        KIND_SCHEDULE, /* const char *, one of the schedules */
        KIND_RNG, /* const char * */
        KIND_INTERVAL, /* two doubles */
        KIND_ENLARGE, /* const char * */
        KIND_TILING, /* const char * */
        KIND_MASK_PAINTS, /* const char * */
        KIND_PRECISION, /* const char * */
        KIND_SIDES, /* SIDE_MAX uint32_t */
        KIND_LORA, /* one more in loras */
        KIND_FIELD, /* one more in fields */
        KIND_PRIORITY, /* const char * */
        KIND_FORMAT, /* const char * */
        KIND_PREVIEW, /* const char * */
        KIND_STATE, /* const char * */
        KIND_BY, /* const char * */
        KIND_TIME, /* uint64_t, µs since 1970 */
        KIND_MAX,
} Kind;

/* How each option's value is read, and where it goes. */
static const struct {
        Kind kind;
        size_t offset;
        double low, high;
        uint64_t most; /* high, for those numbers that a double cannot hold */
} value_table[] = {
#define X(id, letter, name, argument, kind, field, low, high, verbs, help)                                  \
        [OPTION_##id] = { KIND_##kind, offsetof(Options, field), (double)(low), (double)(high),             \
                          (uint64_t)(high) },
        OPTIONS(X)
#undef X
};

static int check_sampler(const char *name, Error *error)
{
        if (sampler_from_string(name, NULL) > 0)
                return 0;

        char list[256] = "";
        for (int i = SAMPLER_DEFAULT + 1; i < SAMPLER_MAX; i++) {
                strncat(list, i > 1 ? ", " : "", sizeof(list) - strlen(list) - 1);
                strncat(list, sampler_to_string((Sampler)i), sizeof(list) - strlen(list) - 1);
        }
        return error_set(error, -EINVAL, _("there is no '%s'; there are %s"), name, list);
}

static int check_schedule(const char *name, Error *error)
{
        if (sigma_schedule_from_string(name) >= 0)
                return 0;

        char list[256] = "";
        for (int i = SIGMA_SCHEDULE_DEFAULT + 1; i < SIGMA_SCHEDULE_MAX; i++) {
                strncat(list, i > 1 ? ", " : "", sizeof(list) - strlen(list) - 1);
                strncat(list, sigma_schedule_to_string((SigmaSchedule)i), sizeof(list) - strlen(list) - 1);
        }
        return error_set(error, -EINVAL, _("there is no '%s'; there are %s"), name, list);
}

static int check_enlarge(const char *name, Error *error)
{
        if (enlarge_from_string(name) > 0)
                return 0;
        return error_set(error, -EINVAL, _("'%s' is none of network, lanczos, none"), name);
}

static int check_precision(const char *name, Error *error)
{
        if (precision_from_string(name) >= 0)
                return 0;
        return error_set(error, -EINVAL, _("'%s' is none of auto, f32, bf16, int8"), name);
}

static int check_tiling(const char *name, Error *error)
{
        if (tiling_from_string(name) >= 0)
                return 0;
        return error_set(error, -EINVAL, _("'%s' is none of x, y, xy, none"), name);
}

static int check_mask_paints(const char *name, Error *error)
{
        if (mask_paints_from_string(name) >= 0)
                return 0;
        return error_set(error, -EINVAL, _("'%s' is none of bright, dark, opaque, clear"), name);
}

/* NAME, or NAME:WEIGHT. */
static int add_lora(Options *o, const char *value, Error *error)
{
        const size_t length = strcspn(value, ":");
        RequestLora lora = { .weight = 1 };

        if (o->n_loras == REQUEST_LORAS_MAX)
                return error_set(error, -EINVAL, _("at most %d of them"), REQUEST_LORAS_MAX);
        if (length < sizeof(lora.name))
                memcpy(lora.name, value, length);
        if (!request_lora_name_is_valid(lora.name))
                return error_set(error, -EINVAL, _("'%s' does not begin with the name of an adapter"), value);
        if (value[length] == ':') {
                int r = value_parse_number(value + length + 1, -REQUEST_WEIGHT_MAX, REQUEST_WEIGHT_MAX, &lora.weight, error);
                if (r < 0)
                        return r;
        }
        o->loras[o->n_loras++] = lora;
        return 0;
}

static int add_field(Options *o, const char *value, Error *error)
{
        if (!strchr(value, '=') || value[0] == '=')
                return error_set(error, -EINVAL, _("'%s' is no NAME=TEXT"), value);
        if (o->n_fields == FIELDS_GIVEN_MAX)
                return error_set(error, -EINVAL, _("at most %d of them"), FIELDS_GIVEN_MAX);
        o->fields[o->n_fields++] = value;
        return 0;
}

static int check_priority(const char *name, Error *error)
{
        if (streq(name, "interactive") || streq(name, "normal") || streq(name, "batch"))
                return 0;
        return error_set(error, -EINVAL, _("'%s' is none of interactive, normal, batch"), name);
}

static int check_preview(const char *name, Error *error)
{
        if (streq(name, "auto") || streq(name, "kitty") || streq(name, "sixel") || streq(name, "none"))
                return 0;
        return error_set(error, -EINVAL, _("'%s' is none of auto, kitty, sixel, none"), name);
}

static int check_state(const char *name, Error *error)
{
        if (record_state_is_valid(name))
                return 0;
        return error_set(error, -EINVAL, _("'%s' is none of draft, approved, rejected, retired"), name);
}

static int check_by(const char *name, Error *error)
{
        if (streq(name, "day") || streq(name, "provider") || streq(name, "app"))
                return 0;
        return error_set(error, -EINVAL, _("'%s' is none of day, provider, app"), name);
}

static int check_path(const char *path, Error *error)
{
        return path[0] != '\0' ? 0 : error_set(error, -EINVAL, _("the name is empty"));
}

static int check_text(const char *text, Error *error)
{
        if (!utf8_is_valid(text, strlen(text)))
                return error_set(error, -EINVAL, _("the text is not valid UTF-8"));
        if (strlen(text) > REQUEST_PROMPT_MAX)
                return error_set(error, -EINVAL, _("longer than %d bytes"), REQUEST_PROMPT_MAX);
        return 0;
}

static int check_rng(const char *name, Error *error)
{
        if (rng_from_string(name) >= 0)
                return 0;
        return error_set(error, -EINVAL, _("'%s' is none of cpu, philox"), name);
}

static int check_format(const char *name, Error *error)
{
        if (format_from_string(name) >= 0)
                return 0;
        return error_set(error, -EINVAL, _("'%s' is none of png, jpeg, webp"), name);
}

/* Of what is kept as it was written: whether it is good. */
static int (*const checks[KIND_MAX])(const char *value, Error *error) = {
        [KIND_TEXT] = check_text,
        [KIND_PATH] = check_path,
        [KIND_SAMPLER] = check_sampler,
        [KIND_SCHEDULE] = check_schedule,
        [KIND_RNG] = check_rng,
        [KIND_ENLARGE] = check_enlarge,
        [KIND_TILING] = check_tiling,
        [KIND_MASK_PAINTS] = check_mask_paints,
        [KIND_PRECISION] = check_precision,
        [KIND_FORMAT] = check_format,
        [KIND_PREVIEW] = check_preview,
        [KIND_STATE] = check_state,
        [KIND_BY] = check_by,
        [KIND_PRIORITY] = check_priority,
};

bool option_is_number(OptionId id)
{
        return value_table[id].kind == KIND_INTEGER || value_table[id].kind == KIND_NUMBER;
}

/* All others. */
static int parse(Options *o, OptionId id, const char *value, Error *error)
{
        const double low = value_table[id].low, high = value_table[id].high;
        const uint64_t most = value_table[id].most;
        void *field = (char *)o + value_table[id].offset;
        int r;

        switch (value_table[id].kind) {
        case KIND_FLAG:
                *(bool *)field = true;
                return 0;
        case KIND_INTERVAL:
                return value_parse_interval(value, low, high, field, error);
        case KIND_SIDES:
                return value_parse_sides(value, (uint32_t)most, field, error);
        case KIND_LORA:
                return add_lora(o, value, error);
        case KIND_FIELD:
                r = check_text(value, error);
                return r < 0 ? r : add_field(o, value, error);
        case KIND_TIME:
                return value_parse_time(value, field, error);
        case KIND_INTEGER:
                return value_parse_integer(value, (uint64_t)low, most, field, error);
        case KIND_NUMBER:
                return value_parse_number(value, low, high, field, error);
        case KIND_SIZE:
                return value_parse_size(value, &o->width, &o->height, error);
        case KIND_ASPECT:
                return value_parse_aspect(value, field, error);
        case KIND_DURATION:
                return value_parse_duration(value, most, field, error);
        default:
                return -EINVAL;
        }
}

int option_read(Options *o, OptionId id, const char *value, Error *error)
{
        int (*check)(const char *value, Error *error) = checks[value_table[id].kind];

        if (!check)
                return parse(o, id, value, error);
        int r = check(value, error);
        if (r >= 0)
                *(const char **)((char *)o + value_table[id].offset) = value;
        return r;
}
