/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libconfig.h>

#include "base/log.h"
#include "base/util.h"
#include "config-values.h"

#define PATHS_MAX 64

static const struct {
        const char *name;
        int level;
} levels[] = {
        { "error", LOG_ERR },   { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
        { "info", LOG_INFO },   { "debug", LOG_DEBUG },
};

static int level_from_string(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(levels); i++)
                if (streq(name, levels[i].name))
                        return levels[i].level;
        return -EINVAL;
}

int config_log_level(const Config *config)
{
        return level_from_string(config->log_level);
}

Precision config_precision(const Config *config)
{
        const int precision = precision_from_string(config->precision);

        return precision < 0 ? PRECISION_AUTO : (Precision)precision;
}

static void paths_free(char **paths)
{
        for (char **p = paths; p && *p; p++)
                free(*p);
        free(paths);
}

/* Where a key's value lies. */
static void *field(const Config *config, const ConfigKey *key)
{
        return (uint8_t *)config + key->offset;
}

static int set_bool(bool *value, const config_setting_t *setting, const char **why)
{
        if (config_setting_type(setting) != CONFIG_TYPE_BOOL) {
                *why = "must be true or false";
                return -EINVAL;
        }
        *value = config_setting_get_bool(setting);
        return 0;
}

static int set_number(uint64_t *value, const ConfigKey *key, const config_setting_t *setting, const char **why)
{
        int type = config_setting_type(setting);
        if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
                *why = "must be a whole number";
                return -EINVAL;
        }
        long long n = type == CONFIG_TYPE_INT ? config_setting_get_int(setting) : config_setting_get_int64(setting);
        if (n < 0 || (uint64_t)n < key->low || (uint64_t)n > key->high) {
                *why = "is out of its range";
                return -EINVAL;
        }
        *value = (uint64_t)n;
        return 0;
}

/* NULL: the key may be this. */
static const char *complaint(const ConfigKey *key, const char *text)
{
        if (key->type == CONFIG_ENGINE && !streq(text, "auto") && !streq(text, "own") && !streq(text, "system"))
                return "must be auto, own or system";
        if (key->type == CONFIG_BATTERY && !streq(text, "normal") && !streq(text, "batch-waits") && !streq(text, "slow"))
                return "must be normal, batch-waits or slow";
        if (key->type == CONFIG_PRECISION && precision_from_string(text) < 0)
                return "must be auto, f32, bf16 or int8";
        if (key->type == CONFIG_LEVEL && level_from_string(text) < 0)
                return "must be error, warning, notice, info or debug";
        return NULL;
}

static int set_string(char **value, const ConfigKey *key, const config_setting_t *setting, const char **why)
{
        const char *text = config_setting_get_string(setting);
        *why = text ? complaint(key, text) : "must be a string in quotes";
        if (*why)
                return -EINVAL;
        char *copy = strdup(text);
        if (!copy)
                return -ENOMEM;
        free(*value);
        *value = copy;
        return 0;
}

static int set_paths(char ***value, const config_setting_t *setting, const char **why)
{
        int n = config_setting_length(setting);
        if ((!config_setting_is_array(setting) && !config_setting_is_list(setting)) || n > PATHS_MAX) {
                *why = "must be an array of at most 64 absolute paths: [\"/a\", \"/b\"]";
                return -EINVAL;
        }

        char **paths = calloc((size_t)n + 1, sizeof(char *));
        if (!paths)
                return -ENOMEM;
        for (int i = 0; i < n; i++) {
                const char *path = config_setting_get_string_elem(setting, i);
                if (!path || path[0] != '/') {
                        *why = "must hold absolute paths";
                        paths_free(paths);
                        return -EINVAL;
                }
                paths[i] = strdup(path);
                if (!paths[i]) {
                        paths_free(paths);
                        return -ENOMEM;
                }
        }
        paths_free(*value);
        *value = paths;
        return 0;
}

int config_value_set(Config *config, const ConfigKey *key, const config_setting_t *setting, const char **why, char buffer[static 256])
{
        void *value = field(config, key);

        switch (key->type) {
        case CONFIG_BOOL:
                return set_bool(value, setting, why);
        case CONFIG_NUMBER:
                return set_number(value, key, setting, why);
        case CONFIG_STRING:
        case CONFIG_ENGINE:
        case CONFIG_BATTERY:
        case CONFIG_PRECISION:
        case CONFIG_LEVEL:
                return set_string(value, key, setting, why);
        case CONFIG_PATHS:
                return set_paths(value, setting, why);
        case CONFIG_SERVERS:
                return config_set_servers(value, setting, why, buffer);
        case CONFIG_REMOTE:
                return config_set_remote(value, setting, why, buffer);
        }
        return -EINVAL;
}

static int copy_paths(char ***ret, char *const *paths, const char *first)
{
        size_t n = 0;
        while (paths[n])
                n++;

        char **copy = calloc(n + 2, sizeof(char *)), **p = copy;
        if (!copy)
                return -ENOMEM;
        if (first)
                *p++ = strdup(first);
        for (size_t i = 0; i < n; i++)
                *p++ = strdup(paths[i]);
        for (size_t i = 0; i < n + (first ? 1 : 0); i++) {
                if (copy[i])
                        continue;
                paths_free(copy);
                return -ENOMEM;
        }
        *ret = copy;
        return 0;
}

int config_value_copy(Config *copy, const Config *config, const ConfigKey *key)
{
        void *to = field(copy, key), *from = field(config, key);

        switch (key->type) {
        case CONFIG_BOOL:
                *(bool *)to = *(bool *)from;
                return 0;
        case CONFIG_NUMBER:
                *(uint64_t *)to = *(uint64_t *)from;
                return 0;
        case CONFIG_PATHS:
                return copy_paths(to, *(char ***)from, NULL);
        case CONFIG_SERVERS:
                copy->servers = config_copy_servers(config->servers);
                return copy->servers ? 0 : -ENOMEM;
        case CONFIG_REMOTE:
                copy->remote = config_copy_remote(config->remote);
                return copy->remote ? 0 : -ENOMEM;
        case CONFIG_STRING:
        case CONFIG_ENGINE:
        case CONFIG_BATTERY:
        case CONFIG_PRECISION:
        case CONFIG_LEVEL:
                *(char **)to = strdup(*(char **)from);
                return *(char **)to ? 0 : -ENOMEM;
        }
        return -EINVAL;
}

void config_value_free(Config *config, const ConfigKey *key)
{
        if (key->type == CONFIG_PATHS)
                paths_free(*(char ***)field(config, key));
        else if (key->type != CONFIG_BOOL && key->type != CONFIG_NUMBER)
                free(*(void **)field(config, key));
}

static int prepend(char ***list, const char *directory)
{
        char **paths;
        int r = copy_paths(&paths, *list, directory);
        if (r < 0)
                return r;
        paths_free(*list);
        *list = paths;
        return 0;
}

int config_prepend_models(Config *config, const char *directory)
{
        return prepend(&config->models, directory);
}

int config_prepend_prompts(Config *config, const char *directory)
{
        return prepend(&config->prompts, directory);
}
