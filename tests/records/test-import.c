/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records that were taken in are a stranger's word. */

#include "tests/records/records.h"

static void import(Records *records, const char *line)
{
        _cleanup_(freep) char *copy = strdup(line);
        RecordsImported imported;
        Error error = { 0 };

        FILE *f = fmemopen(copy, strlen(copy), "r");
        assert_non_null(f);
        if (records_import(records, f, &imported, &error) < 0)
                fail_msg("%s", error.text);
        assert_int_equal(imported.added, 1);
        (void)fclose(f);
}

static const char *id_of_file(Records *records, const char *path)
{
        static char id[RECORD_ID_SIZE];
        json_t *record = NULL;

        assert_int_equal(records_find_file(records, path, &record, NULL), 0);
        (void)snprintf(id, sizeof(id), "%s", json_string_value(json_object_get(record, "id")));
        json_decref(record);
        return id;
}

static void test_an_import_takes_no_path_of_an_own_picture(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        json_t *back = NULL;
        (void)state;

        add(records, numbered_record(1, ""));
        assert_int_equal(records_add_file(records, numbered_id(1), "/tmp/own.png", NULL), 0);
        import(records, "{\"id\":\"bbbbbbbbbb\",\"time\":1800000000000000,\"files\":[\"/tmp/own.png\",\"/tmp/free.png\"]}");
        assert_string_equal(id_of_file(records, "/tmp/own.png"), numbered_id(1));
        assert_string_equal(id_of_file(records, "/tmp/free.png"), "bbbbbbbbbb");
        assert_int_equal(records_get(records, "bbbbbbbbbb", &back, NULL), 0);
        assert_int_equal(json_array_size(json_object_get(back, "files")), 1);
        assert_true(json_is_integer(json_object_get(back, "imported")));
        json_decref(back);
        /* What is drawn afterwards is where it was written. */
        assert_int_equal(records_add_file(records, numbered_id(1), "/tmp/free.png", NULL), 0);
        assert_string_equal(id_of_file(records, "/tmp/free.png"), numbered_id(1));
}

static void test_own_pixels_come_before_imported_ones(void **state)
{
        _cleanup_(records_closep) Records *records = open_records();
        json_t *back = NULL, *own = json_pack("{s:s, s:I, s:s, s:{s:s}}", "id", "cccccccccc", "time", (json_int_t)9, "pixels", "ff",
                                              "more keys", "imported", "inside says nothing");
        (void)state;

        add(records, own);
        import(records, "{\"id\":\"bbbbbbbbbb\",\"time\":1800000000000000,\"pixels\":\"ff\",\"imported\":null}");
        assert_int_equal(records_find_pixels(records, "ff", &back, NULL), 0);
        assert_string_equal(json_string_value(json_object_get(back, "id")), "cccccccccc");
        json_decref(back);
}

static void check_unet(Records *records, const char *id, const char *expected)
{
        json_t *back = NULL;

        assert_int_equal(records_get(records, id, &back, NULL), 0);
        assert_string_equal(json_string_value(json_object_get(json_object_get(back, "model_files"), "unet")), expected);
        json_decref(back);
}

static void test_an_import_says_nothing_of_own_models(void **state)
{
        static const char lie[] = "{\"id\":\"%s\",\"time\":5,\"model_digest\":\"d1\",\"model_files\":{\"unet\":\"lie\"}}";
        _cleanup_(records_closep) Records *records = open_records();
        char line[256];
        (void)state;

        (void)snprintf(line, sizeof(line), lie, "bbbbbbbbbb");
        import(records, line);
        check_unet(records, "bbbbbbbbbb", "lie"); /* nothing else is known */
        add(records, numbered_record(1, ""));
        check_unet(records, numbered_id(1), "d2");
        (void)snprintf(line, sizeof(line), lie, "cccccccccc");
        import(records, line);
        check_unet(records, numbered_id(1), "d2");
        check_unet(records, "cccccccccc", "d2");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_an_import_takes_no_path_of_an_own_picture, without_records),
                cmocka_unit_test_setup(test_own_pixels_come_before_imported_ones, without_records),
                cmocka_unit_test_setup(test_an_import_says_nothing_of_own_models, without_records),
        };
        return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
