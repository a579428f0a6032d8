/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/log.h"
#include "config.h"
#include "tests/fuzz/fuzz.h"

/* A configuration file: taken as a whole, with every number in its range, or refused with a sentence and nothing changed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Config *config = NULL;
        Error error = {};

        log_set_max_level(-1);
        if (config_new(&config) < 0)
                abort();
        const Config before = *config;
        const FuzzFile file = fuzz_file_new(data, size);
        int r = config_load(config, file.path, &error);
        if (r < 0 && (error.text[0] == '\0' || memcmp((const void *)&before, (const void *)config, sizeof(before)) != 0))
                abort();
        for (size_t i = 0; i < config_n_keys; i++) {
                const ConfigKey *key = &config_keys[i];
                const void *value = (const uint8_t *)config + key->offset;
                if (key->type == CONFIG_NUMBER && (*(const uint64_t *)value < key->low || *(const uint64_t *)value > key->high))
                        abort();
                if (key->type == CONFIG_STRING && !*(char *const *)value)
                        abort();
        }
        fuzz_file_done(&file);
        config_free(config);
        return 0;
}
