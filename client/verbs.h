/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The verbs of the command line. A new one is a line here and a file verb-NAME.c with verb_NAME(). */

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "client/exit-codes.h"

typedef struct Client Client;

#define VERBS(X)                                                                               \
        /* id, function (a dash is _), arguments, least and most of them, what it does: with a + before it not on \
         * the screen of --help */                                                            \
        X(VERB_GENERATE, generate, "PROMPT...", 1, INT_MAX, "make pictures")                   \
        X(VERB_ASK, ask, "", 0, 0, "the prompt window")                                        \
        X(VERB_STATUS, status, "", 0, 0, "service and model")                                  \
        X(VERB_JOBS, jobs, "", 0, 0, "your jobs")                                              \
        X(VERB_WATCH, watch, "ID", 1, 1, "follow a job")                                       \
        X(VERB_GET, get, "ID", 1, 1, "write pictures")                                         \
        X(VERB_CANCEL, cancel, "ID", 1, 1, "cancel a job")                                     \
        X(VERB_VARY, vary, "FILE...", 0, INT_MAX, "others like it")                            \
        X(VERB_ENLARGE, enlarge, "FILE...", 1, INT_MAX, "larger pictures")                     \
        X(VERB_ILLUSTRATE, illustrate, "FILE...", 1, INT_MAX, "pictures of texts")             \
        X(VERB_ENHANCE, enhance, "[IDEA...]", 0, INT_MAX, "+full prompts of ideas")              \
        X(VERB_CHECK_PROMPT, check_prompt, "PROMPT...", 1, INT_MAX, "+what is wrong with a prompt") \
        X(VERB_TEMPLATES, templates, "[NAME]", 0, 1, "+templates of prompts")                  \
        X(VERB_PROFILES, profiles, "[NAME]", 0, 1, "+brand profiles")                          \
        X(VERB_PURPOSES, purposes, "[NAME]", 0, 1, "+purposes of pictures")                    \
        X(VERB_SHOW, show, "FILE|ID...", 1, INT_MAX, "how it was made")                           \
        X(VERB_CHECK, check, "FILE...", 1, INT_MAX, "+what a file says of its picture")         \
        X(VERB_HISTORY, history, "", 0, 0, "+pictures that were made")                         \
        X(VERB_SEARCH, search, "[WORDS...]", 0, INT_MAX, "+pictures by what was asked for")      \
        X(VERB_REMAKE, remake, "ID|FILE", 1, 1, "+the same picture again")                     \
        X(VERB_TAG, tag, "ID|FILE TAG...", 2, INT_MAX, "+file pictures under words")           \
        X(VERB_RM, rm, "ID|FILE...", 1, INT_MAX, "+take records out, and files")               \
        X(VERB_FORGET, forget, "[WORDS...]", 0, INT_MAX, "+prompts, or all")                   \
        X(VERB_LOG, log, "export|import [FILE]", 1, 2, "+records as JSON lines")               \
        X(VERB_LICENCE, licence, "ID|FILE...", 1, INT_MAX, "+what a picture may be used for")     \
        X(VERB_COSTS, costs, "", 0, 0, "+what was spent")                                       \
        X(VERB_REVIEW, review, "[ID|FILE...]", 0, INT_MAX, "+walk through drafts")              \
        X(VERB_APPROVE, approve, "ID|FILE...", 1, INT_MAX, "+pictures may be used")              \
        X(VERB_REJECT, reject, "ID|FILE...", 1, INT_MAX, "+they may not")                        \
        X(VERB_RETIRE, retire, "ID|FILE...", 1, INT_MAX, "+not any more")                        \
        X(VERB_REVISE, revise, "ID|FILE NEW", 2, 2, "+file a new version")                       \
        X(VERB_EXPORT, export, "DIR [ID|FILE...]", 1, INT_MAX, "+approved pictures for others")  \
        X(VERB_FOLDER, folder, "", 0, 0, "+where desktop programs put pictures")               \
        X(VERB_DESKTOP, desktop, "[WHAT [NAME...]]", 0, INT_MAX, "+menus, keys and launchers") \
        X(VERB_MCP, mcp, "", 0, 0, "+for chat assistants, over standard input and output")      \
        X(VERB_DESCRIBE, describe, "FILE", 1, 1, "+what a picture shows")                        \
        X(VERB_CONSENT, consent, "[WHAT [SERVER]]", 0, 2, "+servers that may be asked")         \
        X(VERB_COMPARE, compare, "PROMPT...", 1, INT_MAX, "+the same by several providers")      \
        X(VERB_IMPORT, import, "FILE", 1, 1, "+a picture drawn elsewhere by hand")               \
        X(VERB_PROVIDERS, providers, "", 0, 0, "+who can draw, for how much")                    \
        X(VERB_HTTP, http, "token WHAT [NAME]", 2, 3, "+who may draw over HTTP")               \
        X(VERB_MODELS, models, "", 0, 0, "installed models")                                   \
        X(VERB_LOAD, load, "[MODEL]", 0, 1, "make it resident")                                \
        X(VERB_UNLOAD, unload, "", 0, 0, "free its memory")                                    \
        X(VERB_HELP, help, "[VERB]", 0, 1, "+how it is used")                                            \
        X(VERB_VERSION, version, "", 0, 0, "+the version")

typedef enum VerbId {
#define X(id, ...) id,
        VERBS(X)
#undef X
        VERB_MAX,
} VerbId;

/* Sets of verbs. */
_Static_assert(VERB_MAX <= 64, "verbs are counted in 64 bits");
#define VERB_BIT(id) (UINT64_C(1) << (id))

typedef struct Verb {
        VerbId id;
        const char *name;
        const char *arguments; /* as --help shows them */
        int min_words, max_words;
        const char *help;
        ExitCode (*run)(Client *client);
} Verb;

/* VERB_MAX entries, in the order of VerbId. */
extern const Verb verb_table[];

/* The verb of that name, or NULL. */
const Verb *verb_find(const char *name);

#define X(id, function, ...) ExitCode verb_##function(Client *client);
VERBS(X)
#undef X
