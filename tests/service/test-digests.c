/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Digests of the installed models: computed once, in the background, while nothing else is to be done; remembered; and
 * asked for before a model is loaded that has a SHA256SUMS. */

#include "listener.h"

static Place place;
static char cache[PATH_MAX];

static int setup(void **state)
{
        int r = place_set_up(state, &place, NULL, "stub", "stub-slow");
        (void)snprintf(cache, sizeof(cache), "%s/cache/imagined", place.directory);
        return r < 0 ? r : setenv("CACHE_DIRECTORY", cache, 1);
}

/* --- files --- */

static const char *path_of(const char *model, const char *name)
{
        static char path[PATH_MAX];
        (void)snprintf(path, sizeof(path), "%s/models/%s/%s", place.directory, model, name);
        return path;
}

static const char *cache_file(void)
{
        static char path[PATH_MAX + 16];
        (void)snprintf(path, sizeof(path), "%s/digests.json", cache);
        return path;
}

/* How often something was done by stub workers: bytes in a hidden file. */
static size_t count(const char *model, const char *name)
{
        struct stat st;
        return stat(path_of(model, name), &st) < 0 ? 0 : (size_t)st.st_size;
}

/* A model as it is after make install; sums NULL: without SHA256SUMS. */
static void install(const char *model, const char *index, const char *sums)
{
        place_add_model(&place, model);
        write_file(path_of(model, "model_index.json"), index);
        if (sums)
                write_file(path_of(model, "SHA256SUMS"), sums);
}

static void run(const char *format, const char *argument)
{
        char command[2 * PATH_MAX];
        (void)snprintf(command, sizeof(command), format, argument);
        assert_int_equal(system(command), 0);
}

/* Each test begins with the models "stub" and "stub-slow", which have no SHA256SUMS, and without a cache. */
static int clean(void **state)
{
        (void)state;
        run("cd %s && rm -rf models/* cache && mkdir models/stub models/stub-slow", place.directory);
        install("stub", "{}", NULL);
        install("stub-slow", "{}", NULL);
        return 0;
}

/* --- what the bus says --- */

typedef struct Seen {
        char state[16], digest[65], version[32], difference[128];
        char file[32], file_digest[65]; /* the first of its files */
        uint64_t bytes;
} Seen;

static void see_file(sd_bus_message *m, Seen *seen)
{
        const char *path, *digest;

        assert_true(sd_bus_message_enter_container(m, 'v', "a{ss}") > 0 && sd_bus_message_enter_container(m, 'a', "{ss}") > 0);
        assert_true(sd_bus_message_read(m, "{ss}", &path, &digest) > 0);
        (void)snprintf(seen->file, sizeof(seen->file), "%s", path);
        (void)snprintf(seen->file_digest, sizeof(seen->file_digest), "%s", digest);
        assert_int_equal(sd_bus_message_read(m, "{ss}", &path, &digest), 0);
        assert_true(sd_bus_message_exit_container(m) >= 0 && sd_bus_message_exit_container(m) >= 0);
}

static void see_detail(sd_bus_message *m, Seen *seen)
{
        const struct {
                const char *key;
                char *text;
                size_t size;
        } texts[] = {
                { "digest-state", seen->state, sizeof(seen->state) },
                { "digest", seen->digest, sizeof(seen->digest) },
                { "version", seen->version, sizeof(seen->version) },
                { "difference", seen->difference, sizeof(seen->difference) },
        };
        const char *key, *value;

        assert_true(sd_bus_message_read(m, "s", &key) >= 0);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (streq(key, texts[i].key)) {
                        assert_true(sd_bus_message_read(m, "v", "s", &value) >= 0);
                        (void)snprintf(texts[i].text, texts[i].size, "%s", value);
                        return;
                }
        if (streq(key, "bytes"))
                assert_true(sd_bus_message_read(m, "v", "t", &seen->bytes) >= 0);
        else if (streq(key, "files"))
                see_file(m, seen);
        else
                assert_true(sd_bus_message_skip(m, "v") >= 0);
}

/* What ListModels says of a model. */
static Seen see(sd_bus *bus, const char *model)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Seen seen = {};
        const char *name;

        assert_true(manager_call(bus, "ListModels", NULL, &m, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(m, 'a', "(sa{sv})") > 0);
        while (sd_bus_message_enter_container(m, 'r', "sa{sv}") > 0) {
                assert_true(sd_bus_message_read(m, "s", &name) >= 0);
                if (!streq(name, model)) {
                        assert_true(sd_bus_message_skip(m, "a{sv}") >= 0);
                } else {
                        assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
                        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                                see_detail(m, &seen);
                                assert_true(sd_bus_message_exit_container(m) >= 0);
                        }
                        assert_true(sd_bus_message_exit_container(m) >= 0);
                }
                assert_true(sd_bus_message_exit_container(m) >= 0);
        }
        return seen;
}

static Seen wait_until(sd_bus *bus, const char *model, const char *state)
{
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;; sleep_ms(20)) {
                Seen seen = see(bus, model);
                if (streq(seen.state, state))
                        return seen;
                if (clock_usec(CLOCK_MONOTONIC) > end)
                        fail_msg("%s is %s, not %s", model, seen.state, state);
        }
}

/* Counts the news of ModelDigests in which a model's state is "verified". */
static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        const char *interface, *key, *name, *state, *digest;
        (void)error;

        assert_true(sd_bus_message_read(m, "s", &interface) >= 0);
        assert_true(sd_bus_message_enter_container(m, 'a', "{sv}") > 0);
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
                assert_true(sd_bus_message_read(m, "s", &key) >= 0);
                if (!streq(key, "ModelDigests"))
                        return 0;
                assert_true(sd_bus_message_enter_container(m, 'v', "a(sss)") > 0);
                assert_true(sd_bus_message_enter_container(m, 'a', "(sss)") > 0);
                while (sd_bus_message_read(m, "(sss)", &name, &state, &digest) > 0)
                        if (streq(state, "verified") && strlen(digest) == 64)
                                *(unsigned *)userdata += 1;
                assert_true(sd_bus_message_exit_container(m) >= 0);
                assert_true(sd_bus_message_exit_container(m) >= 0);
                assert_true(sd_bus_message_exit_container(m) >= 0);
        }
        return 0;
}

/* --- the tests --- */

static void test_states(void **state)
{
        unsigned told = 0;
        (void)state;

        install("stub-good", "{}", "good");
        install("stub-bad", "{}", "bad");
        install("stub-digest-dies", "{}", NULL);
        install("stub-digest-fails", "{}", NULL);
        install("stub-digest-lies", "{}", "good");
        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(sd_bus_match_signal(
                            bus, NULL, IMAGINE_BUS_NAME, IMAGINE_PATH, "org.freedesktop.DBus.Properties",
                            "PropertiesChanged", on_properties, &told) >= 0);

        Seen seen = see(bus, "stub-good");
        assert_int_equal(seen.bytes, 2 + 4);
        assert_true(streq(seen.state, "computing") || streq(seen.state, "verified"));
        seen = wait_until(bus, "stub-good", "verified");
        assert_int_equal(strlen(seen.digest), 64);
        assert_string_equal(seen.version, "0.1"); /* though it was never loaded */
        assert_string_equal(seen.file, "model_index.json");
        assert_string_equal(seen.file_digest, seen.digest); /* of the stub's only file */
        assert_string_equal(seen.difference, "");
        seen = wait_until(bus, "stub-bad", "mismatch");
        assert_string_equal(seen.difference, "model_index.json differs from SHA256SUMS");
        seen = wait_until(bus, "stub", "unlisted");
        assert_int_equal(strlen(seen.digest), 64);
        static const char *const broken[] = { "stub-digest-dies", "stub-digest-fails", "stub-digest-lies" };
        for (size_t i = 0; i < ELEMENTSOF(broken); i++) {
                seen = wait_until(bus, broken[i], "unknown");
                assert_string_equal(seen.digest, "");
                assert_string_equal(seen.file, "");
        }
        assert_true(hear_until(bus, &told, 1));

        /* Neither what is known nor what failed is tried again. */
        see(bus, "stub");
        assert_int_equal(count("stub", ".digested"), 1);
        assert_int_equal(count("stub-digest-dies", ".digested"), 1);
        place_stop_service(&place);
}

static void test_describe(void **state)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *json;
        (void)state;

        install("stub-bad", "{}", "bad");
        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        Seen seen = wait_until(bus, "stub-bad", "mismatch");
        assert_true(manager_call(bus, "Describe", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_read(reply, "s", &json) >= 0);
        assert_non_null(strstr(json, seen.digest));
        assert_non_null(strstr(json, "\"digest-state\": \"mismatch\""));
        assert_non_null(strstr(json, "\"difference\": \"model_index.json differs from SHA256SUMS\""));
        place_stop_service(&place);
}

/* Every model's state, as soon as the service is there. */
static void assert_computed_once_more(bool once_more)
{
        static const char *const models[] = { "stub", "stub-slow", "stub-good" };
        size_t before = count("stub", ".digested");

        place_start_service(&place, "");
        sd_bus *bus = place_connect(&place);
        for (size_t i = 0; i < ELEMENTSOF(models); i++) {
                const char *state = streq(models[i], "stub-good") ? "verified" : "unlisted";
                if (once_more)
                        (void)wait_until(bus, models[i], state);
                else
                        assert_string_equal(see(bus, models[i]).state, state);
                assert_string_equal(see(bus, models[i]).file, "model_index.json");
        }
        (void)bus_close(bus);
        place_stop_service(&place);
        assert_int_equal(count("stub", ".digested"), before + once_more);
}

static void test_remembered(void **state)
{
        struct stat st;
        (void)state;

        install("stub-good", "{}", "good");
        assert_computed_once_more(true);
        assert_int_equal(stat(cache_file(), &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_computed_once_more(false);

        write_file(cache_file(), "what is this?");
        assert_computed_once_more(true);
        assert_computed_once_more(false);
}

/* Without a place for it nothing is remembered, and all else is as ever. */
static void test_no_place_to_remember(void **state)
{
        (void)state;
        install("stub-good", "{}", "good");
        assert_int_equal(setenv("CACHE_DIRECTORY", "/proc/nonexistent", 1), 0);
        assert_computed_once_more(true);
        assert_int_equal(unsetenv("CACHE_DIRECTORY"), 0);
        assert_computed_once_more(true);
        assert_int_equal(setenv("CACHE_DIRECTORY", cache, 1), 0);
}

static void test_changed_files(void **state)
{
        (void)state;
        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        Seen before = wait_until(bus, "stub", "unlisted");

        write_file(path_of("stub", "model_index.json"), "{ }");
        Seen after = before;
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; streq(after.digest, before.digest); sleep_ms(20)) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                after = see(bus, "stub");
        }
        after = wait_until(bus, "stub", "unlisted");
        assert_string_not_equal(after.digest, before.digest);
        assert_int_equal(after.bytes, 3);
        assert_int_equal(count("stub", ".digested"), 2);
        assert_int_equal(count("stub-slow", ".digested"), 1);

        /* A model that comes later, and one that goes. */
        install("stub-late", "{}", "good");
        (void)wait_until(bus, "stub-late", "verified");
        run("rm -r %s", path_of("stub-late", ""));
        assert_string_equal(see(bus, "stub-late").state, "");
        place_stop_service(&place);
}

/* By the worker that loaded it, or in the background, where that came first. */
static size_t times_read(const char *model)
{
        return count(model, ".verified") + count(model, ".digested");
}

/* The worker that loads a model holds it against its SHA256SUMS, once. */
static void test_loading_verifies(void **state)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        (void)state;

        install("stub-good", "{}", "good");
        install("stub-bad", "{}", "bad");
        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "stub-good") >= 0);
        assert_string_equal(see(bus, "stub-good").state, "verified");
        assert_string_equal(see(bus, "stub-good").file, "model_index.json");
        assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);
        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "stub-good") >= 0);
        (void)wait_until(bus, "stub", "unlisted");
        assert_int_equal(times_read("stub-good"), 1);

        /* Changed files are verified anew. */
        write_file(path_of("stub-good", "model_index.json"), "{ }");
        assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);
        assert_true(manager_call(bus, "LoadModel", NULL, NULL, "s", "stub-good") >= 0);
        assert_int_equal(times_read("stub-good"), 2);

        for (int i = 0; i < 2; i++) {
                assert_true(manager_call(bus, "LoadModel", &error, NULL, "s", "stub-bad") < 0);
                assert_non_null(strstr(error.message, "stub-bad"));
                assert_non_null(strstr(error.message, "model_index.json differs from SHA256SUMS"));
                assert_bus_error(&error, IMAGINE_ERROR_BAD_MODEL);
                assert_string_equal(see(bus, "stub-bad").state, "mismatch");
        }
        place_stop_service(&place);
}

/* The process that computes a digest; 0: none. */
static pid_t digester(void)
{
        char command[128], line[32] = "";

        (void)snprintf(command, sizeof(command), "ps -o pid=,args= --ppid %d | grep -e --digest", (int)place.service);
        FILE *pipe = popen(command, "r");
        assert_non_null(pipe);
        bool some = fgets(line, sizeof(line), pipe) != NULL;
        (void)pclose(pipe);
        return some ? atoi(line) : 0;
}

/* A field of /proc/PID/stat after the name: 0 the state, 16 the nice value. */
static void stat_field(pid_t pid, int field, char ret[static 16])
{
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        _cleanup_(freep) char *text = read_text_file(path);
        char *rest = strrchr(text, ')') + 2;
        for (int i = 0; i < field; i++)
                (void)strsep(&rest, " ");
        (void)snprintf(ret, 16, "%s", strsep(&rest, " "));
}

/* At the lowest priority, and not at all while a job runs. */
static void test_jobs_come_first(void **state)
{
        char field[16] = "";
        JobRef job;
        pid_t pid;
        (void)state;

        install("stub-digest-slow", "{}", NULL);
        place_hold(&place, 0);
        place_start_service(&place, "");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        while (count("stub-digest-slow", ".digested") == 0)
                sleep_ms(5);
        pid = digester();
        assert_true(pid > 0);
        stat_field(pid, 16, field);
        assert_string_equal(field, "19");

        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
        while (stat_field(pid, 0, field), !streq(field, "T"))
                sleep_ms(5);
        assert_true(job_call(bus, job.path, "Release", NULL, NULL, NULL) >= 0);
        place_release(&place);
        (void)wait_until(bus, "stub-digest-slow", "unlisted");
        assert_int_equal(count("stub-digest-slow", ".digested"), 1);

        /* A service that is stopped leaves none behind, paused or not. */
        place_hold(&place, 0);
        write_file(path_of("stub-digest-slow", "model_index.json"), "{ }");
        while (count("stub-digest-slow", ".digested") == 1) {
                (void)see(bus, "stub");
                sleep_ms(5);
        }
        pid = digester();
        assert_true(generate(bus, &job, "x", 2, "model", "s", "stub-slow", "steps", "u", 500) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_RUNNING));
        place_stop_service(&place);
        place_release(&place);
        assert_true(kill(pid, 0) < 0);
}

/* One that does not come forward is ended, and the others have their turn. */
static void test_hung(void **state)
{
        (void)state;

        install("stub-digest-hangs", "{}", NULL);
        place_start_service(&place, "worker_ping_seconds = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        (void)wait_until(bus, "stub-digest-hangs", "unknown");
        (void)wait_until(bus, "stub", "unlisted");
        (void)wait_until(bus, "stub-slow", "unlisted");
        assert_int_equal(count("stub-digest-hangs", ".digested"), 1);
        wait_for_log(&place, "The digest of stub-digest-hangs cannot be computed: The engine did not answer");
        place_stop_service(&place);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup(f, clean)
        const struct CMUnitTest tests[] = {
                T(test_states),
                T(test_describe),
                T(test_remembered),
                T(test_no_place_to_remember),
                T(test_changed_files),
                T(test_loading_verifies),
                T(test_jobs_come_first),
                T(test_hung),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
