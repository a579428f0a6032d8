/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known of the files of the installed models: how large they are, their digest, and whether they are what their
 * SHA256SUMS says. The service looks at sizes and times only. Digests are computed by a worker without a model, one model
 * after the other, at the lowest priority and only while nothing else is to be done; they are remembered for as long as
 * the files are the same (digest-cache.h). A model that is loaded before that is verified by the worker that loads it. */

#include "config.h"
#include "service/models.h"
#include "workers/protocol.h"

#include <jansson.h>
#include <systemd/sd-event.h>

typedef enum DigestState {
        DIGEST_UNKNOWN, /* it cannot be computed: files that cannot be read, or too many */
        DIGEST_COMPUTING, /* or about to be */
        DIGEST_UNLISTED, /* known; there is no SHA256SUMS to hold it against */
        DIGEST_VERIFIED, /* the files are as SHA256SUMS says */
        DIGEST_MISMATCH, /* they are not */
} DigestState;

const char *digest_state_to_string(DigestState state);

typedef struct ModelFiles {
        char name[MODEL_NAME_MAX + 1];
        uint64_t bytes;
        DigestState state;
        DigestInfo info; /* of the three last states; else empty */
        json_t *digests; /* of each file then (file-digests.h); NULL: not known */
        struct ModelFiles *next;
} ModelFiles;

typedef struct Digests Digests;

/* changed: a state or digest is another one, or models came or went. cache: the file that remembers; NULL: none. */
int digests_new(
                Digests **ret, sd_event *event, const Config *config, const char *cache, void (*changed)(void *userdata),
                void *userdata);
Digests *digests_free(Digests *digests);
DEFINE_CLEANUP(Digests *, digests_free)

/* The configuration must outlive the digests. */
void digests_set_config(Digests *digests, const Config *config);

/* Looks at these models, which are all there are, unless their files were looked at just before. */
void digests_look(Digests *digests, const Models *models);

/* What was seen last; valid until the next look. NULL: none. */
const ModelFiles *digests_find(const Digests *digests, const char *name);

/* Nothing is computed while there is something else to do: a worker that does is paused. */
void digests_set_busy(Digests *digests, bool busy);

/* Computes nothing any more. */
void digests_stop(Digests *digests);

/* A model is about to be loaded: whether the worker shall verify it, because nobody has since its files were changed. */
bool digests_must_verify(Digests *digests, const char *name, const char *directory);

/* What that worker says of it; fd is what came with it, or -1, and stays the caller's. */
void digests_take(Digests *digests, const char *name, const DigestInfo *info, int fd);
