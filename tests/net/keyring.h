/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The other side of net/secret-session.h, written apart from it, and a keyring that speaks so on a session bus. */

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>
#include <systemd/sd-bus.h>

#include "harness.h"
#include "net/secret-session.h"

/* EVP_PKEY's HKDF, where ours is EVP_KDF's. */
static inline void keyring_derive(const BIGNUM *shared, uint8_t ret[static 16])
{
        uint8_t bytes[SECRET_PUBLIC_SIZE];
        size_t size = 16;
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

        CHECK(BN_bn2binpad(shared, bytes, sizeof(bytes)) == sizeof(bytes));
        CHECK(EVP_PKEY_derive_init(context) > 0 && EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) > 0 &&
              EVP_PKEY_CTX_set1_hkdf_key(context, bytes, sizeof(bytes)) > 0 && EVP_PKEY_derive(context, ret, &size) > 0);
        EVP_PKEY_CTX_free(context);
}

static inline int keyring_encrypt(const uint8_t key[static 16], const uint8_t iv[static 16], const char *text, uint8_t *ret)
{
        EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
        int n = 0, rest = 0;

        CHECK(EVP_EncryptInit_ex2(context, EVP_aes_128_cbc(), key, iv, NULL) &&
              EVP_EncryptUpdate(context, ret, &n, (const uint8_t *)text, (int)strlen(text)) &&
              EVP_EncryptFinal_ex(context, ret + n, &rest));
        EVP_CIPHER_CTX_free(context);
        return n + rest;
}

/* Agrees with the other's public number: its own into `ours`, and the key. */
static inline void keyring_agree(
                const void *theirs, size_t size, uint8_t ours[static SECRET_PUBLIC_SIZE], uint8_t key[static 16])
{
        BN_CTX *context = BN_CTX_new();
        BIGNUM *prime = BN_get_rfc2409_prime_1024(NULL), *number = BN_new(), *secret = BN_new();

        CHECK(BN_set_word(number, 2) && BN_rand(secret, 1000, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
              BN_mod_exp(number, number, secret, prime, context) &&
              BN_bn2binpad(number, ours, SECRET_PUBLIC_SIZE) == SECRET_PUBLIC_SIZE);
        CHECK(BN_bin2bn(theirs, (int)size, number) && BN_mod_exp(number, number, secret, prime, context));
        keyring_derive(number, key);
        BN_free(prime);
        BN_free(number);
        BN_free(secret);
        BN_CTX_free(context);
}

typedef struct Keyring {
        const char *secret; /* of the item "openai" */
        bool is_locked, lies;
        uint8_t key[16];
} Keyring;

static inline int keyring_open_session(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint8_t ours[SECRET_PUBLIC_SIZE];
        Keyring *keyring = userdata;
        const char *algorithm;
        const void *theirs;
        size_t size;
        (void)error;

        CHECK(sd_bus_message_read(call, "s", &algorithm) > 0 && streq(algorithm, SECRET_ALGORITHM));
        CHECK(sd_bus_message_enter_container(call, 'v', "ay") > 0 && sd_bus_message_read_array(call, 'y', &theirs, &size) > 0);
        keyring_agree(theirs, size, ours, keyring->key);
        CHECK(sd_bus_message_new_method_return(call, &reply) >= 0 && sd_bus_message_open_container(reply, 'v', "ay") >= 0 &&
              sd_bus_message_append_array(reply, 'y', ours, sizeof(ours)) >= 0 && sd_bus_message_close_container(reply) >= 0 &&
              sd_bus_message_append(reply, "o", "/org/freedesktop/secrets/session/1") >= 0);
        return sd_bus_send(NULL, reply, NULL);
}

static inline int keyring_search(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        const Keyring *keyring = userdata;
        const char *name, *value;
        bool ours = false, wanted = false;
        (void)error;

        CHECK(sd_bus_message_enter_container(call, 'a', "{ss}") > 0);
        while (sd_bus_message_read(call, "{ss}", &name, &value) > 0) {
                ours = ours || (streq(name, "application") && streq(value, "imagined"));
                wanted = wanted || (streq(name, "key") && streq(value, "openai"));
        }
        const unsigned found = ours && wanted && keyring->secret;
        const char *item = "/org/freedesktop/secrets/item/1";
        if (found == 0)
                return sd_bus_reply_method_return(call, "aoao", 0, 0);
        if (keyring->is_locked)
                return sd_bus_reply_method_return(call, "aoao", 0, found, item);
        return sd_bus_reply_method_return(call, "aoao", found, item, 0);
}

static inline int keyring_get_secret(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        uint8_t iv[16], cipher[8192];
        const Keyring *keyring = userdata;
        const char *session;
        (void)error;

        CHECK(sd_bus_message_read(call, "o", &session) > 0 && RAND_bytes(iv, sizeof(iv)) > 0);
        int n = keyring_encrypt(keyring->key, iv, keyring->secret, cipher);
        if (keyring->lies)
                memset(cipher, 7, (size_t)n);
        CHECK(sd_bus_message_new_method_return(call, &reply) >= 0 && sd_bus_message_open_container(reply, 'r', "oayays") >= 0 &&
              sd_bus_message_append(reply, "o", session) >= 0 && sd_bus_message_append_array(reply, 'y', iv, 16) >= 0 &&
              sd_bus_message_append_array(reply, 'y', cipher, (size_t)n) >= 0 &&
              sd_bus_message_append(reply, "s", "text/plain") >= 0 && sd_bus_message_close_container(reply) >= 0);
        return sd_bus_send(NULL, reply, NULL);
}

/* A process that is the keyring of the bus at that address. */
static inline pid_t keyring_start(const char *address, Keyring keyring)
{
        static const sd_bus_vtable service[] = {
                SD_BUS_VTABLE_START(0),
                SD_BUS_METHOD("OpenSession", "sv", "vo", keyring_open_session, SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_METHOD("SearchItems", "a{ss}", "aoao", keyring_search, SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_VTABLE_END,
        };
        static const sd_bus_vtable item[] = {
                SD_BUS_VTABLE_START(0),
                SD_BUS_METHOD("GetSecret", "o", "(oayays)", keyring_get_secret, SD_BUS_VTABLE_UNPRIVILEGED),
                SD_BUS_VTABLE_END,
        };
        int ready[2];
        char byte;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid_t pid = fork_child();
        if (pid > 0) {
                (void)close(ready[1]);
                assert_int_equal(read(ready[0], &byte, 1), 1);
                (void)close(ready[0]);
                return pid;
        }
        sd_bus *bus = NULL;
        CHECK(sd_bus_new(&bus) >= 0 && sd_bus_set_address(bus, address) >= 0 && sd_bus_set_bus_client(bus, 1) >= 0 &&
              sd_bus_start(bus) >= 0);
        CHECK(sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/secrets", "org.freedesktop.Secret.Service", service,
                                       &keyring) >= 0);
        CHECK(sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/secrets/item/1", "org.freedesktop.Secret.Item", item,
                                       &keyring) >= 0);
        CHECK(sd_bus_request_name(bus, "org.freedesktop.secrets", 0) >= 0 && write(ready[1], "x", 1) == 1);
        while (sd_bus_process(bus, NULL) >= 0)
                if (sd_bus_wait(bus, UINT64_MAX) < 0)
                        break;
        _exit(0);
}
