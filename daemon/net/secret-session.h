/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The Secret Service's sessions of the kind dh-ietf1024-sha256-aes128-cbc-pkcs7: secrets cross the bus encrypted, so that who
 * records it has none of them.
 *
 *     secret_session_new(&session);
 *     OpenSession("dh-ietf1024-sha256-aes128-cbc-pkcs7", secret_session_public(session))     -> the other's public number
 *     secret_session_agree(session, theirs, size);
 *     secret_session_open(session, iv, iv_size, cipher, cipher_size, buffer, sizeof(buffer)); */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define SECRET_ALGORITHM "dh-ietf1024-sha256-aes128-cbc-pkcs7"
#define SECRET_PUBLIC_SIZE 128

typedef struct SecretSession SecretSession;

int secret_session_new(SecretSession **ret);
SecretSession *secret_session_free(SecretSession *session);
DEFINE_CLEANUP(SecretSession *, secret_session_free)

/* SECRET_PUBLIC_SIZE bytes, the highest first. */
const uint8_t *secret_session_public(const SecretSession *session);

/* -EBADMSG: their number is none that an honest service sends. */
int secret_session_agree(SecretSession *session, const uint8_t *theirs, size_t size);

/* How many bytes the secret has, with a 0 behind them; -EBADMSG: it does not decrypt; -EFBIG. */
int secret_session_open(
                SecretSession *session, const uint8_t *iv, size_t iv_size, const uint8_t *cipher, size_t cipher_size,
                char *ret, size_t capacity);
