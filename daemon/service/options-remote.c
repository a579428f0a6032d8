/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "net/protocol.h"
#include "service/options-private.h"

static int set_name(char ret[static PROVIDER_NAME_MAX + 1], const Option *option, const Value *value, Error *error)
{
        if (*value->s && !net_is_key_name(value->s))
                return error_set(error, -EINVAL, "%s: not a name", option->name);
        (void)snprintf(ret, PROVIDER_NAME_MAX + 1, "%s", value->s);
        return 0;
}

int options_set_provider(Options *options, const Option *option, const Value *value, Error *error)
{
        return set_name(options->remote.provider, option, value, error);
}

int options_set_purpose(Options *options, const Option *option, const Value *value, Error *error)
{
        return set_name(options->remote.purpose, option, value, error);
}

bool options_get_nothing(const Options *options, Value *ret)
{
        (void)options, (void)ret;
        return false;
}
