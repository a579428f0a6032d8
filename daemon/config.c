/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libconfig.h>

#include "base/util.h"
#include "base/config-file.h"
#include "config-values.h"

#define QUOTE(x) #x

#define BOOL(key, fallback, help) { #key, CONFIG_BOOL, offsetof(Config, key), 0, 1, fallback, help }
#define NUMBER(key, low, high, fallback, help) \
        { #key, CONFIG_NUMBER, offsetof(Config, key), low, high, QUOTE(fallback), help }
#define TEXT(key, type, fallback, help) { #key, type, offsetof(Config, key), 0, 0, fallback, help }

const ConfigKey config_keys[] = {
        TEXT(models, CONFIG_PATHS, "[\"" DATADIR "/imagined/models\", \"/var/lib/imagined/models\"]",
             "Directories that hold models, each a directory with a model_index.json, or a file; the first of a name wins"),
        TEXT(default_model, CONFIG_STRING, "\"\"",
             "The model for requests that name none while none is loaded; \"\": the first that is found"),
        TEXT(worker, CONFIG_STRING, "\"" LIBEXECDIR "/imagined-engine\"", "The program that computes"),
        TEXT(prompts, CONFIG_PATHS, "[\"" SYSCONFDIR "/imagined/prompts\", \"" DATADIR "/imagined/prompts\"]",
             "Directories of the prompt generator: vocabulary, templates, profiles, purposes; the first of a name wins"),
        TEXT(prompt_worker, CONFIG_STRING, "\"" LIBEXECDIR "/imagined-prompts\"", "The program that makes prompts of ideas"),
        TEXT(net_worker, CONFIG_STRING, "\"" LIBEXECDIR "/imagined-net\"", "The program that asks servers"),
        TEXT(servers, CONFIG_SERVERS, "()",
             "Servers that a user's instance may ask once its user has consented: ( { name = \"…\"; url = \"…\"; }, … )"),
        TEXT(provider_tables, CONFIG_PATHS, "[\"" SYSCONFDIR "/imagined/providers.conf\", \"" DATADIR "/imagined/providers.conf\"]",
             "Tables of what services cost and on which terms; the first that knows a service wins"),
        TEXT(remote, CONFIG_REMOTE, "{}",
             "What may leave the machine, for how much, and who draws what: { budget = { … }; private = { … }; restrictions = ( … ); routes = ( … ); }"),
        TEXT(engine, CONFIG_ENGINE, "\"auto\"",
             "What computes for a user's own instance: system (the machine's), own (a worker of its own), auto (the machine's where it is installed and has the model)"),
        BOOL(preload, "false", "Whether the default model is loaded at start, not at the first request"),
        NUMBER(idle_unload_seconds, 0, 31536000, 600, "Seconds without work until the model is unloaded; 0: never"),
        NUMBER(memory_max, 0, INT64_MAX, 0, "Bytes of memory that the engine may take; 0: what there is"),
        NUMBER(pack_bytes_min, 0, INT64_MAX, 268435456,
               "Bytes of a model from which its weights are kept in the cache as the processor wants them; 0: never"),
        NUMBER(threads, 0, 1024, 0, "Threads that compute; 0: one for each core"),
        TEXT(precision, CONFIG_PRECISION, "\"auto\"",
             "What the networks multiply where neither job nor model says: f32, bf16, int8, auto (bf16 where the processor has it)"),
        TEXT(on_battery, CONFIG_BATTERY, "\"normal\"",
             "What becomes of jobs on battery or in power-saver: normal (nothing), batch-waits (those of the class batch wait), slow (they wait, and one processor computes)"),
        BOOL(inhibit_sleep, "false", "Whether the machine does not fall asleep while there is work"),
        NUMBER(jobs_per_user, 1, 10000, 16, "Jobs of one user that may wait or run"),
        NUMBER(jobs_total, 1, 10000, 64, "Jobs of all users together that may wait or run"),
        NUMBER(interactive_per_app, 0, 10000, 4, "Jobs of one app that may wait or run in the class interactive"),
        NUMBER(finished_per_user, 1, 10000, 64, "Ended jobs of one user that are remembered"),
        NUMBER(pictures_per_user, 1, 100000, 256, "Pictures that are kept for one user; the oldest go first"),
        NUMBER(pictures_total, 1, 100000, 1024, "Pictures that are kept for all users together"),
        NUMBER(result_seconds, 1, 31536000, 600, "Seconds for which an ended job and its pictures are kept"),
        NUMBER(result_bytes_per_user, 1, INT64_MAX, 268435456, "Bytes of pictures that are kept for one user"),
        NUMBER(result_bytes_total, 1, INT64_MAX, 1073741824, "Bytes of pictures that are kept for all users"),
        NUMBER(input_bytes_per_user, 1, INT64_MAX, 134217728, "Bytes of pictures that jobs of one user start from and that wait"),
        NUMBER(input_bytes_total, 1, INT64_MAX, 536870912, "Bytes of pictures that jobs of all users start from and that wait"),
        BOOL(records, "true", "Whether a user's instance keeps records of how that user's pictures were made"),
        BOOL(record_prompts, "true", "Whether the prompts are among them"),
        NUMBER(record_days, 0, 36500, 0, "Days for which they are kept; 0: no limit"),
        NUMBER(record_bytes, 0, INT64_MAX, 0, "Bytes that they may take, the oldest go first; 0: no limit"),
        NUMBER(watchers_per_user, 1, 10000, 64, "Watch calls of one user that may be in force"),
        NUMBER(watchers_total, 1, 100000, 512, "Watch calls of all users together that may be in force"),
        NUMBER(descriptors_per_user, 1, 1000, 16, "Pictures on their way to one user that were not read yet (system bus)"),
        NUMBER(descriptors_total, 1, 1000, 48, "Pictures on their way to all users together (system bus)"),
        NUMBER(load_seconds, 1, 86400, 600, "Seconds that loading a model may take"),
        NUMBER(worker_ping_seconds, 1, 3600, 30, "Seconds without an answer or without progress after which a busy engine is ended"),
        TEXT(log_level, CONFIG_LEVEL, "\"info\"", "error, warning, notice, info or debug"),
};
const size_t config_n_keys = ELEMENTSOF(config_keys);

Config *config_free(Config *config)
{
        for (size_t i = 0; config && i < config_n_keys; i++)
                config_value_free(config, &config_keys[i]);
        free(config);
        return NULL;
}

static const ConfigKey *find_key(const char *name)
{
        for (size_t i = 0; i < config_n_keys; i++)
                if (streq(name, config_keys[i].name))
                        return &config_keys[i];
        return NULL;
}

static int apply(Config *config, const config_t *file, const char *path, Error *first)
{
        const config_setting_t *root = config_root_setting(file);

        for (int i = 0; i < config_setting_length(root); i++) {
                const config_setting_t *setting = config_setting_get_elem(root, (unsigned)i);
                const char *name = config_setting_name(setting), *why = NULL;
                const ConfigKey *key = find_key(name);
                const char *source = config_setting_source_file(setting);
                char buffer[256];

                int r = key ? config_value_set(config, key, setting, &why, buffer) : -EINVAL;
                if (r == -ENOMEM)
                        return error_set(first, r, "%s: out of memory", path);
                if (r < 0)
                        config_complain(first, source ? source : path, config_setting_source_line(setting), name,
                                 key ? why : "is no key of this program");
        }
        return first->code;
}

static int parse(Config *config, config_t *file, const char *path, Error *first)
{
        _cleanup_(freep) char *text = NULL;
        int r = config_file_read(path, &text);
        if (!text)
                return error_set(first, r, "%s: %s", path, strerror(-r));

        r = config_file_check_numbers(text, path, first);
        if (r < 0)
                return r;

        if (!config_read_string(file, text)) {
                const char *source = config_error_file(file);
                config_complain(
                                first, source ? source : path, (unsigned)config_error_line(file), "",
                                config_error_text(file));
                return -EINVAL;
        }
        return apply(config, file, path, first);
}

static int config_copy(Config **ret, const Config *config)
{
        _cleanup_(config_freep) Config *copy = calloc(1, sizeof(Config));
        if (!copy)
                return -ENOMEM;

        for (size_t i = 0; i < config_n_keys; i++) {
                int r = config_value_copy(copy, config, &config_keys[i]);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(copy);
        return 0;
}

int config_load(Config *config, const char *path, Error *error)
{
        _cleanup_(config_freep) Config *copy = NULL;
        int r = config_copy(&copy, config);
        if (r < 0)
                return error_set(error, r, "%s: out of memory", path);

        Error first = {};
        config_t file;
        config_init(&file);
        r = parse(copy, &file, path, &first);
        config_destroy(&file);
        if (r < 0) {
                if (error)
                        *error = first;
                return r;
        }

        Config swap = *config;
        *config = *copy;
        *copy = swap;
        return 0;
}

int config_new(Config **ret)
{
        _cleanup_(config_freep) Config *config = calloc(1, sizeof(Config));
        if (!config)
                return -ENOMEM;

        /* The defaults are written as in a file, so that they are read by the same code. */
        for (size_t i = 0; i < config_n_keys; i++) {
                char line[1024], buffer[256];
                const char *why = NULL;
                config_t file;
                config_init(&file);
                (void)snprintf(line, sizeof(line), "%s = %s;", config_keys[i].name, config_keys[i].fallback);
                int r = -EINVAL;
                if (config_read_string(&file, line))
                        r = config_value_set(
                                        config, &config_keys[i], config_setting_get_elem(config_root_setting(&file), 0), &why, buffer);
                config_destroy(&file);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(config);
        return 0;
}
