/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures that others draw, on a real bus with the real programs: the job like any other, failures, the fall-back, what it has
 * cost, and pictures to start from. */

#include "records/records.h"
#include "remote.h"

static Place place;
static Fake fake;

static int set_up(void **state)
{
        (void)state;
        int r = remote_set_up(&place, &fake);
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        consent_to_all(bus);
        return r;
}

static int tear_down(void **state)
{
        (void)state;
        return remote_tear_down(&place, &fake);
}

static int take_record(json_t *record, void *userdata)
{
        json_t **ret = userdata;

        *ret = json_incref(record);
        return 0;
}

/* The user's records say who drew the last picture, and for how much. */
static void assert_recorded(const char *provider)
{
        _cleanup_(records_closep) Records *records = NULL;
        char path[PATH_MAX];
        json_t *record = NULL;

        (void)snprintf(path, sizeof(path), "%s/imagined/records/records.db", place.directory);
        assert_int_equal(records_open(&records, path, RECORDS_EXIST, NULL), 0);
        assert_int_equal(records_search(records, &(RecordsQuery) { .limit = 1 }, take_record, &record, NULL), 0);
        assert_string_equal(json_string_value(json_object_get(record, "provider")), provider);
        assert_string_equal(json_string_value(json_object_get(record, "currency")), "USD");
        assert_string_equal(json_string_value(json_object_get(record, "model")), "gpt-image-1");
        assert_int_equal(json_string_length(json_object_get(record, "pixels")), 64);
        json_decref(record);
}

static void test_drawn(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char data[16384], provider[64];
        uint32_t width;
        JobRef job;
        (void)state;

        const int64_t before = spent_today();
        draw(bus, &job, "ok", "a red fox", 4, "count", "u", 2, "width", "u", 800, "height", "u", 600);
        for (uint32_t i = 0; i < 2; i++) {
                _cleanup_(closep) int fd = get_result(bus, job.path, i, NULL);
                assert_is_png(fd, 800, 600);
                ssize_t n = pread(fd, data, sizeof(data), 0);
                assert_non_null(memmem(data, (size_t)n, "Provider: ok", 12));
                assert_non_null(memmem(data, (size_t)n, "trainedAlgorithmicMedia", 23));
        }
        assert_true(job_string(bus, job.path, "Provider", provider) >= 0);
        assert_string_equal(provider, "ok");
        assert_true(job_u32(bus, job.path, "Width", &width) >= 0);
        assert_int_equal(width, 800);
        const Known known = provenance_of(bus, job.path);
        assert_string_equal(known.model, "gpt-image-1");
        assert_non_null(strstr(known.notes, "draws 1536x1024, cut and resized to 800x600"));
        assert_int_equal(known.reserved, 4 * CENT);
        assert_int_equal(known.cost, 4 * CENT);
        assert_int_equal(spent_today(), before + 4 * CENT);
        assert_recorded("ok");
}

/* Two of more than a megapixel in one answer, and one of thirty-one megabytes of which the picture is the beginning. */
static void test_large(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job;
        (void)state;

        draw(bus, &job, "photographs", "a red fox", 3, "count", "u", 2, "width", "u", 64);
        _cleanup_(closep) int second = get_result(bus, job.path, 1, NULL);
        assert_is_png(second, 64, 64);
        draw(bus, &job, "large", "a red fox", 3, "width", "u", 64, "height", "u", 64);
        _cleanup_(closep) int large = get_result(bus, job.path, 0, NULL);
        assert_is_png(large, 64, 64);
}

/* What the server is told, and what is left out when that is permitted. */
static void test_best_effort(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job;
        (void)state;

        draw(bus, &job, "fields", "a red fox", 5, "best-effort", "b", 1, "sampler", "s", "euler", "seed", "t", UINT64_C(5), "negative-prompt", "s", "text");
        const Known known = provenance_of(bus, job.path);
        assert_non_null(strstr(known.notes, "sampler"));
        assert_non_null(strstr(known.notes, "seed"));
        assert_non_null(strstr(known.notes, "negative-prompt"));
        fake_forget(&fake);
        draw(bus, &job, "seeds", "a red fox", 3, "seed", "t", UINT64_C(77), "negative-prompt", "s", "blur");
        _cleanup_(freep) char *received = fake_file(&fake, "received");
        assert_non_null(strstr(received, "77"));
        assert_non_null(strstr(received, "blur"));
}

static void test_failures(void **state)
{
        static const struct {
                const char *provider, *error;
        } cases[] = {
                { "moderation", IMAGINE_ERROR_REFUSED },       { "429", IMAGINE_ERROR_RATE_LIMITED }, { "quota", IMAGINE_ERROR_RATE_LIMITED },
                { "401", IMAGINE_ERROR_KEY_REJECTED },         { "500", IMAGINE_ERROR_SERVER_FAILED }, { "html", IMAGINE_ERROR_SERVER_FAILED },
                { "bomb", IMAGINE_ERROR_SERVER_FAILED },       { "text-as-picture", IMAGINE_ERROR_SERVER_FAILED },
                { "stream-cut", IMAGINE_ERROR_SERVER_FAILED }, { "empty-data", IMAGINE_ERROR_SERVER_FAILED },
                { "link-expired", IMAGINE_ERROR_SERVER_FAILED }, { "noncharacter", IMAGINE_ERROR_REFUSED }, { "last", IMAGINE_ERROR_UNREACHABLE },
        };
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char name[128], text[512];
        JobRef job;
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_true(generate(bus, &job, "a fox", 1, "provider", "s", cases[i].provider) >= 0);
                wait_for_end(bus, job.path, name, text);
                if (!streq(name, cases[i].error) || !text[0])
                        fail_msg("%s: %s (%s)", cases[i].provider, name, text);
        }
        /* Who says no before drawing is not paid. */
        const int64_t before = spent_today();
        assert_true(generate(bus, &job, "a fox", 1, "provider", "s", "moderation") >= 0);
        wait_for_end(bus, job.path, name, text);
        assert_non_null(strstr(text, "not allowed here"));
        assert_int_equal(spent_today(), before);
        /* Who has drawn what nobody can read may want to be paid for all of it. */
        assert_true(generate(bus, &job, "a fox", 2, "provider", "s", "bomb", "count", "u", 2) >= 0);
        wait_for_end(bus, job.path, name, text);
        assert_string_equal(name, IMAGINE_ERROR_SERVER_FAILED);
        assert_int_equal(spent_today(), before + 4 * CENT);
}

static void test_routes(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char name[128], text[512], provider[64];
        JobRef job;
        (void)state;

        /* One has no price, one does not answer, one fails. */
        assert_true(generate(bus, &job, "a red fox", 1, "purpose", "s", "fall-back") >= 0);
        assert_done(bus, job.path);
        Known known = provenance_of(bus, job.path);
        assert_string_equal(known.provider, "ok");
        assert_non_null(strstr(known.notes, "unknown"));
        assert_non_null(strstr(known.notes, "last: "));
        assert_non_null(strstr(known.notes, "500: "));
        /* Nobody else: it is drawn here. */
        assert_true(generate(bus, &job, "a red fox", 3, "purpose", "s", "home", "width", "u", 32, "height", "u", 32) >= 0);
        assert_done(bus, job.path);
        assert_true(job_string(bus, job.path, "Provider", provider) >= 0);
        assert_string_equal(provider, "local");
        assert_true(job_string(bus, job.path, "Model", provider) >= 0);
        assert_string_equal(provider, "tiny");
        known = provenance_of(bus, job.path);
        assert_non_null(strstr(known.notes, "last: "));
        assert_int_equal(known.reserved, -1); /* nothing of what is said of the other one */
        /* The first is too dear for the route; the last of all has the last word. */
        assert_true(generate(bus, &job, "a red fox", 1, "purpose", "s", "cheap") >= 0);
        assert_done(bus, job.path);
        assert_string_equal(provenance_of(bus, job.path).provider, "ok");
        assert_true(generate(bus, &job, "a red fox", 1, "purpose", "s", "nobody") >= 0);
        wait_for_end(bus, job.path, name, text);
        assert_string_equal(name, IMAGINE_ERROR_SERVER_FAILED);
        /* A proxy's queue is full, which it says with status 200: nothing was begun there, and nothing is paid. */
        const int64_t before = spent_today();
        assert_true(generate(bus, &job, "a red fox", 1, "purpose", "s", "queue") >= 0);
        assert_done(bus, job.path);
        known = provenance_of(bus, job.path);
        assert_string_equal(known.provider, "ok");
        assert_non_null(strstr(known.notes, "The queue is full"));
        assert_int_equal(spent_today(), before + 2 * CENT);
        /* What is private stays, whatever the route. */
        fake_forget(&fake);
        assert_true(generate(bus, &job, PRIVATE_PROMPT, 4, "purpose", "s", "fall-back", "private", "b", 1, "width", "u", 32, "height", "u", 32) >= 0);
        assert_done(bus, job.path);
        assert_nothing_left(&fake);
}

static void test_cancel(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        JobRef job, other;
        (void)state;

        fake_forget(&fake);
        assert_true(generate(bus, &job, "a fox", 1, "provider", "s", "silent") >= 0);
        while (fake_count(&fake, "received") == 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
        /* Meanwhile others draw, here and there. */
        draw(bus, &other, "ok", "a red fox", 1);
        assert_true(generate(bus, &other, "a red fox", 2, "width", "u", 32, "height", "u", 32) >= 0);
        assert_done(bus, other.path);
        const int64_t before = spent_today();
        assert_true(job_call(bus, job.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_CANCELLED));
        while (fake_count(&fake, "left") == 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
        assert_int_equal(spent_today(), before); /* it may have cost what was reserved */
        assert_int_equal(provenance_of(bus, job.path).cost, 2 * CENT);
}

/* Consent that is taken back while a job waits for its turn. */
static void test_revoked(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef busy[2], waiting; /* "silent" draws two at a time */
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(busy); i++)
                assert_true(generate(bus, &busy[i], "a fox", 1, "provider", "s", "silent") >= 0);
        assert_true(generate(bus, &waiting, "a red fox", 1, "purpose", "s", "patient") >= 0);
        assert_true(manager_call(bus, "SetConsent", NULL, NULL, "sb", "silent", 0) >= 0);
        for (size_t i = 0; i < ELEMENTSOF(busy); i++)
                assert_true(job_call(bus, busy[i].path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_done(bus, waiting.path);
        const Known known = provenance_of(bus, waiting.path);
        assert_string_equal(known.provider, "ok");
        assert_non_null(strstr(known.notes, "silent: Nothing is sent to silent"));
        consent(bus, "silent");
}

/* Partial pictures are previews. */
static void test_previews(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        Heard heard = {};
        JobRef job;
        (void)state;

        listen_to_jobs(bus, &heard);
        assert_true(generate(bus, &job, "a fox", 2, "provider", "s", "stream", "preview-every", "u", 1) >= 0);
        assert_true(hear_until(bus, &heard.finished, 1));
        assert_string_equal(heard.state, IMAGINE_STATE_DONE);
        assert_int_equal(heard.pictures, 1);
        assert_int_equal(heard.others, 0);
}

/* A picture to start from leaves only where it may, as pixels of ours. */
static void test_source(void **state)
{
        char settings[8192], *rule;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        place_stop_service(&place);
        write_settings(settings, sizeof(settings), fake.port);
        rule = strstr(settings, "words = [\"confidential\"]");
        assert_non_null(rule);
        memcpy(rule, "pictures = false        ", 24);
        place_start_service(&place, settings);

        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(closep) int picture = sealed_file("tests/fixtures/pictures/baseline.jpg", SIZE_MAX), broken = sealed_of("no picture at all");
        fake_forget(&fake);
        assert_true(generate_error(bus, &job, &error, "a fox", 3, "provider", "s", "only-words", "init-image", "h", picture, "mask", "h", picture) < 0);
        assert_non_null(strstr(error.message, "mask"));
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        char name[128], text[512];
        assert_true(generate(bus, &job, "a fox", 2, "provider", "s", "ok", "init-image", "h", broken) >= 0);
        wait_for_end(bus, job.path, name, text);
        assert_string_equal(name, IMAGINE_ERROR_INVALID_ARGS);
        assert_nothing_left(&fake);

        draw(bus, &job, "ok", "a fox", 2, "init-image", "h", picture);
        size_t size = fake_count(&fake, "received");
        _cleanup_(freep) char *received = fake_file(&fake, "received");
        assert_non_null(memmem(received, size, "POST /ok/v1/images/edits", 24));
        assert_non_null(memmem(received, size, "\x89PNG", 4));
        assert_null(memmem(received, size, "\xff\xd8\xff", 3)); /* not the caller's file */
        assert_null(memmem(received, size, "name=\"mask\"", 11));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_drawn),
                cmocka_unit_test(test_large),
                cmocka_unit_test(test_best_effort),
                cmocka_unit_test(test_failures),
                cmocka_unit_test(test_routes),
                cmocka_unit_test(test_cancel),
                cmocka_unit_test(test_revoked),
                cmocka_unit_test(test_previews),
                cmocka_unit_test(test_source),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
