/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The stub worker's digests: 64 digits that change with model_index.json, and the same of that file alone. A SHA256SUMS fits if it begins with "good". A
 * byte is added to the hidden file ".digested", or ".verified", of the model for each; the name of its directory may end
 * in -digest-dies, -digest-fails, -digest-hangs, -digest-lies or -digest-slow. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memfd.h"
#include "base/util.h"
#include "workers/protocol.h"

/* The first bytes of a file; "" if there is none. */
static inline void stub_read(const char *directory, const char *name, char ret[static 64])
{
        char path[4096];

        memset(ret, 0, 64);
        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        FILE *file = fopen(path, "re");
        if (!file)
                return;
        (void)!fread(ret, 1, 63, file);
        (void)fclose(file);
}

/* A file "hold" beside the folder of models has the numbers of a step and a picture: from that picture on the steps behind
 * that one wait, and what else is slow. Tests need no luck then. */
static inline bool stub_is_held(const char *directory, uint32_t picture, uint32_t step)
{
        unsigned held_step, held_picture;
        char text[64];

        stub_read(directory, "../../hold", text);
        return sscanf(text, "%u %u", &held_step, &held_picture) == 2 && picture >= held_picture && step > held_step;
}

static inline void stub_count(const char *directory, const char *name)
{
        char path[4096];

        (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
        FILE *file = fopen(path, "ae");
        if (file) {
                (void)fputc('x', file);
                (void)fclose(file);
        }
}

static inline void stub_misbehave(int socket, const char *directory)
{
        const char *mode = strstr(directory, "-digest-");
        Message message = { .version = PROTOCOL_VERSION, .type = MESSAGE_FAILED, .failed = { -EACCES, "not yours" } };

        if (!mode)
                return;
        if (streq(mode, "-digest-dies"))
                (void)raise(SIGSEGV);
        if (streq(mode, "-digest-slow"))
                for (int i = 0; i < 100 || stub_is_held(directory, UINT32_MAX, 1); i++)
                        (void)poll(NULL, 0, 10);
        if (streq(mode, "-digest-lies"))
                message.type = MESSAGE_DONE, message.job = 1;
        if (streq(mode, "-digest-hangs"))
                (void)pause();
        if (!streq(mode, "-digest-slow")) {
                (void)protocol_send(socket, &message, -1);
                (void)poll(NULL, 0, 60000);
        }
}

/* Tells the digest; to_load: of a model that has a SHA256SUMS only, as it is done before loading. */
static inline ModelCheck stub_digest(int socket, const char *directory, bool to_load)
{
        Message message = { .version = PROTOCOL_VERSION, .type = MESSAGE_DIGEST };
        DigestInfo *info = &message.digest;
        char index[64], sums[64], list[PROTOCOL_DIGEST_SIZE + 32];
        uint64_t hash = 14695981039346656037ULL; /* FNV-1a */

        stub_read(directory, "model_index.json", index);
        stub_read(directory, "SHA256SUMS", sums);
        if (to_load && !sums[0])
                return MODEL_UNLISTED;
        stub_count(directory, to_load ? ".verified" : ".digested");
        if (!to_load)
                stub_misbehave(socket, directory);

        for (const char *p = index; *p; p++)
                hash = (hash ^ (uint8_t)*p) * 1099511628211ULL;
        for (int i = 0; i < 4; i++)
                (void)snprintf(info->digest + 16 * i, 17, "%016llx", (unsigned long long)hash);
        info->check = !sums[0] ? MODEL_UNLISTED : strncmp(sums, "good", 4) == 0 ? MODEL_VERIFIED : MODEL_MISMATCH;
        if (info->check == MODEL_MISMATCH)
                (void)snprintf(info->difference, sizeof(info->difference), "model_index.json differs from SHA256SUMS");
        (void)snprintf(info->version, sizeof(info->version), "0.1");
        (void)snprintf(info->license, sizeof(info->license), "CC0-1.0");
        (void)snprintf(list, sizeof(list), "%s  model_index.json\n", info->digest);
        _cleanup_(closep) int fd = memfd_new_sealed("digests", list, strlen(list));
        (void)protocol_send(socket, &message, fd);
        return (ModelCheck)info->check;
}
