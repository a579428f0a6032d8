/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Everything at once, in an order that chance chose once: calls of all kinds from connections that come and go, with workers
 * good and bad. Nothing in particular must come of it but a service that still works and then ends cleanly; under
 * sanitizers this is where things that are used after their end show. */

#include "listener.h"

#define CONNECTIONS 4
#define CALLS 1500 /* STORM_CALLS and STORM_SEED in the environment choose others */
#define RECENT 12 /* jobs that calls are about */

typedef struct Storm {
        Place place;
        sd_bus *buses[CONNECTIONS];
        char paths[RECENT][96];
        unsigned n_paths;
        uint32_t random; /* xorshift */
} Storm;

static const char *const models[] = {
        "stub",          "stub-slow",    "stub-slow-load", "stub-stubborn", "stub-dies-loading", "stub-dies-encoding",
        "stub-dies-denoising", "stub-fails-loading", "stub-fails-job", "stub-garbage", "stub-lying-size", "stub-too-many",
};

static uint32_t draw(Storm *storm, uint32_t below)
{
        storm->random ^= storm->random << 13;
        storm->random ^= storm->random >> 17;
        storm->random ^= storm->random << 5;
        return storm->random % below;
}

static int on_generated(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        Storm *storm = userdata;
        const char *path;
        uint32_t id;
        (void)error;

        if (!sd_bus_message_is_method_error(m, NULL) && sd_bus_message_read(m, "uo", &id, &path) >= 0)
                (void)snprintf(storm->paths[storm->n_paths++ % RECENT], sizeof(storm->paths[0]), "%s", path);
        return 0;
}

static int on_whatever(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        (void)m, (void)userdata, (void)error;
        return 0;
}

static void call_generate(Storm *storm, sd_bus *bus)
{
        assert_true(sd_bus_call_method_async(
                            bus, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "Generate",
                            on_generated, storm, "sa{sv}", "x", 5, "model", "s",
                            models[draw(storm, draw(storm, 2) ? 2 : ELEMENTSOF(models))], "detach", "b",
                            draw(storm, 2), "steps", "u", 1 + draw(storm, 20), "count", "u", 1 + draw(storm, 3),
                            "preview-every", "u", draw(storm, 3)) >= 0);
}

static void call_manager(Storm *storm, sd_bus *bus)
{
        static const char *const members[] = { "ListJobs", "Describe", "ListModels", "UnloadModel" };
        const char *path = draw(storm, 2) ? "/" : storm->paths[draw(storm, RECENT)];

        switch (draw(storm, 4)) {
        case 0:
                (void)sd_bus_call_method_async(
                                bus, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE,
                                members[draw(storm, ELEMENTSOF(members))], on_whatever, NULL, NULL);
                break;
        case 1:
                (void)sd_bus_call_method_async(
                                bus, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE, "LoadModel",
                                on_whatever, NULL, "s", models[draw(storm, ELEMENTSOF(models))]);
                break;
        default:
                if (*path)
                        (void)sd_bus_call_method_async(
                                        bus, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, IMAGINE_MANAGER_INTERFACE,
                                        draw(storm, 3) ? "Watch" : "Unwatch", on_whatever, NULL, "o", path);
        }
}

static void call_job(Storm *storm, sd_bus *bus)
{
        static const char *const members[] = { "Cancel", "Cancel", "Release", "GetPreview" };
        const char *path = storm->paths[draw(storm, RECENT)];

        if (!*path)
                return;
        if (draw(storm, 2))
                (void)sd_bus_call_method_async(
                                bus, NULL, IMAGINE_BUS_NAME, path, IMAGINE_JOB_INTERFACE, "GetResult", on_whatever,
                                NULL, "u", draw(storm, 4));
        else
                (void)sd_bus_call_method_async(
                                bus, NULL, IMAGINE_BUS_NAME, path, IMAGINE_JOB_INTERFACE,
                                members[draw(storm, ELEMENTSOF(members))], on_whatever, NULL, NULL);
}

static void reconnect(Storm *storm, uint32_t i)
{
        /* Sometimes without reading what has come. */
        (void)sd_bus_close_unref(storm->buses[i]);
        storm->buses[i] = place_connect(&storm->place);
}

static void breathe(Storm *storm)
{
        for (uint32_t i = 0; i < CONNECTIONS; i++)
                for (int n = 0; n < 50 && sd_bus_process(storm->buses[i], NULL) > 0; n++)
                        ;
}

static void rage(Storm *storm)
{
        unsigned n = (unsigned)setting("STORM_CALLS", CALLS);

        storm->random ^= (uint32_t)setting("STORM_SEED", 0);
        for (unsigned i = 0; i < n; i++) {
                uint32_t c = draw(storm, CONNECTIONS), what = draw(storm, 100);

                if (what < 30)
                        call_generate(storm, storm->buses[c]);
                else if (what < 55)
                        call_manager(storm, storm->buses[c]);
                else if (what < 97)
                        call_job(storm, storm->buses[c]);
                else if (what == 97)
                        assert_int_equal(kill(storm->place.service, SIGHUP), 0);
                else
                        reconnect(storm, c);
                breathe(storm);
                if (draw(storm, 4) == 0)
                        sleep_ms((int)draw(storm, 8));
        }
}

static void test_a_storm(void **state)
{
        static Storm storm = { .random = 0x1badcafe };
        JobRef job = {};
        (void)state;

        place_open(&storm.place);
        for (size_t i = 0; i < ELEMENTSOF(models); i++)
                place_add_model(&storm.place, models[i]);
        place_start_service(
                        &storm.place, "default_model = \"stub\"; finished_per_user = 6; pictures_per_user = 10; "
                                      "worker_ping_seconds = 4; result_seconds = 1; log_level = \"error\";");
        for (uint32_t i = 0; i < CONNECTIONS; i++)
                storm.buses[i] = place_connect(&storm.place);
        rage(&storm);
        for (uint32_t i = 0; i < CONNECTIONS; i++)
                (void)bus_close(storm.buses[i]);

        _cleanup_(bus_closep) sd_bus *bus = place_connect(&storm.place);
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        /* Detached jobs may fill the queue for a while. */
        while (generate(bus, &job, "x", 2, "model", "s", "stub", "priority", "s", "interactive") < 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(20);
        }
        Heard heard = {};
        listen_to_jobs(bus, &heard);
        char text[64];
        while (job_string(bus, job.path, "State", text) >= 0 && !state_is_final(text)) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
        place_close(&storm.place); /* asserts that it ends cleanly */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_storm),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
