/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Records for tests: in the scratch folder, and made up. */

#include "records/records.h"
#include "tests/scratch.h"

static inline const char *database(void)
{
        return scratch_path("data/imagined/records/records.db");
}

static inline Records *open_records(void)
{
        Records *records = NULL;
        Error error = { 0 };

        if (records_open(&records, database(), RECORDS_CREATE, &error) < 0)
                fail_msg("%s", error.text);
        return records;
}

/* Number i of many: id aaaaaaaa22 and up. */
static inline const char *numbered_id(unsigned i)
{
        static const char letters[] = "23456789abcdefghjkmnpqrstuvwxyz";
        static char id[RECORD_ID_SIZE];

        for (size_t at = RECORD_ID_SIZE - 1; at-- > 0; i /= sizeof(letters) - 1)
                id[at] = letters[i % (sizeof(letters) - 1)];
        return id;
}

static inline json_t *numbered_record(unsigned i, const char *prompt)
{
        return json_pack("{s:s, s:I, s:s, s:s, s:{s:I, s:i}, s:[s], s:[{s:I, s:s, s:s}], s:s, s:{s:s}}", "id", numbered_id(i),
                         "time", (json_int_t)(1700000000000000 + 1000 * (json_int_t)i), "prompt", prompt, "model", "default",
                         "settings", "seed", (json_int_t)i, "steps", 30, "files", scratch_path("%u.png", i), "comments", "time",
                         (json_int_t)1, "who", "me", "text", "as it came", "model_digest", "d1", "model_files", "unet", "d2");
}

static inline void add(Records *records, json_t *record)
{
        Error error = { 0 };

        assert_non_null(record);
        if (records_add(records, record, &error) < 0)
                fail_msg("%s", error.text);
        json_decref(record);
}

static inline void remove_database(void)
{
        scratch_run("rm -rf data");
}

/* Before a test: there are none. */
static inline int without_records(void **state)
{
        (void)state;
        remove_database();
        return 0;
}
