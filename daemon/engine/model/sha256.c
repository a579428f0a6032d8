/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/util.h"
#include "engine/model/file.h"
#include "engine/model/sha256.h"

#define CHUNK (256U * 1024) /* bytes; fits into the second cache */

DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free)

static EVP_MD_CTX *begin(void)
{
        if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
                return NULL;
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        if (context && EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
                EVP_MD_CTX_free(context);
                return NULL;
        }
        return context;
}

static int end(EVP_MD_CTX *context, char ret[static DIGEST_SIZE])
{
        static const char digits[] = "0123456789abcdef";
        unsigned char value[EVP_MAX_MD_SIZE];
        unsigned size = 0;

        if (EVP_DigestFinal_ex(context, value, &size) != 1 || size != (DIGEST_SIZE - 1) / 2)
                return -ENOMEM;
        for (unsigned i = 0; i < size; i++) {
                ret[2 * i] = digits[value[i] >> 4];
                ret[2 * i + 1] = digits[value[i] & 15];
        }
        ret[DIGEST_SIZE - 1] = '\0';
        return 0;
}

static int feed(EVP_MD_CTX *context, int fd, digest_tick_t tick, void *userdata)
{
        _cleanup_(freep) uint8_t *chunk = malloc(CHUNK);
        if (!chunk)
                return -ENOMEM;

        for (;;) {
                if (tick)
                        tick(userdata);
                ssize_t n = read(fd, chunk, CHUNK);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                if (EVP_DigestUpdate(context, chunk, (size_t)n) != 1)
                        return -ENOMEM;
        }
}

int sha256_file(const char *path, char ret[static DIGEST_SIZE], digest_tick_t tick, void *userdata, Error *error)
{
        struct stat st;
        _cleanup_(closep) int fd = regular_file_open(path, &st, error);
        if (fd < 0)
                return fd;

        _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *context = begin();
        int r = context ? feed(context, fd, tick, userdata) : -ENOMEM;
        if (r >= 0)
                r = end(context, ret);
        return r < 0 ? error_set(error, r, "%s: %s", path, strerror(-r)) : 0;
}

int sha256_bytes(const void *data, size_t size, char ret[static DIGEST_SIZE], Error *error)
{
        _cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *context = begin();

        if (!context || EVP_DigestUpdate(context, data, size) != 1 || end(context, ret) < 0)
                return error_set(error, -ENOMEM, "SHA-256: out of memory");
        return 0;
}
