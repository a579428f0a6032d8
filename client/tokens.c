/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/util.h"
#include "client/desktop/place.h"
#include "client/i18n.h"
#include "client/tokens.h"

#define PREFIX "imagined-"
#define SECRET_BYTES 30
#define FILE_BYTES_MAX 65536
#define DIGEST_TEXT (2 * SHA256_DIGEST_LENGTH)

char *tokens_path(void)
{
        return place_of_user(BASE_STATE, "imagined/http-tokens.json");
}

static void digest_of(const char *token, char text[DIGEST_TEXT + 1])
{
        uint8_t digest[SHA256_DIGEST_LENGTH];

        (void)SHA256((const uint8_t *)token, strlen(token), digest);
        for (size_t i = 0; i < sizeof(digest); i++)
                (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

static bool is_entry(const json_t *entry)
{
        const char *name = json_string_value(json_object_get(entry, "name"));

        return name && strlen(name) <= TOKEN_NAME_MAX && json_string_length(json_object_get(entry, "sha256")) == DIGEST_TEXT;
}

static int parse(FILE *f, const char *path, json_t **ret, Error *error)
{
        json_t *object = json_loadf(f, JSON_REJECT_DUPLICATES, NULL), *tokens = json_object_get(object, "tokens"), *entry;
        size_t i;
        int r = json_is_array(tokens) && json_array_size(tokens) <= TOKENS_MAX ? 0 : -EBADMSG;

        if (r >= 0) {
                json_array_foreach(tokens, i, entry)
                        r = is_entry(entry) ? r : -EBADMSG;
        }
        if (r >= 0)
                *ret = json_incref(tokens);
        json_decref(object);
        return r < 0 ? error_set(error, r, _("%s is not a list of tokens"), path) : 0;
}

int tokens_list(json_t **ret, Error *error)
{
        _cleanup_(freep) char *path = tokens_path();
        struct stat st;

        if (!path)
                return error_set(error, -ENOENT, _("there is no directory for your state"));
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 && errno == ENOENT) {
                *ret = json_array();
                return 0;
        }
        if (fd < 0 || fstat(fd, &st) < 0)
                return error_set(error, -errno, _("cannot open %s: %s"), path, strerror(errno));
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0 || st.st_size > FILE_BYTES_MAX)
                return error_set(error, -EPERM, _("%s has to be a file that you own and nobody else may read"), path);
        _cleanup_(fclosep) FILE *f = fdopen(fd, "r");
        if (!f)
                return -errno;
        (void)TAKE_FD(fd);
        return parse(f, path, ret, error);
}

/* A descriptor that holds off others who change the list, for as long as it is open: none of two at once is lost. */
static int lock(Error *error)
{
        _cleanup_(freep) char *path = tokens_path();

        if (!path)
                return error_set(error, -ENOENT, _("there is no directory for your state"));
        int r = file_make_folders(path, 0700);
        if (r < 0)
                return error_set(error, r, _("cannot write %s: %s"), path, strerror(-r));
        *strrchr(path, '/') = '\0';
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        while (fd >= 0 && flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return error_set(error, -errno, _("cannot open %s: %s"), path, strerror(errno));
        return fd < 0 ? error_set(error, -errno, _("cannot open %s: %s"), path, strerror(errno)) : TAKE_FD(fd);
}

/* Whole or not at all; and never for others' eyes. */
static int save(json_t *tokens, Error *error)
{
        _cleanup_(freep) char *path = tokens_path(), *text = NULL;
        json_t *object = json_pack("{s:O}", "tokens", tokens);

        text = object ? json_dumps(object, JSON_INDENT(1)) : NULL;
        json_decref(object);
        if (!path || !text)
                return error_set(error, -ENOMEM, _("out of memory"));
        int r = file_put(path, text, true);
        return r < 0 ? error_set(error, r, _("cannot write %s: %s"), path, strerror(-r)) : 0;
}

static json_t *find(json_t *tokens, const char *name, size_t *ret)
{
        json_t *entry;
        size_t i;

        json_array_foreach(tokens, i, entry)
                if (streq(json_string_value(json_object_get(entry, "name")), name)) {
                        *ret = i;
                        return entry;
                }
        return NULL;
}

static bool is_name(const char *name)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
        const size_t length = strlen(name);

        return length > 0 && length <= TOKEN_NAME_MAX && strspn(name, letters) == length;
}

/* With letters that need no quotes anywhere (RFC 4648, section 5). */
static int make_token(char **ret)
{
        _cleanup_(freep) char *text = NULL;
        uint8_t secret[SECRET_BYTES];

        if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
                return -EIO;
        text = base64_encode(secret, sizeof(secret));
        explicit_bzero(secret, sizeof(secret));
        if (!text || asprintf(ret, PREFIX "%s", text) < 0)
                return -ENOMEM;
        for (char *c = *ret + strlen(PREFIX); *c; c++) {
                if (*c == '+' || *c == '/')
                        *c = *c == '+' ? '-' : '_';
        }
        return 0;
}

int tokens_add(const char *name, char **ret_token, Error *error)
{
        _cleanup_(freep) char *token = NULL;
        char digest[DIGEST_TEXT + 1];
        json_t *tokens = NULL;
        size_t at = 0;

        if (!is_name(name))
                return error_set(error, -EINVAL, _("a name has letters, digits, dots, dashes and underscores, at most %d"), TOKEN_NAME_MAX);
        _cleanup_(closep) int held = lock(error);
        int r = held < 0 ? held : tokens_list(&tokens, error);
        if (r >= 0 && find(tokens, name, &at))
                r = error_set(error, -EEXIST, _("there is a token for %s already; 'imagine http token remove %s' takes it back"), name, name);
        if (r >= 0 && json_array_size(tokens) >= TOKENS_MAX)
                r = error_set(error, -ENOSPC, _("there are %d tokens already"), TOKENS_MAX);
        if (r >= 0 && (r = make_token(&token)) < 0)
                (void)error_set(error, r, _("cannot make a token: %s"), strerror(-r));
        if (r >= 0) {
                digest_of(token, digest);
                (void)json_array_append_new(tokens, json_pack("{s:s, s:I, s:s}", "name", name, "created", (json_int_t)time(NULL),
                                                              "sha256", digest));
                r = save(tokens, error);
        }
        json_decref(tokens);
        if (r >= 0)
                *ret_token = TAKE_PTR(token);
        return r;
}

int tokens_remove(const char *name, Error *error)
{
        json_t *tokens = NULL;
        size_t at = 0;

        _cleanup_(closep) int held = lock(error);
        int r = held < 0 ? held : tokens_list(&tokens, error);
        if (r >= 0 && !find(tokens, name, &at))
                r = error_set(error, -ENOENT, _("there is no token for %s"), name);
        if (r >= 0) {
                (void)json_array_remove(tokens, at);
                r = save(tokens, error);
        }
        json_decref(tokens);
        return r;
}

int tokens_check(const char *token, char name[TOKEN_NAME_MAX + 1], Error *error)
{
        char digest[DIGEST_TEXT + 1];
        json_t *tokens = NULL, *entry;
        bool found = false;
        size_t i;

        int r = tokens_list(&tokens, error);
        if (r < 0)
                return r;
        digest_of(token, digest);
        json_array_foreach(tokens, i, entry)
                if (CRYPTO_memcmp(json_string_value(json_object_get(entry, "sha256")), digest, DIGEST_TEXT) == 0) {
                        (void)snprintf(name, TOKEN_NAME_MAX + 1, "%s", json_string_value(json_object_get(entry, "name")));
                        found = true;
                }
        json_decref(tokens);
        return found;
}
