/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Entries of the journal that programs can look for: each kind of event has a message id, and fields say which job, model
 * and stage. Nothing that a caller typed is among them. Where stderr is not the journal, they are lines of the log.
 *
 *     journalctl MESSAGE_ID=3dee46d6318644ac8a93be8aae327578 IMAGINED_JOB=7 */

#include "queue/queue.h"

/* One line for each: the table of docs/admin.md. */
#define JOURNAL_EVENTS(X)                                                              \
        X(JOURNAL_JOB_QUEUED, "025b3134e149460e8488aea310f2853a", "queued")            \
        X(JOURNAL_JOB_BEGUN, "afcade3cff0644789b818fb313a70da5", "begun")              \
        X(JOURNAL_JOB_PARKED, "b783ce62e74b466aba641395652cb9c3", "parked")            \
        X(JOURNAL_JOB_DONE, "3dee46d6318644ac8a93be8aae327578", "done")                \
        X(JOURNAL_JOB_FAILED, "a615f526d261493eb3d32152a5b674de", "failed")            \
        X(JOURNAL_JOB_CANCELLED, "d3f1666970ab4ed7a7b910c5bcc58ccf", "cancelled")      \
        X(JOURNAL_MODEL_READY, "3ecb9d0a26b24341a0f07f7816dcb839", "ready")            \
        X(JOURNAL_MODEL_GONE, "b33c9da8c781410ca237fefffca45fde", "gone")              \
        X(JOURNAL_ENGINE_FAILED, "74882c18d6e743678387ca2491c5a445", "engine failed")  \
        X(JOURNAL_MEMORY_SHORT, "032bf73051c44f33a2f60ce7a36b62fb", "memory is short")

typedef enum JournalEvent {
#define X(event, id, name) event,
        JOURNAL_EVENTS(X)
#undef X
} JournalEvent;

void journal_job(JournalEvent event, const Job *job);

/* Of a model; the sentence is the service's own. */
void journal_say(JournalEvent event, int level, const char *model, const char *format, ...) _printf_(4, 5);
