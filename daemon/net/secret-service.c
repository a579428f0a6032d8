/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* org.freedesktop.secrets, as GNOME's keyring, KeePassXC and KWallet offer it. A locked keyring is not opened: that is a
 * dialogue between the user and the keyring, and a job may run when nobody looks. */

#include <errno.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "base/clock.h"
#include "net/key.h"
#include "net/protocol.h"
#include "net/secret-session.h"

#define NAME "org.freedesktop.secrets"
#define PATH "/org/freedesktop/secrets"
#define SERVICE "org.freedesktop.Secret.Service"
#define ITEM "org.freedesktop.Secret.Item"
#define CIPHER_MAX (KEY_MAX + 16)

static int no_service(Error *error, const char *name, const sd_bus_error *why)
{
        return error_set(error, NET_NO_KEY,
                         "The key %s is neither a credential of imagined-net@.service nor to be had from a keyring (%s)", name,
                         why && sd_bus_error_is_set(why) ? why->name : "there is no session bus");
}

static int open_session(sd_bus *bus, SecretSession *session, char ret_path[static 256], sd_bus_error *why)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        const void *theirs;
        const char *path;
        size_t size;

        int r = sd_bus_message_new_method_call(bus, &call, NAME, PATH, SERVICE, "OpenSession");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", SECRET_ALGORITHM);
        if (r >= 0)
                r = sd_bus_message_open_container(call, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_append_array(call, 'y', secret_session_public(session), SECRET_PUBLIC_SIZE);
        if (r >= 0)
                r = sd_bus_message_close_container(call);
        if (r >= 0)
                r = sd_bus_call(bus, call, 0, why, &reply);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'v', "ay");
        if (r >= 0)
                r = sd_bus_message_read_array(reply, 'y', &theirs, &size);
        if (r >= 0)
                r = sd_bus_message_exit_container(reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return r;
        if (snprintf(ret_path, 256, "%s", path) >= 256)
                return -EBADMSG;
        return secret_session_agree(session, theirs, size);
}

/* The first item of that name. 1; 0: there is none; -EKEYEXPIRED: it is locked. */
static int find_item(sd_bus *bus, const char *name, char ret_path[static 256], sd_bus_error *why)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *unlocked = NULL, *locked = NULL;

        int r = sd_bus_call_method(
                        bus, NAME, PATH, SERVICE, "SearchItems", why, &reply, "a{ss}", 2, "application", "imagined", "key",
                        name);
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(reply, 'a', "o");
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &unlocked);
        while (r > 0 && sd_bus_message_skip(reply, "o") > 0)
                ;
        if (r >= 0)
                r = sd_bus_message_exit_container(reply);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "o");
        if (r >= 0)
                r = sd_bus_message_read(reply, "o", &locked);
        if (r < 0)
                return r;
        if (!unlocked)
                return locked ? -EKEYEXPIRED : 0;
        return snprintf(ret_path, 256, "%s", unlocked) >= 256 ? -EBADMSG : 1;
}

static int get_secret(
                sd_bus *bus, SecretSession *session, const char *session_path, const char *item, char ret[static KEY_MAX + 1],
                sd_bus_error *why)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        char buffer[CIPHER_MAX + 1];
        const void *iv, *cipher;
        size_t iv_size, cipher_size;

        int r = sd_bus_call_method(bus, NAME, item, ITEM, "GetSecret", why, &reply, "o", session_path);
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'r', "oayays");
        if (r >= 0)
                r = sd_bus_message_skip(reply, "o");
        if (r >= 0)
                r = sd_bus_message_read_array(reply, 'y', &iv, &iv_size);
        if (r >= 0)
                r = sd_bus_message_read_array(reply, 'y', &cipher, &cipher_size);
        if (r >= 0)
                r = secret_session_open(session, iv, iv_size, cipher, cipher_size, buffer, sizeof(buffer));
        if (r >= 0 && (r > KEY_MAX || strlen(buffer) != (size_t)r))
                r = -EBADMSG;
        if (r >= 0)
                memcpy(ret, buffer, (size_t)r + 1);
        explicit_bzero(buffer, sizeof(buffer));
        return r < 0 ? r : 0;
}

int secret_service_fetch(char ret[static KEY_MAX + 1], const char *name, uint64_t ms, Error *error)
{
        _cleanup_(secret_session_freep) SecretSession *session = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error why = SD_BUS_ERROR_NULL;
        char session_path[256], item[256];

        int r = sd_bus_open_user_with_description(&bus, "imagined-net");
        if (r < 0)
                return no_service(error, name, NULL);
        (void)sd_bus_set_method_call_timeout(bus, ms * USEC_PER_MSEC);
        r = secret_session_new(&session);
        if (r >= 0)
                r = open_session(bus, session, session_path, &why);
        if (r < 0)
                return no_service(error, name, &why);
        r = find_item(bus, name, item, &why);
        if (r == -EKEYEXPIRED)
                return error_set(error, NET_NO_KEY, "The keyring that has the key %s is locked", name);
        if (r == 0)
                return error_set(error, NET_NO_KEY, "The key %s is neither a credential of imagined-net@.service nor in the keyring",
                                 name);
        if (r > 0)
                r = get_secret(bus, session, session_path, item, ret, &why);
        return r < 0 ? error_set(error, NET_NO_KEY, "The keyring does not give the key %s (%s)", name,
                                 sd_bus_error_is_set(&why) ? why.name : strerror(-r))
                     : 0;
}
