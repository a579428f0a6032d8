/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistr.h>
#include <uniwidth.h>

#include "base/request.h"
#include "base/util.h"
#include "client/aspect.h"
#include "client/progress.h"

#define NOW UINT64_C(1700000000000000)

static JobInfo job_at_step(uint32_t step)
{
        return (JobInfo) {
                .id = 1,
                .path = "/job",
                .state = "running",
                .stage = "denoise",
                .step = step,
                .steps = 30,
                .count = 1,
                .progress = step / 30.0,
                .expected_end = NOW + 12500000,
        };
}

static void test_durations(void **state)
{
        static const struct {
                uint64_t seconds;
                const char *text;
        } cases[] = { { 0, "0 s" },      { 59, "59 s" },       { 60, "1:00" },
                      { 3599, "59:59" }, { 3600, "1:00:00" }, { 90061, "25:01:01" } };
        char text[32];

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                progress_format_duration(cases[i].seconds, text, sizeof(text));
                assert_string_equal(text, cases[i].text);
        }
}

static void test_labels(void **state)
{
        JobInfo job = job_at_step(12);
        char label[160];

        (void)state;
        progress_format_label(&job, label, sizeof(label));
        assert_string_equal(label, "Step 12/30");
        job.count = 4;
        job.pictures = 1;
        progress_format_label(&job, label, sizeof(label));
        assert_string_equal(label, "Picture 2/4, step 12/30");
        (void)strcpy(job.state, "loading");
        (void)strcpy(job.model, "sprites");
        progress_format_label(&job, label, sizeof(label));
        assert_string_equal(label, "Loading sprites");
        (void)strcpy(job.state, "queued");
        job.queue_position = 2;
        progress_format_label(&job, label, sizeof(label));
        assert_string_equal(label, "Waiting, 2 before it");
}

static void test_bars(void **state)
{
        JobInfo job = job_at_step(15);
        char line[1024];

        (void)state;
        assert_int_equal(progress_format_bar(&job, NOW, 60, false, line, sizeof(line)), 60);
        assert_string_equal(line, "Step 15/30 [###############---------------]  50 %  13 s left");
        (void)progress_format_bar(&job, NOW, 40, true, line, sizeof(line));
        assert_string_equal(line, "Step 15/30 ██████░░░░░░  50 %  13 s left");
        (void)progress_format_bar(&job, NOW, 30, true, line, sizeof(line));
        assert_string_equal(line, "Step 15/30  50 %  13 s left"); /* no room for a bar */
        (void)progress_format_bar(&job, NOW, 20, true, line, sizeof(line));
        assert_string_equal(line, "Step 15/30  50 %");
        (void)progress_format_bar(&job, NOW, 12, true, line, sizeof(line));
        assert_string_equal(line, "Step 15/30");
        (void)progress_format_bar(&job, NOW, 4, true, line, sizeof(line));
        assert_string_equal(line, "Step");
        job.expected_end = NOW - 1; /* late: nobody knows any more */
        (void)progress_format_bar(&job, NOW, 20, true, line, sizeof(line));
        assert_string_equal(line, "Step 15/30  50 %");
}

/* Whatever the job and the terminal, the line fits, and its width is told rightly. */
static void test_bars_fit(void **state)
{
        static const char *const names[] = { "größer", "模型と絵", "🦊" };
        char line[1024];

        (void)state;
        for (unsigned columns = 1; columns <= 400; columns++)
                for (uint32_t step = 0; step <= 30; step += 5)
                        for (int is_utf8 = 0; is_utf8 < 2; is_utf8++) {
                                JobInfo job = job_at_step(step);
                                unsigned width = progress_format_bar(&job, NOW, columns, is_utf8, line,
                                                                     sizeof(line));
                                assert_in_range(width, 1, columns);
                                assert_int_equal(u8_strwidth((const uint8_t *)line, "UTF-8"), width);
                        }
        /* A name of more bytes than columns, cut off between its characters. */
        for (unsigned columns = 2; columns <= 80; columns++)
                for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                        JobInfo job = job_at_step(0);

                        (void)strcpy(job.state, "loading");
                        (void)snprintf(job.model, sizeof(job.model), "%s", names[i]);
                        unsigned width = progress_format_bar(&job, NOW, columns, true, line, sizeof(line));
                        assert_null(u8_check((const uint8_t *)line, strlen(line)));
                        assert_in_range(width, MIN(columns - 1, 9U), columns);
                        assert_int_equal(u8_strwidth((const uint8_t *)line, "UTF-8"), width);
                }
}

static void test_aspects(void **state)
{
        static const struct {
                double aspect;
                uint64_t area;
                uint32_t multiple, width, height;
        } cases[] = {
                { 1, 512 * 512, 64, 512, 512 },          { 16.0 / 9, 512 * 512, 64, 704, 384 },
                { 9.0 / 16, 512 * 512, 64, 384, 704 },   { 1.5, 512 * 512, 64, 576, 384 },
                { 16.0 / 9, 128 * 128, 16, 176, 96 },    { 16, 512 * 512, 64, 2048, 128 },
        };
        uint32_t width, height;

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(aspect_find_size(cases[i].aspect, cases[i].area, cases[i].multiple, &width,
                                                  &height, NULL),
                                 0);
                assert_int_equal(width, cases[i].width);
                assert_int_equal(height, cases[i].height);
        }
        for (double aspect = 1.0 / 16; aspect <= 16; aspect *= 1.1)
                for (uint32_t multiple = 1; multiple <= 128; multiple *= 2) {
                        assert_int_equal(
                                        aspect_find_size(aspect, 512 * 512, multiple, &width, &height, NULL),
                                        0);
                        assert_true(width % multiple == 0 && height % multiple == 0);
                        assert_in_range(width, REQUEST_SIZE_MIN, REQUEST_SIZE_MAX);
                        assert_in_range(height, REQUEST_SIZE_MIN, REQUEST_SIZE_MAX);
                }
        assert_int_equal(aspect_find_size(1, 512 * 512, 4096, &width, &height, NULL), -ERANGE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_durations), cmocka_unit_test(test_labels), cmocka_unit_test(test_bars),
                cmocka_unit_test(test_bars_fit),  cmocka_unit_test(test_aspects),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
