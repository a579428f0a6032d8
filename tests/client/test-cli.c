/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The program against the real service, with a worker that draws a gradient. */

#include "harness.h"

static void make_model(const Bus *bus, const char *name)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/models", bus->directory);
        (void)mkdir(path, 0755);
        (void)snprintf(path, sizeof(path), "%s/models/%s", bus->directory, name);
        assert_return_code(mkdir(path, 0755), errno);
        (void)snprintf(path, sizeof(path), "%s/models/%s/model_index.json", bus->directory, name);
        _cleanup_(fclosep) FILE *f = fopen(path, "we");
        assert_non_null(f);
        (void)fputs("{}\n", f);
}

static void make_config(const Bus *bus, char path[PATH_MAX])
{
        char worker[PATH_MAX];

        (void)snprintf(path, PATH_MAX, "%s/imagined.conf", bus->directory);
        _cleanup_(fclosep) FILE *f = fopen(path, "we");
        assert_non_null(f);
        (void)fprintf(f,
                      "worker = \"%s\";\nmodels = [ \"%s/models\" ];\ndefault_model = "
                      "\"stub\";\njobs_per_user = 2;\n",
                      built("tests/service/stub-worker", worker), bus->directory);
}

static bool answers(const Bus *bus)
{
        static Run run;

        run = (Run) { 0 };
        run_program(&run, bus, "status", "--no-start", "-q", NULL);
        return run.code == 0;
}

static pid_t start_service(const Bus *bus)
{
        char config[PATH_MAX], option[PATH_MAX + 16], imagined[PATH_MAX];
        pid_t parent = getpid();

        make_config(bus, config);
        (void)snprintf(option, sizeof(option), "--config=%s", config);
        (void)built("imagined", imagined);
        pid_t pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                die_with_parent(parent);
                (void)setenv("DBUS_SESSION_BUS_ADDRESS", bus->address, 1);
                (void)setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", 1);
                (void)execl(imagined, "imagined", "--user", option, (char *)NULL);
                _exit(127);
        }
        for (int i = 0; i < 2400 && !answers(bus); i++)
                (void)usleep(50000);
        return pid;
}

static pid_t install_and_start(const Bus *bus)
{
        static const char *const models[] = { "stub", "stub-crawl", "stub-slow", "stub-dies-denoising",
                                              "stub-stubborn" };

        for (size_t i = 0; i < ELEMENTSOF(models); i++)
                make_model(bus, models[i]);
        return start_service(bus);
}

static int set_up(void **state)
{
        return place_set_up(state, install_and_start);
}

static void test_pictures(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;
        size_t size = 0, named = 0;

        run = (Run) { 0 };
        run_program(&run, bus, "a", "red", "fox", "--seed", "7", NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "./a-red-fox-7.png\n");
        assert_contains(run.err, "Seed 7, 64x64, ");
        assert_true(has_file(bus, "a-red-fox-7.png", &size));

        run_program(&run, bus, "a red fox", "--seed", "7", "-o", "fox.png", "--quiet", NULL);
        assert_string_equal(run.err, "");
        assert_true(has_file(bus, "fox.png", &named));
        assert_int_equal(named, size);

        run_program(&run, bus, "a red fox", "--seed", "7", "-o", "-", NULL);
        assert_int_equal(run.out_size, size);
        assert_memory_equal(run.out, "\x89PNG", 4);

        run_program(&run, bus, "fox", "--size", "128x64", "--steps", "2", "--guidance", "1", "--sampler",
                    "euler-a", "--negative", "text", "--count", "3", "--priority", "batch", "--keep-alive",
                    "1m", "--no-prompt-metadata", "--seed", "18446744073709551615", NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "./fox-18446744073709551615.png\n./fox-0.png\n./fox-1.png\n");
        assert_contains(run.err, "128x64, 2 steps, euler-a, guidance 1, stub");

        run_program(&run, bus, "", "--seed", "1", NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "./picture-1.png\n");
        run_program(&run, bus, "fox", "--aspect", "2:1", "--seed", "2", "--json", NULL);
        assert_int_equal(run.code, 0);
        assert_contains(run.out, "\"path\": \"./fox-2.png\"");
}

static void test_errors(void **state)
{
        const Bus *bus = bus_of(state);
        static const struct {
                const char *option, *value;
                int code;
                const char *text;
        } cases[] = {
                { "--model", "none", 3, "'imagine models' lists what is installed" },
                { "--model", "../stub", 2, "not a model's name" },
                { "--model", "stub-dies-denoising", 1, "The same command may work again" },
                { "--sharpen", "1.5", 2, "not between 0 and 1" },
                { "--enlarge", "much", 2, "none of network, lanczos, none" },
                { "--tiling", "z", 2, "none of x, y, xy, none" },
                { "--outpaint", "left:8", 2, "--outpaint needs --from" },
                { "--mask-paints", "dark", 2, "--mask-paints needs --mask" },
                { "--mask-paints", "white", 2, "none of bright, dark, opaque, clear" },
                { "--mask-blur", "257", 2, "not between 0 and 256" },
                { "--outpaint", "left:0", 2, "--outpaint: 0 " },
                { "--outpaint", "left:8,left:8", 2, "left twice" },
                { "--outpaint", "left:8,", 2, "'' is not left, right, up or down" },
                { "--outpaint", "in:8", 2, "'in:8' is not left, right, up or down" },
                { "--clip-skip", "13", 2, "13" },
                { "--lora", ":1", 2, "does not begin with the name of an adapter" },
                { "--lora", "../a", 2, "does not begin with the name of an adapter" },
                { "--lora", "a:b", 2, "--lora" },
                { "-o", "models/none/fox.png", 1, "models/none/: No such file or directory" },
        };
        static Run run;

        run = (Run) { 0 };
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                run = (Run) { 0 };
                run_program(&run, bus, "fox", cases[i].option, cases[i].value, NULL);
                assert_contains(run.err, cases[i].text);
                assert_int_equal(run.code, cases[i].code);
                assert_string_equal(run.out, "");
        }
        /* Nothing is lost: the next one works. */
        run_program(&run, bus, "fox", "--seed", "3", NULL);
        assert_int_equal(run.code, 0);
}

static void test_detached(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        run = (Run) { 0 };
        run_program(&run, bus, "fox", "--detach", "--seed", "5", "--model", "stub-slow", "--count", "2",
                    NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "");
        assert_contains(run.err, "Seed 5");
        assert_contains(run.err, "Job 1 goes on by itself");

        /* Still at work: get waits. */
        run_program(&run, bus, "get", "1", "-o", "owl.png", NULL);
        assert_int_equal(run.code, 0);
        assert_string_equal(run.out, "owl-1.png\nowl-2.png\n");
        run_program(&run, bus, "get", "1", "-o", "models/", NULL);
        assert_string_equal(run.out, "models/job-1-5.png\nmodels/job-1-6.png\n");
        run_program(&run, bus, "watch", "1", NULL);
        assert_int_equal(run.code, 0);
        assert_contains(run.err, "Done: 'imagine get 1' writes the pictures");
        run_program(&run, bus, "jobs", NULL);
        assert_contains(run.out, "1   done   100 %  -     2/2       stub-slow  64x64");

        /* On a session bus there is one user; without one it is the machine's instance that is asked. */
        run_program(&run, bus, "jobs", "--all", "--user", NULL);
        assert_int_equal(run.code, 0);
        assert_contains(run.out, "USER");
        assert_contains(run.out, "done   100 %  normal");
        run_program(&run, bus, "jobs", "--all", "--user", "--json", NULL);
        assert_contains(run.out, "\"priority\": \"normal\"");
        run_program(&run, bus, "jobs", "--all", NULL);
        assert_int_equal(run.code, 5);
        run_program(&run, bus, "cancel", "--of", "root", "77", "--user", NULL);
        assert_int_equal(run.code, 3);
        run_program(&run, bus, "cancel", "--of", "no such user", "1", "--user", NULL);
        assert_int_equal(run.code, 2);
}

static void test_limits(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        for (int i = 0; i < 2; i++) {
                run = (Run) { 0 };
                run_program(&run, bus, "fox", "--detach", "--model", "stub-crawl", "--steps", "60", NULL);
                assert_int_equal(run.code, 0);
        }
        run_program(&run, bus, "fox", NULL);
        assert_int_equal(run.code, 6);
        assert_contains(run.err, "'imagine cancel ID' ends one");
        run_program(&run, bus, "unload", NULL);
        assert_int_equal(run.code, 6);

        run_program(&run, bus, "cancel", "2", NULL);
        assert_int_equal(run.code, 0);
        run_program(&run, bus, "cancel", "1", NULL);
        assert_int_equal(run.code, 0);
        run_program(&run, bus, "get", "1", NULL);
        assert_int_equal(run.code, 4);
        run_program(&run, bus, "fox", NULL);
        assert_int_equal(run.code, 0);
}

static void test_interrupts(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        run = (Run) { .columns = 80, .wait_for = "Step 1/", .type = "\003" };
        run_program(&run, bus, "fox", "--model", "stub-crawl", "--steps", "60", NULL);
        assert_int_equal(run.code, 4);
        assert_contains(run.err, "job 1 was cancelled");

        /* A job that does not wait for its caller: Ctrl-C ends the watching only. */
        run = (Run) { 0 };
        run_program(&run, bus, "fox", "--model", "stub-crawl", "--steps", "60", "--detach", NULL);
        run = (Run) { .columns = 40, .wait_for = "Step 1/", .type = "\003" };
        run_program(&run, bus, "watch", "2", NULL);
        assert_int_equal(run.code, 4);
        run = (Run) { 0 };
        run_program(&run, bus, "jobs", NULL);
        assert_contains(run.out, "2   running");

        /* SIGTERM leaves; the caller is gone, and so is its job. */
        run = (Run) { .wait_for = "Working", .type = "t" };
        run_program(&run, bus, "cancel", "2", NULL);
        run_program(&run, bus, "fox", "--model", "stub-crawl", "--steps", "60", NULL);
        assert_int_equal(run.code, 4);
        run = (Run) { 0 };
        run_program(&run, bus, "jobs", "-q", NULL);
        assert_string_equal(run.out, "2\n");
}

static void test_models(void **state)
{
        const Bus *bus = bus_of(state);
        static Run run;

        run = (Run) { 0 };
        run_program(&run, bus, "load", "stub-slow", NULL);
        assert_int_equal(run.code, 0);
        assert_contains(run.err, "stub-slow is resident");
        run_program(&run, bus, "status", NULL);
        assert_contains(run.out, "Model:  stub-slow, ready");
        run_program(&run, bus, "models", "--json", NULL);
        assert_contains(run.out, "\"size-multiple\": ");
        run_program(&run, bus, "unload", NULL);
        assert_int_equal(run.code, 0);
        run_program(&run, bus, "status", "-q", NULL);
        assert_string_equal(run.out, "unloaded\n");
        run_program(&run, bus, "load", "none", NULL);
        assert_int_equal(run.code, 3);
}

static void test_service_dies(void **state)
{
        Place *place = *state;
        static Run run;

        run = (Run) { .wait_for = "Working", .type = "\011", .victim = place->service };
        run_program(&run, &place->bus, "fox", "--model", "stub-crawl", "--steps", "60", NULL);
        assert_int_equal(run.code, 5);
        assert_contains(run.err, "the service ended before the job was done");
        (void)waitpid(place->service, NULL, 0);
        place->service = start_service(&place->bus);
        run = (Run) { 0 };
        run_program(&run, &place->bus, "fox", NULL);
        assert_int_equal(run.code, 0);
}

/* Runs shell text where programs run, with the built program in the PATH. Returns its exit status. */
static int run_shell(const Bus *bus, const char *text)
{
        char folder[PATH_MAX], here[PATH_MAX];

        (void)built("imagine", folder);
        *strrchr(folder, '/') = '\0';
        assert_non_null(getcwd(here, sizeof(here)));
        pid_t pid = fork();
        assert_return_code(pid, errno);
        if (pid == 0) {
                char path[3 * PATH_MAX];
                (void)snprintf(path, sizeof(path), "%s:%s", folder, getenv("PATH"));
                (void)setenv("PATH", path, 1);
                (void)setenv("TOP", here, 1);
                (void)setenv("DBUS_SESSION_BUS_ADDRESS", bus->address, 1);
                if (chdir(bus->directory) == 0)
                        (void)execlp("bash", "bash", "-euc", text, (char *)NULL);
                _exit(127);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* The shell's part of docs/app-authors.md does what it says. */
static void test_example_for_authors(void **state)
{
        const Bus *bus = bus_of(state);

        assert_int_equal(run_shell(bus, "awk '/^```/ { on = /^```sh/ && !n++; next } on' "
                                        "\"$TOP/docs/app-authors.md\" >example.sh; "
                                        "test -s example.sh; . ./example.sh; test \"$picture\" = "
                                        "./a-red-fox-42.png; "
                                        "test -s \"$picture\"; test -s lighthouse.png"),
                         0);
}

/* The engine's words, as they are or in the form of all other answers. */
static void test_inspect(void **state)
{
        const Bus *bus = bus_of(state);
        static const char engine[] =
                        "cat >engine <<'END'\n#!/bin/sh\n"
                        "case $*: in\n"
                        "*broken*) exit 1;;\n"
                        "\"--model m --inspect --json:\") echo '{\"steps\": 7}';;\n"
                        "\"--model m --inspect:\") echo steps 7;;\nesac\nEND\n"
                        "chmod +x engine; export IMAGINED_ENGINE=$PWD/engine; ";
        char text[1024];

        (void)snprintf(text, sizeof(text), "%stest \"$(imagine models --inspect m)\" = 'steps 7'", engine);
        assert_int_equal(run_shell(bus, text), 0);
        (void)snprintf(text, sizeof(text), "%stest \"$(imagine models --inspect m --json | tr -d ' \\n')\" = '{\"steps\":7}'", engine);
        assert_int_equal(run_shell(bus, text), 0);
        (void)snprintf(text, sizeof(text), "%s! imagine models --inspect broken --json >said; grep -q 'cannot be inspected' said", engine);
        assert_int_equal(run_shell(bus, text), 0);
        (void)snprintf(text, sizeof(text), "export IMAGINED_ENGINE=/none; ! imagine models --inspect m --json 2>said; grep -q 'cannot be run' said");
        assert_int_equal(run_shell(bus, text), 0);
}

static void test_completion(void **state)
{
        Place *place = *state;
        const char *models = ". \"$TOP/client/completions/imagine.bash\"; COMP_WORDS=(imagine load ''); "
                             "COMP_CWORD=2; _imagine; "
                             "echo \"${COMPREPLY[@]}\" >completed";
        const char *jobs =
                        "imagine -q --detach fox; . \"$TOP/client/completions/imagine.bash\"; "
                        "COMP_WORDS=(imagine get ''); COMP_CWORD=2; _imagine; test \"${COMPREPLY[*]}\" = 1";

        assert_int_equal(run_shell(&place->bus, models), 0);
        assert_int_equal(run_shell(&place->bus, "grep -w stub-slow completed"), 0);
        assert_int_equal(run_shell(&place->bus, jobs), 0);

        /* Nobody there: nothing to offer, and no error. */
        end_child(place->service);
        place->service = 0;
        assert_int_equal(run_shell(&place->bus, models), 0);
        assert_int_equal(run_shell(&place->bus, "test \"$(cat completed)\" = ''"), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, place_tear_down)
        const struct CMUnitTest tests[] = {
                T(test_pictures), T(test_errors), T(test_detached),     T(test_limits),
                T(test_interrupts), T(test_models), T(test_service_dies),
                T(test_example_for_authors), T(test_inspect), T(test_completion),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
