/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What goes wrong around a service, with the real engine: each fault has an outcome, and none costs another job or the
 * service. Deaths of workers are in test-broken-workers.c and test-parking.c, those of the service in test-store.c. */

#include <sys/resource.h>

#include "listener.h"

#define WEIGHTS "unet/diffusion_pytorch_model.safetensors"

static Place place;

static int setup(void **state)
{
        return place_set_up_engine(state, &place, NULL);
}

static void copy_model(const char *name)
{
        char command[3 * PATH_MAX];

        (void)snprintf(
                        command, sizeof(command), "rm -rf '%s/models/%s' && cp -RL tests/fixtures/tiny-model '%s/models/%s'",
                        place.directory, name, place.directory, name);
        assert_int_equal(system(command), 0);
}

static void change_weights(const char *format)
{
        char path[PATH_MAX], command[3 * PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/models/victim/" WEIGHTS, place.directory);
        (void)snprintf(command, sizeof(command), format, path, path, path);
        assert_int_equal(system(command), 0);
}

/* A model's file is cut, taken away or another one while the engine has it: the job at hand is done or has failed, and a
 * job with another model is done in any case. */
static void test_model_files_that_change(void **state)
{
        static const char *const changes[] = {
                "truncate -s 1000 '%s'", "rm '%s'", "cp -L tests/fixtures/tiny-model/text_encoder/model.safetensors '%s.x' && mv '%s.x' '%s'",
                "head -c 100000 /dev/zero >'%s'",
        };
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        for (size_t i = 0; i < ELEMENTSOF(changes); i++) {
                JobRef first, hurt, sound;
                char text[64] = "";

                copy_model("victim");
                assert_true(generate(bus, &first, "x", 1, "model", "s", "victim") >= 0);
                assert_true(wait_for_state(bus, first.path, IMAGINE_STATE_DONE));
                assert_true(generate(bus, &hurt, "x", 4, "model", "s", "victim", "steps", "u", 30, "width", "u", 64, "height",
                                     "u", 64) >= 0);
                assert_true(wait_for_state(bus, hurt.path, IMAGINE_STATE_RUNNING));
                change_weights(changes[i]);
                assert_true(generate(bus, &sound, "x", 1, "model", "s", "tiny") >= 0);
                assert_true(wait_for_state(bus, sound.path, IMAGINE_STATE_DONE));
                assert_true(job_string(bus, hurt.path, "State", text) >= 0);
                assert_true(streq(text, IMAGINE_STATE_DONE) || streq(text, IMAGINE_STATE_FAILED));
        }
        place_stop_service(&place);
}

/* A thousand jobs, each cancelled at once or after a moment: none is stuck, and the next one is done. */
static void test_a_thousand_cancels(void **state)
{
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1; result_seconds = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job;
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        for (int i = 0; i < 1000; i++) {
                assert_true(generate(bus, &job, "x", 1, "steps", "u", 30) >= 0);
                if (i % 10 == 0)
                        sleep_ms(i % 30); /* into the middle, or just about the end */
                (void)job_call(bus, job.path, "Cancel", NULL, NULL, NULL);
                (void)job_call(bus, job.path, "Release", NULL, NULL, NULL);
        }
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        place_stop_service(&place);
}

/* Few descriptors are allowed: calls fail for want of them, and go well again when some are free. */
static void test_descriptors_run_out(void **state)
{
        struct rlimit few = { .rlim_cur = 40, .rlim_max = 40 };
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef jobs[40], job;
        size_t n = 0;
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1; jobs_per_user = 100;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        assert_int_equal(prlimit(place.service, RLIMIT_NOFILE, &few, NULL), 0);
        for (; n < ELEMENTSOF(jobs); n++)
                if (generate_error(bus, &jobs[n], &error, "x", 2, "steps", "u", 1, "detach", "b", true) < 0)
                        break;
        sd_bus_error_free(&error);
        for (size_t i = 0; i < n; i++) {
                (void)wait_for_state(bus, jobs[i].path, IMAGINE_STATE_DONE);
                (void)job_call(bus, jobs[i].path, "Release", NULL, NULL, NULL);
        }
        assert_true(generate(bus, &job, "x", 0) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        place_stop_service(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_model_files_that_change),
                cmocka_unit_test(test_a_thousand_cancels),
                cmocka_unit_test(test_descriptors_run_out),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
