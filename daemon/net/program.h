/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Providers that are programs: JSON lines on their standard input and output, pictures and the key through descriptors, as
 * docs/providers.md has it. */

#include "net/conversation.h"

/* What a started program is reached by. */
typedef struct Program { /* program_start(), program_stop() */
        int in; /* its standard input */
        int out; /* its standard output */
        int key; /* what it reads its key from; -1: it has been given */
        int pictures; /* a memfd that it may write pictures to */
        int control; /* once it is closed, all processes of the program are killed */
} Program;

#define PROGRAM_NONE { -1, -1, -1, -1, -1 }

/* Starts it, with nothing of ours but these descriptors: no environment, no terminal, no file that it could write to, a session
 * of its own. A process of ours watches over it, so that it ends with the worker, however that ends. */
int program_start(Program *ret, const char *path, const Bytes parts[static NET_PART_MAX], Error *error);
void program_stop(Program *program);

/* The whole job: as conversation_hold(), conversation_check() and conversation_show() with a server. */
int program_hold(Conversation *c, Error *error);
int program_show(Conversation *c, Error *error);
