/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/log.h"
#include "base/memfd.h"
#include "base/util.h"
#include "engine/model/config.h"
#include "engine/model/digest.h"
#include "engine/model/file.h"
#include "engine/verify.h"
#include "workers/protocol.h"

_Static_assert((int)MODEL_VERIFIED == DIGEST_VERIFIED && (int)MODEL_MISMATCH == DIGEST_MISMATCH, "the same numbers");
_Static_assert(PROTOCOL_DIGEST_SIZE == DIGEST_SIZE, "the same digests");

/* A card that cannot be read is loading's to complain about. */
static void fill_card(DigestInfo *info, const char *model_dir)
{
        _cleanup_(freep) char *path = NULL;
        ModelCard card;

        if (path_join(&path, model_dir, "imagined.json", NULL) < 0 || model_card_read(&card, path, NULL) < 0)
                return;
        memcpy(info->name, card.name, sizeof(info->name));
        memcpy(info->version, card.version, sizeof(info->version));
        memcpy(info->license, card.license, sizeof(info->license));
}

static void send_failure(int socket, const Error *error)
{
        Message m = { .version = PROTOCOL_VERSION, .type = MESSAGE_FAILED, .failed = { .code = error->code } };

        (void)snprintf(m.failed.text, sizeof(m.failed.text), "%s", error->text);
        (void)protocol_send(socket, &m, -1);
}

/* Says that reading goes on, if the service asks. */
static void answer_ping(void *userdata)
{
        struct pollfd ready = { .fd = *(const int *)userdata, .events = POLLIN };
        _cleanup_(closep) int fd = -1;
        Message m;

        if (poll(&ready, 1, 0) <= 0 || protocol_receive(ready.fd, &m, &fd) <= 0 || m.type != MESSAGE_PING)
                return;
        m.type = MESSAGE_PONG;
        m.pong = (Pong) { .ping = m.ping, .done = m.ping }; /* who answers is who reads */
        (void)protocol_send(ready.fd, &m, -1);
}

/* What the digest is of, for who wants to know each file's; longer ones are not told. -1: none. */
static int seal_list(const char *list)
{
        const size_t size = strlen(list);
        return size > 0 && size <= PROTOCOL_DIGESTS_BYTES_MAX ? memfd_new_sealed("digests", list, size) : -1;
}

static int tell(int socket, const char *model_dir, ModelDigest *digest, Error *error)
{
        Message m = { .version = PROTOCOL_VERSION, .type = MESSAGE_DIGEST };
        _cleanup_(freep) char *list = NULL;

        int r = model_digest(digest, &list, model_dir, answer_ping, &socket, error);
        if (r < 0)
                return r;
        memcpy(m.digest.digest, digest->digest, sizeof(m.digest.digest));
        memcpy(m.digest.difference, digest->difference, sizeof(m.digest.difference));
        m.digest.check = digest->check;
        fill_card(&m.digest, model_dir);
        _cleanup_(closep) int fd = seal_list(list);
        r = protocol_send(socket, &m, fd);
        return r < 0 ? error_set(error, r, "Cannot send the digest: %s", strerror(-r)) : 0;
}

int verify_tell_digest(int socket, const char *model_dir)
{
        ModelDigest digest;
        Error error = {};

        int r = tell(socket, model_dir, &digest, &error);
        if (r < 0)
                send_failure(socket, &error);
        return r;
}

int verify_model(int socket, const char *model_dir)
{
        ModelDigest digest;
        Error error = {};

        if (!model_has_sums(model_dir))
                return 0;
        int r = tell(socket, model_dir, &digest, &error);
        if (r >= 0 && digest.check == DIGEST_MISMATCH)
                r = error_set(&error, -EBADMSG, "%s", digest.difference);
        if (r < 0) {
                log_error("The model is not what was published: %s", error.text);
                send_failure(socket, &error);
        }
        return r;
}
