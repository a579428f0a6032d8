/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How a kind of server is spoken to: which requests, and what their answers mean. One file each, dialect-NAME.c, which knows
 * no socket and no libcurl; a new one is that file, a line in dialect.c and one in net/protocol.c.
 *
 *     while ((r = dialect->next(talk, answer, &request, &error)) > 0)
 *             send the request: events of a stream go to dialect->event, all else becomes the answer */

#include <errno.h>
#include <stdlib.h>

#include "net/http.h"
#include "net/protocol.h"

/* One job, as a dialect sees it. */
typedef struct Talk {
        const NetAsk *ask;
        const Bytes *parts; /* NET_PART_MAX; .size 0: it did not come */
        uint32_t n_results; /* delivered so far */
        void *state; /* the dialect's own; it releases it in done() */

        /* Takes a result; its index is filled in. A negative errno ends all. */
        int (*deliver)(struct Talk *talk, const NetResult *result, const void *data, size_t size);
        /* How far the server is with the result n_results; fraction: negative: not known; task: up to 127 bytes;
         * "": it has no name. */
        void (*progress)(struct Talk *talk, NetStage stage, double fraction, const char *task);
        void *userdata;
} Talk;

/* The seed of the result n_results, where one is asked for. */
static inline uint64_t talk_seed(const Talk *talk)
{
        return (talk->ask->seed + talk->n_results) & INT64_MAX;
}

/* The dialect's own, of that size and all zeros at first; NULL: memory is short. */
static inline void *talk_state(Talk *talk, size_t size)
{
        if (!talk->state)
                talk->state = calloc(1, size);
        return talk->state;
}

/* Whether there is anything to draw: what all that make pictures need. -EINVAL with a sentence. */
static inline int talk_check(const Talk *talk, Error *error)
{
        if (talk->parts[NET_PART_PROMPT].size == 0)
                return error_set(error, -EINVAL, "There is nothing to draw");
        if (talk->parts[NET_PART_MASK].size > 0 && talk->parts[NET_PART_PICTURE].size == 0)
                return error_set(error, -EINVAL, "A mask needs a picture");
        return 0;
}

typedef struct Dialect {
        const char *key_header; /* before the key */

        /* Whether all parts are there that this needs. */
        int (*check)(const Talk *talk, Error *error);

        /* The next request, for the result n_results. answer: to the request before, of status 2xx; NULL: there is none yet, or
         * this is a dry run. 1: send *request; 0: all results are delivered; else an error. */
        int (*next)(Talk *talk, const HttpAnswer *answer, HttpRequest *request, Error *error);

        /* An event of a streamed answer; -EBADMSG: it is none of this dialect. NULL: it asks for no streams. */
        int (*event)(Talk *talk, const char *name, const char *data, size_t size);

        /* The status that an answer of status 200 to what draws should have had, where a server says in it that it has taken nothing. NULL: it
         * has the right ones. */
        long (*status)(const HttpAnswer *answer);

        /* What an answer that is not 2xx means: fills in the error. Whether it is of no use to try again. */
        bool (*explain)(const Talk *talk, const HttpAnswer *answer, Error *error);

        /* A request that is sent again and again beside one that draws, while its answer is waited for; and its answer. NULL:
         * there is none. 1: send it. */
        int (*side)(Talk *talk, HttpRequest *request);
        void (*side_answer)(Talk *talk, const HttpAnswer *answer);

        /* When it is not to go on: the next request that takes back what the server has begun. 1: send it; 0: there is nothing
         * left. NULL: it cannot be taken back. */
        int (*cancel)(Talk *talk, HttpRequest *request);

        /* NET_ASK_CHECK: what is fetched, and what it says. */
        const char *check_path, *check_header; /* NULL: no header beside the key */
        int (*checked)(Talk *talk, const HttpAnswer *answer, Error *error);

        bool has_links; /* its answers may have links to other hosts */

        /* The service's rules have what draws sent again after that status, although who is behind the gateway may have taken it. */
        bool repeats_502, repeats_504;

        void (*done)(Talk *talk);
} Dialect;

/* NULL: it is a program (net/program.h). */
const Dialect *dialect_get(NetDialect dialect);

extern const Dialect dialect_chat;
extern const Dialect dialect_openai_images;
extern const Dialect dialect_webui;
extern const Dialect dialect_stability;
extern const Dialect dialect_runway;
extern const Dialect dialect_midjourney_proxy;
extern const Dialect dialect_comfyui;
