/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The configuration: one table of keys with type, range, default and documentation (config.c) is all there is to know;
 * conf/imagined.conf says the same to administrators, and a test holds the two together.
 *
 *     _cleanup_(config_freep) Config *config = NULL;
 *     r = config_new(&config);
 *     r = config_load(config, "/etc/imagined/imagined.conf", &error);
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/precision.h"
#include "config-remote.h"
#include "config-servers.h"

typedef struct Config {
        char **models; /* directories that hold models, NULL-terminated */
        char *default_model; /* "": the first one that is found */
        char *worker; /* the engine's program */
        char **prompts; /* directories of the prompt generator, NULL-terminated */
        char *prompt_worker; /* its program */
        char *net_worker; /* the program that asks servers */
        Servers *servers; /* that may be asked */
        char **provider_tables; /* files (service/remote/tariff.h), NULL-terminated */
        RemoteRules *remote; /* what may leave the machine */
        char *engine; /* of a user's instance: "auto", "own" or "system" */
        bool preload;
        uint64_t idle_unload_seconds; /* 0: never */
        uint64_t memory_max; /* bytes; 0: what there is */
        uint64_t pack_bytes_min; /* of a model whose packed weights are kept on disk; 0: of none */
        uint64_t threads; /* 0: one for each core */
        char *precision; /* as precision_to_string() has it: where neither job nor model says */
        char *on_battery; /* "normal", "batch-waits" or "slow" */
        bool inhibit_sleep; /* while there is work */
        uint64_t jobs_per_user, jobs_total, interactive_per_app;
        uint64_t finished_per_user;
        uint64_t pictures_per_user, pictures_total;
        uint64_t result_seconds;
        uint64_t result_bytes_per_user, result_bytes_total;
        uint64_t input_bytes_per_user, input_bytes_total;
        bool records, record_prompts; /* of a user's instance */
        uint64_t record_days, record_bytes; /* 0: no limit */
        uint64_t watchers_per_user, watchers_total;
        uint64_t descriptors_per_user, descriptors_total;
        uint64_t load_seconds;
        uint64_t worker_ping_seconds;
        char *log_level;
} Config;

typedef enum ConfigType {
        CONFIG_BOOL,
        CONFIG_NUMBER, /* a uint64_t from low to high */
        CONFIG_STRING,
        CONFIG_LEVEL, /* a string: error, warning, notice, info or debug */
        CONFIG_ENGINE, /* a string: auto, own or system */
        CONFIG_BATTERY, /* a string: normal, batch-waits or slow */
        CONFIG_PRECISION, /* a string: auto, f32, bf16 or int8 */
        CONFIG_SERVERS, /* a list of groups (config-servers.h) */
        CONFIG_REMOTE, /* a group (config-remote.h) */
        CONFIG_PATHS, /* an array of absolute paths */
} ConfigType;

typedef struct ConfigKey {
        const char *name;
        ConfigType type;
        size_t offset; /* in Config */
        uint64_t low, high;
        const char *fallback; /* the default as it would stand in the file */
        const char *help;
} ConfigKey;

extern const ConfigKey config_keys[];
extern const size_t config_n_keys;

/* The defaults. */
int config_new(Config **ret);

/* Puts a directory of models, of the prompt generator's files, before the others. */
int config_prepend_models(Config *config, const char *directory);
int config_prepend_prompts(Config *config, const char *directory);

Config *config_free(Config *config);
DEFINE_CLEANUP(Config *, config_free)

/* Reads a file over what is there; all of it, or, when it returns an error, nothing. Every fault is logged as
 * "FILE:LINE: what"; the first is in *error. -ENOENT: no such file; -EINVAL: faults. */
int config_load(Config *config, const char *path, Error *error);

/* For log_set_max_level. */
int config_log_level(const Config *config);

Precision config_precision(const Config *config);
