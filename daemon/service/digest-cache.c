/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "base/utf8.h"
#include "base/util.h"
#include "service/digest-cache.h"
#include "service/file-digests.h"

#define FORMAT 2
#define MODELS_MAX 64
#define BYTES_MAX (4U << 20)

typedef struct Known {
        char *identity;
        DigestInfo info;
        json_t *files; /* NULL: not known */
} Known;

static void known_done(Known *known)
{
        free(known->identity);
        json_decref(known->files);
}

struct DigestCache {
        char *path; /* NULL: none */
        Known known[MODELS_MAX]; /* oldest first */
        size_t n;
};

static const char *const check_names[MODEL_CHECK_MAX] = {
        [MODEL_UNLISTED] = "unlisted",
        [MODEL_VERIFIED] = "verified",
        [MODEL_MISMATCH] = "mismatch",
};

/* Takes the identity. */
static void insert(DigestCache *cache, char *identity, const DigestInfo *info, json_t *files)
{
        size_t i = 0;

        while (i < cache->n && !streq(cache->known[i].identity, identity))
                i++;
        if (i == cache->n && cache->n == MODELS_MAX)
                i = 0;
        if (i < cache->n) {
                known_done(&cache->known[i]);
                cache->n--;
                memmove(&cache->known[i], &cache->known[i + 1], (cache->n - i) * sizeof(Known));
        }
        cache->known[cache->n++] = (Known) { identity, *info, json_incref(files) };
}

/* --- reading --- */

static bool read_text(const json_t *object, const char *key, char *ret, size_t size)
{
        const json_t *value = json_object_get(object, key);
        const char *text = json_string_value(value);

        if (!text || json_string_length(value) != strlen(text) || strlen(text) >= size)
                return false;
        memcpy(ret, text, strlen(text) + 1);
        return true;
}

static bool read_check(const json_t *object, uint32_t *ret)
{
        char name[16];

        if (!read_text(object, "check", name, sizeof(name)))
                return false;
        for (uint32_t i = 0; i < MODEL_CHECK_MAX; i++)
                if (streq(name, check_names[i])) {
                        *ret = i;
                        return true;
                }
        return false;
}

static void read_model(DigestCache *cache, const json_t *object)
{
        const char *identity = json_string_value(json_object_get(object, "files"));
        json_t *digests = json_object_get(object, "digests");
        DigestInfo info = {};

        if (!identity || (digests && !file_digests_are_valid(digests)) || !read_check(object, &info.check) ||
            !read_text(object, "digest", info.digest, sizeof(info.digest)) ||
            strspn(info.digest, "0123456789abcdef") != sizeof(info.digest) - 1 ||
            !read_text(object, "difference", info.difference, sizeof(info.difference)) ||
            !read_text(object, "name", info.name, sizeof(info.name)) ||
            !read_text(object, "version", info.version, sizeof(info.version)) ||
            !read_text(object, "license", info.license, sizeof(info.license)))
                return;
        char *copy = strdup(identity);
        if (copy)
                insert(cache, copy, &info, digests);
}

/* A regular file of reasonable size; NULL: there is none, or it is no JSON. */
static json_t *load_json(const char *path)
{
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uintmax_t)st.st_size > BYTES_MAX)
                return NULL;
        return json_loadfd(fd, JSON_REJECT_DUPLICATES, NULL);
}

static void load(DigestCache *cache)
{
        json_t *root = load_json(cache->path), *model;
        size_t i;

        if (json_integer_value(json_object_get(root, "format")) == FORMAT)
                json_array_foreach(json_object_get(root, "models"), i, model)
                        read_model(cache, model);
        json_decref(root);
}

/* --- writing --- */

static json_t *to_json(const DigestCache *cache)
{
        json_t *models = json_array();

        for (size_t i = 0; i < cache->n; i++) {
                const DigestInfo *info = &cache->known[i].info;
                (void)json_array_append_new(
                                models, json_pack(
                                                        "{s:s, s:O*, s:s, s:s, s:s, s:s, s:s, s:s}", "files",
                                                        cache->known[i].identity, "digests", cache->known[i].files, "digest", info->digest, "check",
                                                        check_names[info->check], "difference", info->difference,
                                                        "name", info->name, "version", info->version, "license",
                                                        info->license));
        }
        return json_pack("{s:i, s:o}", "format", FORMAT, "models", models);
}

static void save(const DigestCache *cache)
{
        json_t *root = to_json(cache);
        _cleanup_(freep) char *text = json_dumps(root, JSON_INDENT(1));

        json_decref(root);
        (void)file_make_folders(cache->path, 0700);
        int r = text ? file_put(cache->path, text, false) : -ENOMEM;
        if (r < 0)
                log_warning("Digests are not kept in %s: %s", cache->path, strerror(-r));
}

/* --- the whole --- */

int digest_cache_new(DigestCache **ret, const char *path)
{
        _cleanup_(digest_cache_freep) DigestCache *cache = calloc(1, sizeof(*cache));
        if (!cache)
                return -ENOMEM;
        if (path) {
                cache->path = strdup(path);
                if (!cache->path)
                        return -ENOMEM;
                load(cache);
        }
        *ret = TAKE_PTR(cache);
        return 0;
}

DigestCache *digest_cache_free(DigestCache *cache)
{
        if (!cache)
                return NULL;
        for (size_t i = 0; i < cache->n; i++)
                known_done(&cache->known[i]);
        free(cache->path);
        free(cache);
        return NULL;
}

const DigestInfo *digest_cache_find(const DigestCache *cache, const char *identity, json_t **ret_files)
{
        for (size_t i = 0; i < cache->n; i++) {
                if (!streq(cache->known[i].identity, identity))
                        continue;
                if (ret_files)
                        *ret_files = cache->known[i].files;
                return &cache->known[i].info;
        }
        return NULL;
}

void digest_cache_add(DigestCache *cache, const char *identity, const DigestInfo *info, json_t *files)
{
        char *copy = strdup(identity);
        if (!copy)
                return;
        insert(cache, copy, info, files);
        if (cache->path)
                save(cache);
}
