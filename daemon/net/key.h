/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Keys of servers: the worker fetches the one that its job names, and nobody else ever has it. From, in this order,
 *
 *     $CREDENTIALS_DIRECTORY/NAME    systemd's: LoadCredential=, LoadCredentialEncrypted= of imagined-net@.service
 *     the Secret Service             the item with the attributes application=imagined and key=NAME:
 *                                    secret-tool store --label=… application imagined key NAME */

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define KEY_MAX 4096

typedef struct Key { /* key_done() */
        char text[KEY_MAX + 1]; /* printable ASCII without spaces */
} Key;

/* NET_NO_KEY with a sentence that says where it was looked for. Blocks; a keyring is asked for at most `ms`. */
int key_fetch(Key *ret, const char *name, uint64_t ms, Error *error);
void key_done(Key *key);

/* Overwrites what of the key stands in a text, eight characters beside each other or more, with a mark. Servers quote. */
void key_redact(const Key *key, char *text, size_t size);

/* secret-service.c: the secret of that name, as it is stored; at most KEY_MAX bytes. -ENOKEY with a sentence. */
int secret_service_fetch(char ret[static KEY_MAX + 1], const char *name, uint64_t ms, Error *error);
