/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/memfd.h"
#include "base/util.h"
#include "net/protocol.h"
#include "service/enhance/engines.h"
#include "service/enhance/options.h"
#include "service/models.h"

typedef struct Reader {
        sd_bus_message *message;
        json_t *request;
        JobPolicy *policy;
        int *picture;
        Error *error;
} Reader;

typedef struct EnhanceOption {
        const char *name, *type;
        size_t max; /* bytes of a text */
        int (*read)(Reader *reader, const struct EnhanceOption *option);
} EnhanceOption;

static int put(Reader *reader, const char *name, json_t *value)
{
        return json_object_set_new(reader->request, name, value) < 0 ? error_set(reader->error, -ENOMEM, "Out of memory") : 0;
}

static int check_length(Reader *reader, const EnhanceOption *option, const char *text)
{
        return strlen(text) <= option->max ? 0 : error_set(reader->error, -EINVAL, "%s: longer than %zu bytes", option->name, option->max);
}

static int read_text(Reader *reader, const EnhanceOption *option)
{
        const char *text;

        int r = sd_bus_message_read_basic(reader->message, 's', &text);
        if (r >= 0)
                r = check_length(reader, option, text);
        return r < 0 ? r : put(reader, option->name, json_string(text));
}

static int read_engine(Reader *reader, const EnhanceOption *option)
{
        const char *name;

        int r = sd_bus_message_read_basic(reader->message, 's', &name);
        if (r < 0)
                return r;
        const PromptEngine *engine = prompt_engine_find(name);
        if (!engine)
                return error_set(reader->error, -EINVAL, "engine: must be builtin or chat");
        return put(reader, option->name, json_string(name));
}

static int read_seed(Reader *reader, const EnhanceOption *option)
{
        uint64_t seed;

        int r = sd_bus_message_read_basic(reader->message, 't', &seed);
        if (r < 0)
                return r;
        if (seed > INT64_MAX)
                return error_set(reader->error, -EINVAL, "seed: must be below 2^63");
        r = put(reader, option->name, json_integer((json_int_t)seed));
        return r < 0 ? r : put(reader, "seed-given", json_true());
}

static int read_count(Reader *reader, const EnhanceOption *option)
{
        uint32_t count;

        int r = sd_bus_message_read_basic(reader->message, 'u', &count);
        if (r < 0)
                return r;
        if (count < 1 || count > ENHANCE_COUNT_MAX)
                return error_set(reader->error, -EINVAL, "count: %u is not between 1 and %d", count, ENHANCE_COUNT_MAX);
        return put(reader, option->name, json_integer(count));
}

static int read_lineage(Reader *reader, const EnhanceOption *option)
{
        const char *text;
        json_t *lineage = json_array();

        int r = sd_bus_message_enter_container(reader->message, 'a', "s");
        while (r >= 0 && (r = sd_bus_message_read_basic(reader->message, 's', &text)) > 0) {
                r = check_length(reader, option, text);
                if (r >= 0 && json_array_size(lineage) == ENHANCE_LINEAGE_MAX)
                        r = error_set(reader->error, -EINVAL, "lineage: more than %d texts", ENHANCE_LINEAGE_MAX);
                if (r >= 0)
                        (void)json_array_append_new(lineage, json_string(text));
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(reader->message);
        if (r >= 0)
                return put(reader, option->name, lineage);
        json_decref(lineage);
        return r;
}

static int read_fields(Reader *reader, const EnhanceOption *option)
{
        const char *name, *text;
        json_t *fields = json_object();

        int r = sd_bus_message_enter_container(reader->message, 'a', "{ss}");
        while (r >= 0 && (r = sd_bus_message_read(reader->message, "{ss}", &name, &text)) > 0) {
                r = check_length(reader, option, text);
                if (r >= 0 && (json_object_size(fields) == ENHANCE_FIELDS_MAX || strlen(name) > 64))
                        r = error_set(reader->error, -EINVAL, "fields: more than %d, or a name of more than 64 bytes", ENHANCE_FIELDS_MAX);
                if (r >= 0)
                        (void)json_object_set_new(fields, name, json_string(text));
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(reader->message);
        if (r >= 0)
                return put(reader, option->name, fields);
        json_decref(fields);
        return r;
}

static int read_model(Reader *reader, const EnhanceOption *option)
{
        const char *name;

        int r = sd_bus_message_read_basic(reader->message, 's', &name);
        if (r < 0)
                return r;
        if (!model_name_is_valid(name))
                return error_set(reader->error, -EINVAL, "%s: not a model's name", option->name);
        memcpy(reader->policy->model, name, strlen(name) + 1);
        return 0;
}

static int read_priority(Reader *reader, const EnhanceOption *option)
{
        const char *name;

        int r = sd_bus_message_read_basic(reader->message, 's', &name);
        if (r < 0)
                return r;
        int priority = priority_from_string(name);
        if (priority < 0)
                return error_set(reader->error, -EINVAL, "%s: must be interactive, normal or batch", option->name);
        reader->policy->priority = (Priority)priority;
        return 0;
}

/* What can change no more needs no copy. */
static int read_picture(Reader *reader, const EnhanceOption *option)
{
        int fd;

        int r = sd_bus_message_read_basic(reader->message, 'h', &fd);
        if (r < 0)
                return r;
        r = memfd_check_sealed(fd, NET_PICTURE_MAX, NULL);
        if (r < 0)
                return error_set(reader->error, -EINVAL, "%s: not a sealed memfd of at most %u bytes", option->name, NET_PICTURE_MAX);
        *reader->picture = memfd_reopen(fd);
        return *reader->picture < 0 ? *reader->picture : put(reader, option->name, json_true());
}

static int read_flag(Reader *reader, const EnhanceOption *option)
{
        int flag;

        int r = sd_bus_message_read_basic(reader->message, 'b', &flag);
        return r < 0 ? r : put(reader, option->name, json_boolean(flag));
}

static int read_detach(Reader *reader, const EnhanceOption *option)
{
        int detach;
        (void)option;

        int r = sd_bus_message_read_basic(reader->message, 'b', &detach);
        if (r >= 0)
                reader->policy->detach = detach != 0;
        return r;
}

static const EnhanceOption options[] = {
        { "engine", "s", 0, read_engine },
        { "server", "s", 63, read_text },
        { "dry-run", "b", 0, read_flag },
        { "private", "b", 0, read_flag },
        { "picture", "h", 0, read_picture },
        { "model", "s", 0, read_model },
        { "seed", "t", 0, read_seed },
        { "count", "u", 0, read_count },
        { "template", "s", 64, read_text },
        { "profile", "s", 64, read_text },
        { "purpose", "s", 64, read_text },
        { "fields", "a{ss}", ENHANCE_FIELD_MAX, read_fields },
        { "refine", "s", ENHANCE_FIELD_MAX, read_text },
        { "lineage", "as", ENHANCE_TEXT_MAX, read_lineage },
        { "detach", "b", 0, read_detach },
        { "priority", "s", 0, read_priority },
};

static int read_entry(Reader *reader, uint32_t *seen)
{
        const char *name, *contents;
        char type;
        size_t i;

        int r = sd_bus_message_read_basic(reader->message, 's', &name);
        if (r < 0)
                return r;
        for (i = 0; i < ELEMENTSOF(options) && !streq(options[i].name, name); i++)
                ;
        if (i == ELEMENTSOF(options))
                return error_set(reader->error, -EINVAL, "%.64s: unknown option", name);
        if (*seen & 1U << i)
                return error_set(reader->error, -EINVAL, "%s: given twice", name);
        *seen |= 1U << i;
        r = sd_bus_message_peek_type(reader->message, &type, &contents);
        if (r < 0)
                return r;
        if (!streq(contents, options[i].type))
                return error_set(reader->error, -EINVAL, "%s: must be of type %s, not %s", name, options[i].type, contents);
        r = sd_bus_message_enter_container(reader->message, 'v', contents);
        if (r >= 0)
                r = options[i].read(reader, &options[i]);
        return r < 0 ? r : sd_bus_message_exit_container(reader->message);
}

int enhance_options_read(sd_bus_message *message, json_t *request, JobPolicy *policy, int *picture, Error *error)
{
        Reader reader = { message, request, policy, picture, error };
        uint32_t seen = 0;

        int r = sd_bus_message_enter_container(message, 'a', "{sv}");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = read_entry(&reader, &seen);
                if (r >= 0)
                        r = sd_bus_message_exit_container(message);
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}
