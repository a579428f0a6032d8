/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The program against a service that does what it should, and what it should not. */

#include <jansson.h>

#include "fake-service.h"

static int set_up(void **state)
{
        return place_set_up(state, fake_start);
}

static void test_picture(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;
        size_t size = 0;

        run = (Run) { 0 };
        run_program(&run, bus, "Plain", "fox,", "RED!", "--seed", "7", NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "./plain-fox-red-7.png\n");
        assert_true(has_file(bus, "plain-fox-red-7.png", &size));
        assert_int_equal(size, sizeof(tiny_png));
        assert_contains(run.err, "Seed 7, 64x64, 3 steps, euler, guidance 7.5, sprites\n");
        assert_lacks(run.err, "\033");

        /* The same again does not overwrite. */
        run_program(&run, bus, "generate", "Plain fox, RED!", "--seed=7", "--quiet", NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "./plain-fox-red-7-2.png\n");
        assert_string_equal(run.err, "");
}

static void test_finished_before_the_answer(void **state)
{
        static Run run;

        run = (Run) { 0 };
        run_program(&run, bus_of(state), "instant", NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "./instant-4200000000.png\n");
}

static void test_several_pictures(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        run = (Run) { 0 };
        run_program(&run, bus, "two", "--count", "2", "-o", "fox.png", NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "fox-1.png\nfox-2.png\n");
        run_program(&run, bus, "two", "--count", "2", "-o", "./", NULL);
        assert_string_equal(run.out, "./two-4200000000.png\n./two-4200000001.png\n");
        run_program(&run, bus, "two", "--count", "2", "-o", "fox.png", NULL);
        assert_int_equal(run.code, 1);
        assert_contains(run.err, "fox-1.png is there already; --force replaces it");
        run_program(&run, bus, "two", "--count", "2", "-o", "fox.png", "--force", NULL);
        assert_int_equal(run.code, 0);
}

static void test_stdout(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        run = (Run) { 0 };
        run_program(&run, bus, "plain", "-o", "-", NULL);
        assert_int_equal(run.code, 0);
        assert_int_equal(run.out_size, sizeof(tiny_png));
        assert_memory_equal(run.out, tiny_png, sizeof(tiny_png));

        run_program(&run, bus, "plain", "-o", "/dev/stdout", NULL);
        assert_int_equal(run.out_size, sizeof(tiny_png));
        run_program(&run, bus, "plain", "-o", "/dev/stdout", "--json", NULL);
        assert_int_equal(run.code, 2);

        run = (Run) { .columns = 80 };
        run_program(&run, bus, "plain", "-o", "/dev/tty", NULL);
        assert_int_equal(run.code, 2);
        run_program(&run, bus, "plain", "-o", "-", NULL);
        assert_int_equal(run.code, 2);
        assert_contains(run.err, "will not write a picture to the terminal");
}

/* What goes over the bus: only what was asked for, with the types that the interface has. */
static void test_options_on_the_bus(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        run = (Run) { .input = "echo from stdin\r\n" };
        run_program(&run, bus, "-", NULL);
        assert_int_equal(run.code, 2);
        assert_contains(run.err,
                        "imagine: org.imagined.Imagine1.Error.InvalidArgs\n"); /* no text: no option */

        run = (Run) { 0 };
        run_program(&run, bus, "echo", "--size", "64x32", "--steps", "5", "--seed", "18446744073709551615",
                    "--count", "3", "--guidance", "1.5", "--sampler", "euler-a", "--negative", "grün",
                    "--model", "m", "--priority", "batch", "--keep-alive", "2m", "--detach",
                    "--no-prompt-metadata", "--fast", NULL);
        assert_int_equal(run.code, 2);
        assert_contains(run.err,
                        "imagine: model:s=m negative-prompt:s=grün sampler:s=euler-a priority:s=batch "
                        "width:u=64 "
                        "height:u=32 steps:u=5 count:u=3 seed:t=18446744073709551615 keep-alive:t=120 "
                        "guidance:d=1.5 fast:b=1 detach:b=1 prompt-metadata:b=0 \n");

        /* The model is not loaded and does not tell its size before. */
        run_program(&run, bus, "echo", "--aspect", "16:9", NULL);
        assert_contains(run.err, "Loading the model");
        assert_contains(run.err, "width:u=176 height:u=96");
}

static void test_errors(void **state)
{
        static const struct {
                const char *prompt;
                int code;
                const char *text;
        } cases[] = {
                { "limits", 6, "you have 8 jobs in the queue, the limit is 8" },
                { "oom", 6, "the picture needs 9 GB [2J" }, /* no escape reaches the terminal */
                { "die", 5, "the service ended before the job was done" },
        };
        static Run run;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                run = (Run) { 0 };
                run_program(&run, bus_of(state), cases[i].prompt, NULL);
                assert_int_equal(run.code, cases[i].code);
                assert_contains(run.err, cases[i].text);
                assert_string_equal(run.out, "");
        }
        /* Now it is dead, and nothing on this bus starts it. */
        run_program(&run, bus_of(state), "status", "--json", NULL);
        assert_int_equal(run.code, 5);
        assert_contains(run.err, "systemctl --user start imagined");
        assert_contains(run.out, "\"exit\": 5");
}

static void test_hostile_results(void **state)
{
        static const struct {
                const char *prompt, *text;
        } cases[] = {
                { "unsealed", "not in a sealed memfd" },
                { "pipe", "not in a sealed memfd" },
                { "text", "neither PNG nor JPEG nor WebP" },
                { "cut", "without an end" },
        };
        const Bus *bus = bus_of(state);
        static Run run;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                run = (Run) { 0 };
                run_program(&run, bus, cases[i].prompt, "-o", "bad.png", NULL);
                assert_int_equal(run.code, 1);
                assert_contains(run.err, cases[i].text);
                assert_false(has_file(bus, "bad.png", NULL));
        }
}

/* Another connection says that the job failed. */
static void test_forged_signal(void **state)
{
        static Run run;

        run = (Run) { 0 };
        run_program(&run, bus_of(state), "forged", NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "./forged-4200000000.png\n");
}

static void test_interrupt(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        run = (Run) { .columns = 80, .wait_for = "Step 2/3", .type = "\003" };
        run_program(&run, bus, "slow", NULL);
        assert_int_equal(run.code, 4);
        assert_contains(run.err, "Cancelling; Ctrl-C again leaves at once");
        assert_contains(run.err, "job 1 was cancelled");

        run = (Run) { .columns = 80, .wait_for = "Step 2/3", .type = "\003\003" };
        run_program(&run, bus, "stubborn", NULL);
        assert_int_equal(run.code, 4);
        assert_contains(run.err, "Cancelling; Ctrl-C again leaves at once");
        assert_contains(run.err, "left; the job is cancelled");

        run = (Run) { .columns = 80, .wait_for = "Starting the service", .type = "\003\003" };
        run_program(&run, bus, "mute", NULL);
        assert_int_equal(run.code, 4);

        /* Without a terminal, too; a job that somebody else follows is left alone. */
        run = (Run) { .wait_for = "50 %", .type = "\003" };
        run_program(&run, bus, "slow", NULL);
        assert_int_equal(run.code, 4);
        assert_contains(run.err, "job 3 was cancelled");
        run = (Run) { .columns = 80, .wait_for = "Step 2/3", .type = "\003" };
        run_program(&run, bus, "watch", "2", NULL);
        assert_int_equal(run.code, 4);
        assert_contains(run.err, "left; the job goes on");
}

static void test_detached(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        run = (Run) { 0 };
        run_program(&run, bus, "plain", "--detach", NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "");
        assert_contains(run.err, "'imagine get 1' writes its pictures");
        run_program(&run, bus, "watch", "1", NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "");
        run_program(&run, bus, "get", "1", NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "./job-1-4200000000.png\n");
        run_program(&run, bus, "get", "1", "-o", "named.png", NULL);
        assert_string_equal(run.out, "named.png\n");
        run_program(&run, bus, "cancel", "1", NULL);
        assert_contains(run.err, "Job 1 is done already");
        run_program(&run, bus, "get", "2", NULL);
        assert_int_equal(run.code, 3);
        run_program(&run, bus, "jobs", "-q", NULL);
        assert_string_equal(run.out, "1\n");
}

static json_t *object_of(const Run *run)
{
        json_error_t error;
        json_t *object = json_loads(run->out, JSON_REJECT_DUPLICATES, &error);

        if (!json_is_object(object))
                fail_msg("%s in: %s", error.text, run->out);
        return object;
}

static const char *text_at(json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}

static void test_json(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        run = (Run) { 0 };
        run_program(&run, bus, "plain", "--json", "--seed", "18446744073709551615", "--count", "2", NULL);
        assert_int_equal(run.code, 0);
        json_t *object = object_of(&run), *pictures = json_object_get(object, "pictures");
        assert_string_equal(text_at(object, "state"), "done");
        assert_string_equal(text_at(object, "seed"), "18446744073709551615");
        assert_int_equal(json_array_size(pictures), 2);
        assert_string_equal(text_at(json_array_get(pictures, 0), "path"),
                            "./plain-18446744073709551615.png");
        assert_string_equal(text_at(json_array_get(pictures, 1), "path"), "./plain-0.png");
        assert_int_equal(json_integer_value(json_object_get(json_array_get(pictures, 1), "width")), 1);
        json_decref(object);

        /* What the service says of each picture, rather than what is counted here. */
        run_program(&run, bus, "varied", "--json", "--seed", "7", "--vary", "0.5", "--count", "2", NULL);
        assert_int_equal(run.code, 0);
        object = object_of(&run);
        pictures = json_object_get(object, "pictures");
        for (size_t i = 0; i < 2; i++)
                assert_int_equal(json_integer_value(json_object_get(json_array_get(pictures, i), "seed")), 7);
        assert_string_equal(text_at(json_array_get(pictures, 1), "path"), "./varied-7-2.png");
        json_decref(object);

        run_program(&run, bus, "oom", "--json", NULL);
        assert_int_equal(run.code, 6);
        object = object_of(&run);
        assert_string_equal(text_at(json_object_get(object, "error"), "name"), IMAGINE_ERROR_OUT_OF_MEMORY);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "error"), "exit")), 6);
        json_decref(object);

        const char *const verbs[] = { "status", "jobs", "models", "load", "version", "help" };
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                run_program(&run, bus, verbs[i], "--json", NULL);
                assert_int_equal(run.code, 0);
                json_decref(object_of(&run));
        }
        run_program(&run, bus, "unload", "--json", NULL);
        assert_int_equal(run.code, 6);
        json_decref(object_of(&run));
}

static void test_bus_dies(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        run = (Run) { .wait_for = "50 %", .type = "\011", .victim = bus->pid };
        run_program(&run, bus, "slow", NULL);
        assert_int_equal(run.code, 5);
        assert_contains(run.err, "the connection to the bus was lost before the job was done");
}

static void test_models(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        run = (Run) { 0 };
        run_program(&run, bus, "models", "--no-start", NULL);
        assert_contains(run.out, "sprites  default  -        -        38.0 MB  -     -      -          computing\n");
        run_program(&run, bus, "load", NULL);
        assert_int_equal(run.code, 0);
        assert_contains(run.err, "sprites is resident");
        run_program(&run, bus, "models", NULL);
        assert_contains(run.out, "resident, default  0.1      CC0-1.0  38.0 MB  128x128  20     bf16       0123456789abcdef mismatch\n");
        assert_contains(run.err, "sprites will not be loaded: unet/config.json differs");
        assert_lacks(run.err, "\033");
        run_program(&run, bus, "models", "--json", NULL);
        assert_contains(run.out, "\"digest\": \"" FAKE_DIGEST "\"");
        run_program(&run, bus, "models", "--quiet", NULL);
        assert_string_equal(run.out, "sprites\n");
        run_program(&run, bus, "status", NULL);
        assert_contains(run.out, "sprites, ready");
        run_program(&run, bus, "load", "nothing", NULL);
        assert_int_equal(run.code, 3);
        assert_contains(run.err, "'imagine models' lists what is installed");
        run_program(&run, bus, "unload", NULL);
        assert_int_equal(run.code, 0);
}

static void test_warnings(void **state)
{
        static Run run;

        run = (Run) { 0 };
        run_program(&run, bus_of(state), "long", "prompt", NULL);
        assert_int_equal(run.code, 0);
        assert_contains(run.err, "the last 12 tokens of it were not used");
}

static void test_terminal(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        run = (Run) { .columns = 80 };
        run_program(&run, bus, "plain", NULL);
        assert_int_equal(run.code, 0);
        assert_contains(run.err, "Step 2/3 █");
        assert_contains(run.err, "░");
        assert_contains(run.err, "./plain-4200000000.png");

        run = (Run) { .columns = 80, .locale = "C" };
        run_program(&run, bus, "plain", NULL);
        assert_contains(run.err, "Step 2/3 [#");
        for (size_t i = 0; i < run.err_size; i++)
                assert_true((unsigned char)run.err[i] < 0x80);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, place_tear_down)
        const struct CMUnitTest tests[] = {
                T(test_picture),      T(test_finished_before_the_answer),
                T(test_several_pictures), T(test_stdout),
                T(test_options_on_the_bus), T(test_errors),
                T(test_hostile_results), T(test_forged_signal),
                T(test_interrupt),    T(test_detached),
                T(test_json),         T(test_models),
                T(test_bus_dies),
                T(test_warnings),     T(test_terminal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
