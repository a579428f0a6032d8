/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a chat-completions server says, whole or in pieces. It may say anything: every field may be missing or of another
 * type. */

#include "base/error.h"
#include "net/bytes.h"
#include "net/protocol.h"

typedef struct ChatAnswer { /* chat_answer_init(), chat_answer_done() */
        Bytes content, refusal;
        char finish[32]; /* "": not said yet */
        char model[128];
        uint64_t tokens_in, tokens_out;
        bool is_over; /* [DONE] came */
        Error error; /* that a stream told of */
} ChatAnswer;

void chat_answer_init(ChatAnswer *answer);
void chat_answer_done(ChatAnswer *answer);

/* A whole answer, or the data of one event. -EBADMSG: it is none; -EFBIG, -ENOMEM. */
int chat_answer_take(ChatAnswer *answer, const char *json, size_t size);

/* The text that came of it, cleaned (net/clean.h), in answer->content; fills in *ret but for index and kind. NET_REFUSED,
 * NET_BAD_ANSWER, … with a sentence. */
int chat_answer_conclude(ChatAnswer *answer, NetResult *ret, Error *error);
