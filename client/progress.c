/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <uniwidth.h>

#include "base/utf8.h"
#include "base/util.h"
#include "client/i18n.h"
#include "client/progress.h"

#define USEC 1000000
#define BAR_MIN 8 /* columns; a shorter one says nothing */
#define BAR_MAX 60
/* For the ^C that a terminal echoes, and since some terminals go to the next line after the last column. */
#define COLUMNS_FREE 3
#define LINE_MAX_BYTES 1024

void progress_format_duration(uint64_t seconds, char *buffer, size_t size)
{
        if (seconds < 60)
                (void)snprintf(buffer, size, "%" PRIu64 " s", seconds);
        else if (seconds < 3600)
                (void)snprintf(buffer, size, "%" PRIu64 ":%02" PRIu64, seconds / 60, seconds % 60);
        else
                (void)snprintf(buffer, size, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
                               seconds / 60 % 60, seconds % 60);
}

/* By itself, or after "Picture 1/8, ". */
static void format_stage(const JobInfo *job, bool is_alone, char *buffer, size_t size)
{
        static const struct {
                const char *stage, *alone, *among;
        } texts[] = {
                { "encode", N_("Encoding"), N_("encoding") },
                { "decode", N_("Decoding"), N_("decoding") },
                { "touches", N_("Finishing"), N_("finishing") },
                { NULL, N_("Working"), N_("working") },
        };
        size_t i = 0;

        if (streq(job->stage, "denoise")) {
                (void)snprintf(buffer, size, is_alone ? _("Step %u/%u") : _("step %u/%u"), job->step, job->steps);
                return;
        }
        while (texts[i].stage && !streq(job->stage, texts[i].stage))
                i++;
        (void)snprintf(buffer, size, "%s", is_alone ? _(texts[i].alone) : _(texts[i].among));
}

void progress_format_label(const JobInfo *job, char *buffer, size_t size)
{
        char stage[64];

        switch (job_state(job)) {
        case JOB_QUEUED:
                if (job->queue_position > 0)
                        (void)snprintf(buffer, size, _("Waiting, %u before it"), job->queue_position);
                else
                        (void)snprintf(buffer, size, "%s", _("Waiting"));
                return;
        case JOB_LOADING:
                (void)snprintf(buffer, size, _("Loading %s"), job->model[0] ? job->model : _("the model"));
                return;
        case JOB_RUNNING:
                format_stage(job, job->count <= 1, stage, sizeof(stage));
                if (job->count <= 1) {
                        (void)snprintf(buffer, size, "%s", stage);
                        return;
                }
                (void)snprintf(buffer, size, _("Picture %u/%u, %s"), MIN(job->pictures + 1, job->count),
                               job->count, stage);
                return;
        case JOB_DONE:
        case JOB_FAILED:
        case JOB_CANCELLED:
                (void)snprintf(buffer, size, "%s", _("Ended"));
                return;
        default:
                (void)snprintf(buffer, size, "%s", job->path[0] ? _("Waiting") : _("Starting the service"));
        }
}

static bool is_measurable(const JobInfo *job)
{
        return job_state(job) == JOB_RUNNING;
}

/* "" if nobody knows. */
static void format_left(const JobInfo *job, uint64_t now, char *buffer, size_t size)
{
        char duration[32];

        buffer[0] = '\0';
        if (job->expected_end <= now || job_has_ended(job))
                return;
        progress_format_duration((job->expected_end - now + USEC - 1) / USEC, duration, sizeof(duration));
        (void)snprintf(buffer, size, _("%s left"), duration);
}

static char *put_bar(char *s, unsigned width, double progress, bool is_utf8)
{
        unsigned full = (unsigned)(progress * width + 0.5);

        if (!is_utf8)
                *s++ = '[';
        for (unsigned i = 0; i < width; i++)
                s = stpcpy(s, i < full ? (is_utf8 ? "█" : "#") : (is_utf8 ? "░" : "-"));
        if (!is_utf8)
                *s++ = ']';
        *s = '\0';
        return s;
}

static unsigned columns_of(const char *text, bool is_utf8)
{
        return is_utf8 ? (unsigned)u8_strwidth((const uint8_t *)text, "UTF-8") : (unsigned)strlen(text);
}

/* Whole characters go from its end; returns the columns that are left. */
static unsigned cut_to(char *text, unsigned columns, bool is_utf8)
{
        unsigned width;

        while ((width = columns_of(text, is_utf8)) > columns) {
                const size_t size = strlen(text);
                text[is_utf8 ? utf8_cut(text, size, size - 1) : size - 1] = '\0';
        }
        return width;
}

unsigned progress_format_bar(
        const JobInfo *job, uint64_t now, unsigned columns, bool is_utf8, char *buffer, size_t size)
{
        char label[160], left[64], percent[16] = "", bar[4 * BAR_MAX + 3] = "";

        progress_format_label(job, label, sizeof(label));
        format_left(job, now, left, sizeof(left));
        if (is_measurable(job))
                (void)snprintf(percent, sizeof(percent), " %3d %%", (int)(job->progress * 100));

        /* What has no room goes: first the bar, then the time left, then the percentage, then the label's
         * end. */
        unsigned width = columns_of(label, is_utf8) + columns_of(percent, is_utf8) + (left[0] ? columns_of(left, is_utf8) + 2 : 0);
        unsigned frame = is_utf8 ? 1 : 3;
        if (is_measurable(job) && columns >= width + frame + BAR_MIN) {
                unsigned bar_width = MIN(columns - width - frame, BAR_MAX);
                bar[0] = ' ';
                (void)put_bar(bar + 1, bar_width, job->progress, is_utf8);
                width += bar_width + frame;
        }
        if (width > columns && left[0]) {
                width -= columns_of(left, is_utf8) + 2;
                left[0] = '\0';
        }
        if (width > columns) {
                width -= columns_of(percent, is_utf8);
                percent[0] = '\0';
        }
        if (width > columns)
                width = cut_to(label, columns, is_utf8);
        (void)snprintf(buffer, size, "%s%s%s%s%s", label, bar, percent, left[0] ? "  " : "", left);
        return width;
}

void progress_init(Progress *p, bool is_quiet)
{
        const char *term = getenv("TERM");

        *p = (Progress) {
                .is_quiet = is_quiet,
                .is_terminal = isatty(STDERR_FILENO) && term && !streq(term, "dumb"),
                .is_utf8 = streq(nl_langinfo(CODESET), "UTF-8"),
        };
}

static unsigned terminal_columns(void)
{
        struct winsize size;

        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
                return 80;
        return MIN((unsigned)size.ws_col, 400U);
}

void progress_clear(Progress *p)
{
        if (!p->drawn)
                return;

        /* A terminal that has become narrower since has wrapped the line. */
        unsigned rows = (p->drawn - 1) / terminal_columns();
        if (rows > 0)
                (void)fprintf(stderr, "\033[%uA", rows);
        (void)fputs("\r\033[J", stderr);
        (void)fflush(stderr);
        p->drawn = 0;
}

static void draw(Progress *p, const JobInfo *job, uint64_t now)
{
        char line[LINE_MAX_BYTES];
        unsigned columns = terminal_columns();

        progress_clear(p);
        p->drawn = progress_format_bar(job, now, columns > COLUMNS_FREE ? columns - COLUMNS_FREE : 1,
                                       p->is_utf8, line, sizeof(line));
        (void)fputs(line, stderr);
        (void)fflush(stderr);
}

/* A line when something new begins, and at the quarters of the denoising. */
static void say(Progress *p, const JobInfo *job, uint64_t now)
{
        char beginning[sizeof(p->said)], left[64];

        if (job_has_ended(job) || !job->path[0])
                return;
        if (is_measurable(job) && job->progress >= 0.25)
                (void)snprintf(beginning, sizeof(beginning), "%d %%", (int)(job->progress * 4) * 25);
        else if (is_measurable(job))
                (void)snprintf(beginning, sizeof(beginning), "%s", _("Working"));
        else
                progress_format_label(job, beginning, sizeof(beginning));
        if (streq(beginning, p->said))
                return;

        format_left(job, now, left, sizeof(left));
        (void)fprintf(stderr, "%s%s%s\n", beginning, left[0] ? ", " : "", left);
        (void)snprintf(p->said, sizeof(p->said), "%s", beginning);
}

void progress_update(Progress *p, const JobInfo *job)
{
        struct timespec ts;

        if (p->is_quiet || job_has_ended(job))
                return;
        (void)clock_gettime(CLOCK_REALTIME, &ts);
        uint64_t now = (uint64_t)ts.tv_sec * USEC + (uint64_t)ts.tv_nsec / 1000;
        if (p->is_terminal)
                draw(p, job, now);
        else
                say(p, job, now);
}
