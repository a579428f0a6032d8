/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/util.h"
#include "net/secret-session.h"

#define KEY_SIZE 16

struct SecretSession {
        BIGNUM *prime, *secret;
        uint8_t public[SECRET_PUBLIC_SIZE];
        uint8_t key[KEY_SIZE]; /* once agreed */
        bool agreed;
};

DEFINE_CLEANUP(BN_CTX *, BN_CTX_free)
DEFINE_CLEANUP(BIGNUM *, BN_clear_free)
DEFINE_CLEANUP(EVP_KDF *, EVP_KDF_free)
DEFINE_CLEANUP(EVP_KDF_CTX *, EVP_KDF_CTX_free)
DEFINE_CLEANUP(EVP_CIPHER_CTX *, EVP_CIPHER_CTX_free)

/* base ^ secret modulo prime, in SECRET_PUBLIC_SIZE bytes. */
static int power(const SecretSession *session, const BIGNUM *base, uint8_t ret[static SECRET_PUBLIC_SIZE])
{
        _cleanup_(BN_CTX_freep) BN_CTX *context = BN_CTX_new();
        _cleanup_(BN_clear_freep) BIGNUM *result = BN_new();

        if (!context || !result ||
            !BN_mod_exp_mont_consttime(result, base, session->secret, session->prime, context, NULL) ||
            BN_bn2binpad(result, ret, SECRET_PUBLIC_SIZE) < 0)
                return -ENOMEM;
        return 0;
}

int secret_session_new(SecretSession **ret)
{
        _cleanup_(secret_session_freep) SecretSession *session = calloc(1, sizeof(SecretSession));
        _cleanup_(BN_clear_freep) BIGNUM *two = BN_new();

        if (!session || !two || !BN_set_word(two, 2))
                return -ENOMEM;
        session->prime = BN_get_rfc2409_prime_1024(NULL);
        session->secret = BN_secure_new();
        if (!session->prime || !session->secret ||
            !BN_priv_rand(session->secret, SECRET_PUBLIC_SIZE * 8 - 1, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY))
                return -ENOMEM;
        BN_set_flags(session->secret, BN_FLG_CONSTTIME);
        int r = power(session, two, session->public);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(session);
        return 0;
}

SecretSession *secret_session_free(SecretSession *session)
{
        if (!session)
                return NULL;
        BN_free(session->prime);
        BN_clear_free(session->secret);
        explicit_bzero(session, sizeof(*session));
        free(session);
        return NULL;
}

const uint8_t *secret_session_public(const SecretSession *session)
{
        return session->public;
}

static int derive(SecretSession *session, uint8_t shared[static SECRET_PUBLIC_SIZE])
{
        char digest[] = "SHA256";
        _cleanup_(EVP_KDF_freep) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
        _cleanup_(EVP_KDF_CTX_freep) EVP_KDF_CTX *context = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
        const OSSL_PARAM params[] = {
                OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared, SECRET_PUBLIC_SIZE),
                OSSL_PARAM_construct_end(),
        };

        return context && EVP_KDF_derive(context, session->key, sizeof(session->key), params) > 0 ? 0 : -ENOMEM;
}

int secret_session_agree(SecretSession *session, const uint8_t *theirs, size_t size)
{
        _cleanup_(BN_clear_freep) BIGNUM *number = size <= SECRET_PUBLIC_SIZE ? BN_bin2bn(theirs, (int)size, NULL) : NULL;
        uint8_t shared[SECRET_PUBLIC_SIZE];

        if (size > SECRET_PUBLIC_SIZE)
                return -EBADMSG;
        if (!number)
                return -ENOMEM;
        /* 0, 1 and p - 1 would make the shared number one that everybody knows. */
        _cleanup_(BN_clear_freep) BIGNUM *last = BN_dup(session->prime);
        if (!last || !BN_sub_word(last, 1))
                return -ENOMEM;
        if (BN_is_zero(number) || BN_is_one(number) || BN_cmp(number, last) >= 0)
                return -EBADMSG;
        int r = power(session, number, shared);
        if (r >= 0)
                r = derive(session, shared);
        explicit_bzero(shared, sizeof(shared));
        session->agreed = r >= 0;
        return r;
}

int secret_session_open(
                SecretSession *session, const uint8_t *iv, size_t iv_size, const uint8_t *cipher, size_t cipher_size,
                char *ret, size_t capacity)
{
        _cleanup_(EVP_CIPHER_CTX_freep) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
        int n = 0, rest = 0;

        if (!session->agreed || iv_size != KEY_SIZE || cipher_size == 0 || cipher_size % KEY_SIZE != 0)
                return -EBADMSG;
        if (cipher_size + 1 > capacity) /* the last block may be written, too */
                return -EFBIG;
        if (!context || !EVP_DecryptInit_ex2(context, EVP_aes_128_cbc(), session->key, iv, NULL))
                return -ENOMEM;
        if (!EVP_DecryptUpdate(context, (uint8_t *)ret, &n, cipher, (int)cipher_size) ||
            !EVP_DecryptFinal_ex(context, (uint8_t *)ret + n, &rest)) {
                explicit_bzero(ret, capacity);
                return -EBADMSG;
        }
        ret[n + rest] = '\0';
        return n + rest;
}
