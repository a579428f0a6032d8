/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <string.h>

#include "engine/model/weights.h"
#include "tests/fuzz/fuzz.h"

/* An index of shards beside a shard: it is refused with a sentence, or all that it names is there. */

static char folder[] = "/tmp/fuzz-index-XXXXXX", index_path[64];

static void write_file(const char *path, const void *data, size_t size)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        if (fd < 0 || write(fd, data, size) != (ssize_t)size)
                abort();
        (void)close(fd);
}

static void remove_folder(void)
{
        char path[64];

        (void)unlink(index_path);
        (void)snprintf(path, sizeof(path), "%s/a.safetensors", folder);
        (void)unlink(path);
        (void)rmdir(folder);
}

static void make_folder(void)
{
        static const char header[] = "{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                                     "\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}";
        const uint64_t size = sizeof(header) - 1;
        char path[64], bytes[8 + sizeof(header) - 1 + 8] = {};

        if (!mkdtemp(folder))
                abort();
        (void)atexit(remove_folder);
        memcpy(bytes, &size, 8);
        memcpy(bytes + 8, header, size);
        (void)snprintf(path, sizeof(path), "%s/a.safetensors", folder);
        write_file(path, bytes, sizeof(bytes));
        (void)snprintf(index_path, sizeof(index_path), "%s/index.json", folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        Weights *weights = NULL;
        Error error = {};

        if (!index_path[0])
                make_folder();
        write_file(index_path, data, size);
        int r = weights_open_index(&weights, index_path, &error);
        if ((r < 0) != (error.text[0] != '\0') || (r < 0 && weights))
                abort();
        if (r >= 0 && !weights_has(weights, "x") && !weights_has(weights, "y"))
                abort();
        weights_free(weights);
        fuzz_check_descriptors();
        return 0;
}
