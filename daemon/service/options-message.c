/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "service/options-private.h"

#define STRENGTH_DEFAULT 0.75 /* as web UIs have it */
#define STRENGTH_OUTPAINT 1 /* of what fills new sides there is nothing to keep */

static int find(const char *name)
{
        for (size_t i = 0; i < options_n; i++)
                if (streq(name, options_table[i].name))
                        return (int)i;
        return -ENOENT;
}

/* Of its value; in `one` if it is of one character. */
static const char *signature_of(const Option *option, char one[static 2])
{
        one[0] = option->type;
        one[1] = '\0';
        return option->signature ? option->signature : one;
}

static int read_value(sd_bus_message *message, Options *options, const Option *option, Error *error)
{
        char one[2];
        const char *contents, *signature = signature_of(option, one);
        Value value;
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
        if (option->read)
                r = option->read(message, options, option, error);
        else if ((r = sd_bus_message_read_basic(message, option->type, &value)) >= 0)
                r = option->set(options, option, &value, error);
        return r < 0 ? r : sd_bus_message_exit_container(message);
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

        return read_value(message, options, &options_table[i], error);
}

/* What a picture to start from needs beside it, and what needs one. */
static int complete_inputs(Request *request, bool has_strength, Error *error)
{
        if (!(request->inputs & 1U << INPUT_IMAGE))
                return has_strength ? error_set(error, -EINVAL, "strength: needs an init-image") : 0;
        if (!has_strength)
                request->strength = request_outpaints(request) ? STRENGTH_OUTPAINT : STRENGTH_DEFAULT;
        return 0;
}

int options_read(sd_bus_message *message, Options *ret, Error *error)
{
        uint64_t seen = 0;

        request_init(&ret->request);
        ret->policy = (JobPolicy) { .priority = PRIORITY_NORMAL };
        ret->remote = (RemoteWish) {};
        ret->has_seed = ret->has_variation_seed = ret->has_created = false;
        for (size_t i = 0; i < INPUT_MAX; i++)
                ret->fds[i] = -1;

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
        const int strength = find("strength");
        ret->has_strength = strength >= 0 && seen >> strength & 1;
        if (r >= 0)
                r = complete_inputs(&ret->request, ret->has_strength, error);
        return MIN(r, 0);
}

int options_append_supported(sd_bus_message *reply)
{
        int r = sd_bus_message_open_container(reply, 'a', "{ss}");
        for (size_t i = 0; i < options_n && r >= 0; i++) {
                char one[2];
                r = sd_bus_message_append(reply, "{ss}", options_table[i].name, signature_of(&options_table[i], one));
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* A plain number, unless it is as request_init() left it. */
static bool get_number(const Options *options, const Option *option, const Options *plain, Value *ret)
{
        const uint8_t *field = (const uint8_t *)options + option->offset, *before = (const uint8_t *)plain + option->offset;
        const size_t size = option->type == 'd' ? sizeof(ret->d) : sizeof(ret->u);

        memcpy(ret, field, size);
        return memcmp(field, before, size) != 0;
}

bool options_get(const Options *options, const Option *option, const Options *plain, Value *ret)
{
        return option->get ? option->get(options, ret) : get_number(options, option, plain, ret);
}

static int append_option(sd_bus_message *message, const Options *options, const Option *option, const Value *value)
{
        char one[2];

        int r = sd_bus_message_open_container(message, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(message, 's', option->name);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'v', signature_of(option, one));
        if (r >= 0 && option->append)
                r = option->append(message, options);
        else if (r >= 0)
                r = sd_bus_message_append_basic(
                                message, option->type, option->type == 's' ? (const void *)value->s : value);
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

int options_append(sd_bus_message *message, const Options *options)
{
        Options plain = {};
        Value value;

        request_init(&plain.request);
        int r = sd_bus_message_open_container(message, 'a', "{sv}");
        for (size_t i = 0; i < options_n && r >= 0; i++) {
                const Option *option = &options_table[i];
                if (options_get(options, option, &plain, &value))
                        r = append_option(message, options, option, &value);
        }
        return r < 0 ? r : sd_bus_message_close_container(message);
}
