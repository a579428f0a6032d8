/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory: what the service takes, what is given back, what is refused, and what clients share. */

#include "listener.h"
#include "service/appetite.h"

static Place place;

static int setup(void **state)
{
        return place_set_up_engine(state, &place, NULL);
}

/* Of the service and its worker, if there is one. */
typedef struct Use {
        uint64_t rss, pss;
} Use;

static Use use_of_all(void)
{
        pid_t worker = place_worker(&place);
        Use use = { process_resident(place.service), process_proportional(place.service) };

        if (worker > 0) {
                use.rss += process_resident(worker);
                use.pss += process_proportional(worker);
        }
        return use;
}

static void draw(sd_bus *bus)
{
        JobRef job;
        assert_true(generate(bus, &job, "a fox", 2, "width", "u", 64, "height", "u", 64) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
}

/* A model, and a picture that needs far more than the model: when it is unloaded all of that is free again. */
static void test_what_is_freed_is_returned(void **state)
{
        JobRef job;
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        draw(bus);
        assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);
        Use before = use_of_all();
        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "tiny") >= 0);
        Use loaded = use_of_all();
        assert_true(generate(bus, &job, "a fox", 3, "width", "u", 256, "height", "u", 256, "steps", "u", 1) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        pid_t worker = place_worker(&place);
        uint64_t peak = process_peak(worker);
        assert_true(job_call(bus, job.path, "Release", NULL, NULL, NULL) >= 0);
        assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);
        Use after = use_of_all();
        printf("RSS %llu, PSS %llu KiB without a model; %llu, %llu with; the worker at most %llu; %llu, %llu afterwards\n",
               (unsigned long long)before.rss / 1024, (unsigned long long)before.pss / 1024,
               (unsigned long long)loaded.rss / 1024, (unsigned long long)loaded.pss / 1024, (unsigned long long)peak / 1024,
               (unsigned long long)after.rss / 1024, (unsigned long long)after.pss / 1024);
        assert_true(loaded.pss > before.pss + (4 << 20));
        assert_true(kill(worker, 0) < 0);
#ifndef __SANITIZE_ADDRESS__
        assert_true(after.rss < before.rss + (1 << 20));
        assert_true(after.pss < before.pss + (2 << 20)); /* what others no longer share counts as its own */
#endif
        place_stop_service(&place);
}

/* The figures come from what was measured: a large picture after a small one. */
static void test_admission(void **state)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        char settings[128];
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        draw(bus);
        uint64_t peak = process_peak(place_worker(&place));
        assert_true(peak > 0);
        (void)snprintf(
                        settings, sizeof(settings), "default_model = \"tiny\"; threads = 1; memory_max = %lluL;",
                        (unsigned long long)peak * 3 / 2);
        place_write_config(&place, settings);
        assert_int_equal(kill(place.service, SIGHUP), 0);
        draw(bus);
        draw(bus);
        assert_true(generate_error(bus, &job, &error, "a fox", 2, "width", "u", 2048, "height", "u", 2048) < 0);
        assert_non_null(strstr(error.message, "2048x2048 needs about"));
        assert_bus_error(&error, IMAGINE_ERROR_OUT_OF_MEMORY);
        draw(bus);
        place_stop_service(&place);
}

/* Twenty clients and their pictures: one worker, and a service that stays small. */
static void test_clients_share_one_model(void **state)
{
        sd_bus *buses[20];
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        buses[0] = place_connect(&place);
        draw(buses[0]);
        pid_t worker = place_worker(&place);
        uint64_t one = process_proportional(worker), service = process_resident(place.service);
        for (size_t i = 1; i < ELEMENTSOF(buses); i++) {
                buses[i] = place_connect(&place);
                draw(buses[i]);
        }
        assert_int_equal(place_worker(&place), worker);
        uint64_t twenty = process_proportional(worker), peak = process_peak(place.service);
        printf("worker: %llu KiB (PSS) for one client, %llu for twenty; service: %llu KiB (RSS), at most %llu\n",
               (unsigned long long)one / 1024, (unsigned long long)twenty / 1024, (unsigned long long)service / 1024,
               (unsigned long long)peak / 1024);
#ifndef __SANITIZE_ADDRESS__
        assert_true(one > 0 && twenty < one + one / 4);
        assert_true(peak < 12 * 1024 * 1024);
#endif
        for (size_t i = 0; i < ELEMENTSOF(buses); i++)
                (void)bus_close(buses[i]);
        place_stop_service(&place);
}

/* Jobs for two models by turns: each change ends a process, and there is never more than one model in memory. */
static void test_change_of_models(void **state)
{
        char command[3 * PATH_MAX];
        pid_t workers[4];
        uint64_t sizes[4];
        JobRef jobs[ELEMENTSOF(workers)];
        (void)state;

        (void)snprintf(command, sizeof(command), "cp -R '%s/models/tiny' '%s/models/other'", place.directory, place.directory);
        assert_int_equal(system(command), 0);
        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++)
                assert_true(generate(bus, &jobs[i], "a fox", 4, "model", "s", i % 2 ? "other" : "tiny", "width", "u", 64,
                                     "height", "u", 64, "steps", "u", 150) >= 0);
        for (size_t i = 0; i < ELEMENTSOF(jobs); i++) {
                while (true) {
                        char running[64];
                        assert_true(job_string(bus, jobs[i].path, "State", running) >= 0);
                        assert_false(state_is_final(running));
                        if (streq(running, IMAGINE_STATE_RUNNING) && (workers[i] = place_worker(&place)) != 0)
                                break;
                        sleep_ms(2);
                }
                sizes[i] = process_proportional(workers[i]);
                for (size_t before = 0; before < i; before++) {
                        assert_int_equal(kill(workers[before], 0), -1);
                        assert_int_equal(errno, ESRCH);
                }
                assert_true(wait_for_state(bus, jobs[i].path, IMAGINE_STATE_DONE));
        }
        for (size_t i = 1; i < ELEMENTSOF(jobs); i++) {
                assert_int_not_equal(workers[i], workers[i - 1]);
                assert_true(sizes[i] < 2 * MAX(sizes[0], (uint64_t)32 << 20));
        }
        place_stop_service(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_freed_is_returned),
                cmocka_unit_test(test_admission),
                cmocka_unit_test(test_clients_share_one_model),
                cmocka_unit_test(test_change_of_models),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
