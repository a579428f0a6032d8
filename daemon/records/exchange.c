/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "records/records-private.h"

#define LINE_MAX_BYTES (1U << 20)

typedef struct Export {
        Records *records;
        FILE *to;
        uint64_t n;
        Error *error;
} Export;

/* The search has only part of it. */
static int write_line(json_t *record, void *userdata)
{
        Export *export = userdata;
        json_t *whole = NULL;

        int r = records_get(export->records, json_string_value(json_object_get(record, "id")), &whole, export->error);
        if (r < 0)
                return r;
        r = json_dumpf(whole, export->to, JSON_COMPACT | JSON_SORT_KEYS) < 0 || fputc('\n', export->to) == EOF
                            ? error_set(export->error, errno ? -errno : -EIO, "%s", strerror(errno ? errno : EIO))
                            : 0;
        json_decref(whole);
        export->n++;
        return r;
}

int records_export(Records *records, const RecordsQuery *query, FILE *to, uint64_t *ret_n, Error *error)
{
        Export export = { .records = records, .to = to, .error = error };

        errno = 0;
        int r = records_search(records, query, write_line, &export, error);
        if (r >= 0 && fflush(to) == EOF)
                r = error_set(error, -errno, "%s", strerror(errno));
        if (r >= 0)
                *ret_n = export.n;
        return r;
}

static int import_line(Records *records, const char *line, size_t length, Error *error)
{
        json_error_t why;
        json_t *record;

        if (length > LINE_MAX_BYTES)
                return error_set(error, -EINVAL, "longer than %u bytes", LINE_MAX_BYTES);
        record = json_loadb(line, length, JSON_REJECT_DUPLICATES, &why);
        if (!record)
                return error_set(error, -EINVAL, "not JSON: %s", why.text);
        /* Before anybody looks: what is no object has no keys. */
        (void)json_object_set_new(record, "imported", json_integer((json_int_t)clock_usec(CLOCK_REALTIME)));
        int r = record_insert(records, record, WORD_OF_OTHERS, error);
        json_decref(record);
        return r;
}

int records_import(Records *records, FILE *from, RecordsImported *ret, Error *error)
{
        _cleanup_(freep) char *line = NULL;
        uint64_t number = 0;
        size_t capacity = 0;
        ssize_t n;

        *ret = (RecordsImported) { 0 };
        while ((n = getline(&line, &capacity, from)) >= 0) {
                number++;
                if (strspn(line, " \t\r\n") == (size_t)n)
                        continue;
                int r = import_line(records, line, (size_t)n, error);
                if (r == -EEXIST)
                        ret->known++;
                else if (r < 0)
                        return error_prefix(error, "line %llu", (unsigned long long)number);
                else
                        ret->added++;
        }
        return ferror(from) ? error_set(error, -EIO, "cannot be read") : 0;
}
