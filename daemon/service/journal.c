/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdlib.h>
#include <systemd/sd-journal.h>

#include "base/log.h"
#include "base/util.h"
#include "service/errors.h"
#include "service/journal.h"

static const struct {
        const char *id, *name;
} events[] = {
#define X(event, id, name) { "MESSAGE_ID=" id, name },
        JOURNAL_EVENTS(X)
#undef X
};

/* stderr is the journal. */
static bool is_connected(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        return stream && *stream;
}

void journal_job(JournalEvent event, const Job *job)
{
        const char *error = event == JOURNAL_JOB_FAILED ? error_bus_name(job->error.code) : "";

        if (!is_connected()) {
                log_debug("Job %u of user %u: %s", job->id, job->uid, events[event].name);
                return;
        }
        /* The error's sentence may quote what was asked for: its name is enough. */
        (void)sd_journal_send(
                        "MESSAGE=Job %u of user %u: %s", job->id, job->uid, events[event].name, "%s", events[event].id,
                        "PRIORITY=%d", event == JOURNAL_JOB_FAILED ? LOG_NOTICE : LOG_INFO, "IMAGINED_JOB=%u", job->id,
                        "IMAGINED_UID=%u", job->uid, "IMAGINED_MODEL=%s", job->policy.model, "IMAGINED_STAGE=%s",
                        stage_to_string(job->stage), "IMAGINED_STEP=%u", job->step, "IMAGINED_ERROR=%s", error, NULL);
}

void journal_say(JournalEvent event, int level, const char *model, const char *format, ...)
{
        char text[ERROR_TEXT_MAX];

        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        if (is_connected())
                (void)sd_journal_send(
                                "MESSAGE=%s", text, "%s", events[event].id, "PRIORITY=%d", level, "IMAGINED_MODEL=%s", model,
                                NULL);
        else
                log_line(level, "%s", text);
}
