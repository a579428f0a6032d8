/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/tree.h"
#include "base/utf8.h"
#include "base/util.h"
#include "engine/model/file.h"
#include "engine/model/sha256.h"

#define SUMS "SHA256SUMS"
#define SUMS_BYTES_MAX (1U << 20)
#define HEX "0123456789abcdefABCDEF"

typedef struct Digests {
        digest_tick_t tick;
        void *userdata;
        Tree tree;
        char (*of)[DIGEST_SIZE]; /* each file's; "" for SHA256SUMS */
} Digests;

static void digests_done(Digests *digests)
{
        tree_done(&digests->tree);
        free(digests->of);
}

static bool is_sums(const TreeFile *file)
{
        return streq(file->path, SUMS);
}

static int digest_file(Digests *digests, size_t i, const char *dir, Error *error)
{
        _cleanup_(freep) char *path = NULL;
        const char *slash = strrchr(dir, '/');
        const int folder = !digests->tree.is_file ? (int)strlen(dir) : slash ? (int)(slash - dir) : 0;

        if (asprintf(&path, "%.*s%s%s", folder, dir, folder > 0 || slash ? "/" : "", digests->tree.files[i].path) < 0) {
                path = NULL;
                return error_set(error, -ENOMEM, "%s: out of memory", dir);
        }
        return sha256_file(path, digests->of[i], digests->tick, digests->userdata, error);
}

static int digest_files(Digests *digests, const char *dir, Error *error)
{
        int r = tree_read(&digests->tree, dir);
        if (r < 0)
                return error_set(error, r, "%s: %s", dir, strerror(-r));
        digests->of = calloc(digests->tree.n + 1, sizeof(*digests->of));
        if (!digests->of)
                return error_set(error, -ENOMEM, "%s: out of memory", dir);
        for (size_t i = 0; i < digests->tree.n && r >= 0; i++)
                if (!is_sums(&digests->tree.files[i]))
                        r = digest_file(digests, i, dir, error);
        return r;
}

/* *ret_list: what the digest is of. */
static int digest_digests(const Digests *digests, char ret[static DIGEST_SIZE], char **ret_list, Error *error)
{
        _cleanup_(freep) char *text = NULL;
        size_t size;

        FILE *f = open_memstream(&text, &size);
        if (!f)
                return error_set(error, -ENOMEM, "SHA-256: out of memory");
        for (size_t i = 0; i < digests->tree.n; i++)
                if (!is_sums(&digests->tree.files[i]))
                        (void)fprintf(f, "%s  %s\n", digests->of[i], digests->tree.files[i].path);
        if (fclose(f) != 0)
                return error_set(error, -ENOMEM, "SHA-256: out of memory");
        int r = sha256_bytes(text, size, ret, error);
        if (r >= 0)
                *ret_list = TAKE_PTR(text);
        return r;
}

/* --- SHA256SUMS --- */

/* File names come from elsewhere: what is no text is not repeated. */
_printf_(3, 4) static void differ(ModelDigest *digest, const char *path, const char *format, ...)
{
        Error text = {};
        va_list ap;

        if (digest->check == DIGEST_MISMATCH)
                return;
        digest->check = DIGEST_MISMATCH;
        va_start(ap, format);
        (void)vsnprintf(text.text, sizeof(text.text), format, ap);
        va_end(ap);
        (void)snprintf(digest->difference, sizeof(digest->difference), "%.180s %.60s",
                       utf8_is_valid(path, strlen(path)) && strlen(path) < 180 ? path : "a file", text.text);
}

static ssize_t find(const Digests *digests, const char *path)
{
        for (size_t i = 0; i < digests->tree.n; i++)
                if (streq(digests->tree.files[i].path, path) && !is_sums(&digests->tree.files[i]))
                        return (ssize_t)i;
        return -1;
}

/* One line as sha256sum writes it: 64 digits, a space, a space or an asterisk, the path. */
static void check_line(ModelDigest *digest, const Digests *digests, char *line, bool *listed)
{
        size_t hex = strspn(line, HEX);

        if (hex != DIGEST_SIZE - 1 || line[hex] != ' ' || (line[hex + 1] != ' ' && line[hex + 1] != '*')) {
                differ(digest, SUMS, "has a line that sha256sum does not write");
                return;
        }
        const char *path = line + hex + 2;
        if (strncmp(path, "./", 2) == 0)
                path += 2;
        ssize_t i = find(digests, path);
        if (i < 0) {
                differ(digest, path, "is in " SUMS " but not here");
                return;
        }
        listed[i] = true;
        if (strncasecmp(line, digests->of[i], DIGEST_SIZE - 1) != 0)
                differ(digest, path, "differs from " SUMS);
}

static int check_sums(ModelDigest *digest, const Digests *digests, char *text)
{
        _cleanup_(freep) bool *listed = calloc(digests->tree.n + 1, sizeof(*listed));
        char *rest = text;
        if (!listed)
                return -ENOMEM;

        digest->check = DIGEST_VERIFIED;
        for (char *line; (line = strsep(&rest, "\n"));)
                if (line[0] != '\0')
                        check_line(digest, digests, line, listed);
        for (size_t i = 0; i < digests->tree.n; i++)
                if (!listed[i] && !is_sums(&digests->tree.files[i]))
                        differ(digest, digests->tree.files[i].path, "is not in " SUMS);
        return 0;
}

static int hold_against_sums(ModelDigest *digest, const Digests *digests, const char *dir, Error *error)
{
        _cleanup_(mapped_file_done) MappedFile file = {};
        _cleanup_(freep) char *path = NULL, *text = NULL;

        int r = path_join(&path, dir, SUMS, error);
        if (r >= 0)
                r = mapped_file_open(&file, path, SUMS_BYTES_MAX, error);
        if (r < 0)
                return r;
        text = strndup((const char *)file.data, file.size);
        if (!text)
                return error_set(error, -ENOMEM, "%s: out of memory", path);
        if (strlen(text) != file.size) {
                differ(digest, SUMS, "is no text");
                return 0;
        }
        r = check_sums(digest, digests, text);
        return r < 0 ? error_set(error, r, "%s: out of memory", path) : 0;
}

bool model_has_sums(const char *model_dir)
{
        _cleanup_(freep) char *path = NULL;
        return path_join(&path, model_dir, SUMS, NULL) >= 0 && access(path, F_OK) >= 0;
}

int model_digest(ModelDigest *ret, char **ret_list, const char *model_dir, digest_tick_t tick, void *userdata, Error *error)
{
        _cleanup_(digests_done) Digests digests = { .tick = tick, .userdata = userdata };
        ModelDigest digest = { .check = DIGEST_UNLISTED };
        _cleanup_(freep) char *list = NULL;

        int r = digest_files(&digests, model_dir, error);
        if (r >= 0)
                r = digest_digests(&digests, digest.digest, &list, error);
        if (r >= 0 && model_has_sums(model_dir))
                r = hold_against_sums(&digest, &digests, model_dir, error);
        if (r < 0)
                return r;
        *ret = digest;
        if (ret_list)
                *ret_list = TAKE_PTR(list);
        return 0;
}
