/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "base/util.h"
#include "net/retry.h"

#define FIRST_WAIT 500 /* ms; twice as long with each try, */
#define LAST_WAIT 8000 /* up to this, less a quarter at most by chance */
#define DOUBLINGS_MAX 5
#define NUMBER_MAX 1e9

/* A decimal number that is all of the text; -1: none. */
static double read_number(const char *text)
{
        if (text[0] == '\0' || text[0] == '.' || text[strspn(text, "0123456789.")] != '\0')
                return -1;
        char *end;
        double value = strtod(text, &end);
        return *end == '\0' && value <= NUMBER_MAX ? value : -1;
}

void retry_read_header(RetryHints *hints, const char *name, const char *value, int64_t now)
{
        if (strcasecmp(name, "x-should-retry") == 0) {
                if (strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0)
                        hints->wanted = strcasecmp(value, "true") == 0;
        } else if (strcasecmp(name, "retry-after-ms") == 0) {
                double ms = read_number(value);
                hints->after_ms = ms >= 0 ? (int64_t)ms : hints->after_ms;
        } else if (strcasecmp(name, "retry-after") == 0) {
                double seconds = read_number(value);
                time_t date = seconds < 0 ? curl_getdate(value, NULL) : -1;

                if (seconds >= 0)
                        hints->after = (int64_t)(seconds * 1000);
                else if (date >= 0)
                        hints->after = MAX((int64_t)date - now, (int64_t)0) * 1000;
        }
}

int64_t retry_asked(const RetryHints *hints)
{
        return hints->after_ms >= 0 ? hints->after_ms : hints->after;
}

static bool may_pass(long status)
{
        return status == 0 || status == 408 || status == 409 || status == 429 || status >= 500;
}

int64_t retry_wait(long status, const RetryHints *hints, unsigned try, uint32_t random)
{
        if (hints->wanted >= 0 ? hints->wanted == 0 : !may_pass(status))
                return RETRY_NEVER;

        int64_t asked = retry_asked(hints);
        if (asked >= 0)
                return asked <= RETRY_WAIT_MAX ? asked : RETRY_NEVER;
        int64_t wait = MIN((int64_t)FIRST_WAIT << MIN(try - 1, (unsigned)DOUBLINGS_MAX), (int64_t)LAST_WAIT);
        return wait - (int64_t)((uint64_t)(wait / 4) * random / UINT32_MAX);
}
