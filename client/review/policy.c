/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-path.h>

#include "base/cleanup.h"
#include "base/config-file.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/review/policy.h"

static const struct {
        const char *name;
        size_t offset;
} keys[] = {
        { "require_alt_text", offsetof(ReviewPolicy, require_alt_text) },
        { "require_licence", offsetof(ReviewPolicy, require_licence) },
        { "require_legibility", offsetof(ReviewPolicy, require_legibility) },
        { "approved_only", offsetof(ReviewPolicy, approved_only) },
};

static int take_setting(ReviewPolicy *policy, const config_setting_t *setting, const char *path, Error *error)
{
        const char *name = config_setting_name(setting);

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                if (!streq(name, keys[i].name))
                        continue;
                if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
                        return error_set(error, -EBADMSG, _("%s: %s must be true or false"), path, name);
                bool *member = (bool *)((char *)policy + keys[i].offset);
                *member = *member || config_setting_get_bool(setting);
                return 0;
        }
        return error_set(error, -EBADMSG, _("%s: there is no %s"), path, name);
}

static int take_text(ReviewPolicy *policy, const char *text, const char *path, Error *error)
{
        config_t config;
        int r = 0;

        config_init(&config);
        if (config_read_string(&config, text) != CONFIG_TRUE)
                r = error_set(error, -EBADMSG, "%s:%d: %s", path, config_error_line(&config), config_error_text(&config));
        const config_setting_t *root = config_root_setting(&config);
        for (int i = 0; r >= 0 && i < config_setting_length(root); i++)
                r = take_setting(policy, config_setting_get_elem(root, (unsigned)i), path, error);
        config_destroy(&config);
        return r;
}

static int take_file(ReviewPolicy *policy, const char *path, Error *error)
{
        _cleanup_(freep) char *text = NULL;

        int r = config_file_read(path, &text);
        if (r == -ENOENT)
                return 0;
        return r < 0 ? error_set(error, r, _("cannot read %s: %s"), path, strerror(-r)) : take_text(policy, text, path, error);
}

int review_policy_read(ReviewPolicy *ret, Error *error)
{
        _cleanup_(freep) char *own = NULL;
        ReviewPolicy policy = { 0 };

        int r = take_file(&policy, SYSCONFDIR "/imagined/review.conf", error);
        if (r >= 0 && sd_path_lookup(SD_PATH_USER_CONFIGURATION, "imagined/review.conf", &own) >= 0)
                r = take_file(&policy, own, error);
        if (r >= 0)
                *ret = policy;
        return r;
}
