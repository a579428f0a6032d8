/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What there is too little of: memory, by a cgroup or a resource limit; room on the disk. Each has an outcome, and none
 * costs another job or the service. */

#include <sys/mount.h>
#include <sys/resource.h>

#include "cgroup.h"
#include "listener.h"

#define LARGE "width", "u", 1024, "height", "u", 1024, "steps", "u", 1
#define ROOM 33554432 /* bytes; enough for another small picture, not for a large one */

#ifdef __SANITIZE_ADDRESS__
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

static Place place;

static int setup(void **state)
{
        return place_set_up_engine(state, &place, NULL);
}

/* After each test, failed or not. */
static int unmount_cache(void **state)
{
        char path[PATH_MAX];
        (void)state;

        (void)snprintf(path, sizeof(path), "%s/cache", place.directory);
        (void)umount2(path, MNT_DETACH);
        (void)snprintf(path, sizeof(path), "%s/log", place.directory);
        IGNORE(truncate(path, 0));
        return 0;
}

static void assert_done(sd_bus *bus, JobRef *job)
{
        assert_true(generate(bus, job, "a fox", 2, "width", "u", 32, "height", "u", 32) >= 0);
        assert_true(wait_for_state(bus, job->path, IMAGINE_STATE_DONE));
}

/* --- memory --- */

static int oom_score_adj(pid_t pid)
{
        char path[64];
        (void)snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
        _cleanup_(freep) char *text = read_text_file(path);
        return atoi(text);
}

/* The kernel does not end it. */
static bool protect(pid_t pid)
{
        char process[64];
        (void)snprintf(process, sizeof(process), "/proc/%d", (int)pid);
        return write_number(process, "oom_score_adj", "-1000");
}

static bool may_protect(void)
{
        pid_t pid = fork_child();
        if (pid == 0)
                _exit(!protect(getpid()));
        return wait_for_exit(pid) == 0;
}

/* Whatever is larger: the worker. */
static void test_who_is_taken(void **state)
{
        JobRef job;
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_done(bus, &job);
        assert_int_equal(oom_score_adj(place.service), oom_score_adj(getpid()));
        assert_int_equal(oom_score_adj(place_worker(&place)), 1000);
        place_stop_service(&place);
}

/* The kernel ends the worker, twice: the job fails, and says why. False: it took the service, too, as it may while the worker's
 * memory has not come back yet. */
static bool outlives_its_worker(const Cgroup *cgroup)
{
        char number[16], name[128];
        JobRef first, hungry, later;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        (void)snprintf(number, sizeof(number), "%d", (int)place.service);
        assert_true(write_number(cgroup->path, "cgroup.procs", number));
        (void)protect(place.service);
        assert_done(bus, &first);
        limit_cgroup(cgroup, ROOM);
        assert_true(generate(bus, &hungry, "a fox", 3, LARGE) >= 0);
        assert_false(wait_for_state(bus, hungry.path, IMAGINE_STATE_DONE));
        if (!name_is_owned(bus, IMAGINE_BUS_NAME)) {
                int status;
                assert_int_equal(waitpid(place.service, &status, 0), place.service);
                place.service = 0;
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
                return false;
        }
        job_error(bus, hungry.path, name);
        assert_string_equal(name, IMAGINE_ERROR_OUT_OF_MEMORY);
        /* The service and what it had are still there. */
        _cleanup_(closep) int fd = get_result(bus, first.path, 0, NULL);
        assert_true(fd >= 0);
        assert_done(bus, &later);
        place_stop_service(&place);
        return true;
}

static void test_a_cgroup_without_memory(void **state)
{
        Cgroup cgroup;
        (void)state;

        /* A worker's shadow memory takes so long to return that the kernel looks for somebody else each time. */
        if (IS_SANITIZED && !may_protect()) {
                print_message("who lacks CAP_SYS_RESOURCE cannot keep the service from being taken\n");
                skip();
        }
        if (!make_cgroup(&cgroup))
                skip();
        for (int tries = 1; !outlives_its_worker(&cgroup); tries++) {
                print_message("the kernel took the service, too\n");
                assert_true(tries < 5);
        }
        remove_cgroup(&cgroup);
}

/* The worker asks for more than it may have, and says so itself. */
static void test_a_limit_of_memory(void **state)
{
        struct rlimit limit = { .rlim_cur = 0, .rlim_max = 0 };
        char name[128], path[64];
        unsigned long pages = 0;
        JobRef job, hungry;
        (void)state;

        /* What a sanitizer cannot allocate is NULL, as it would be without one; the terabytes that it has mapped count below. */
        const char *options = getenv("ASAN_OPTIONS");
        char with_null[512];
        (void)snprintf(
                        with_null, sizeof(with_null), "%s:allocator_may_return_null=1:quarantine_size_mb=1",
                        options ? options : "");
        assert_int_equal(setenv("ASAN_OPTIONS", with_null, 1), 0);
        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        assert_done(bus, &job);
        pid_t worker = place_worker(&place);
        (void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)worker);
        _cleanup_(fclosep) FILE *file = fopen(path, "re");
        assert_true(file && fscanf(file, "%lu", &pages) == 1);
        limit.rlim_cur = limit.rlim_max = pages * 4096 + (32 << 20);
        assert_int_equal(prlimit(worker, RLIMIT_AS, &limit, NULL), 0);
        assert_true(generate(bus, &hungry, "a fox", 3, LARGE) >= 0);
        assert_false(wait_for_state(bus, hungry.path, IMAGINE_STATE_DONE));
        job_error(bus, hungry.path, name);
        assert_string_equal(name, IMAGINE_ERROR_OUT_OF_MEMORY);
        assert_int_equal(place_worker(&place), worker);
        assert_done(bus, &job);
        place_stop_service(&place);
}

/* --- the disk --- */

/* Runs the service with a cache directory on a file system of its own. Without the right to mount one: skipped. */
static void start_with_cache(const char *options, bool fill, unsigned long flags)
{
        char cache[PATH_MAX];

        (void)snprintf(cache, sizeof(cache), "%s/cache", place.directory);
        assert_true(mkdir(cache, 0755) == 0 || errno == EEXIST);
        if (mount("imagined-test", cache, "tmpfs", flags, options) < 0)
                skip();
        if (fill) {
                char command[2 * PATH_MAX];
                (void)snprintf(command, sizeof(command), "! cat /dev/zero >'%s/all' 2>/dev/null", cache);
                assert_int_equal(system(command), 0);
        }
        assert_int_equal(setenv("CACHE_DIRECTORY", cache, 1), 0);
        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        assert_int_equal(unsetenv("CACHE_DIRECTORY"), 0);
}

static bool has_digest(sd_bus *bus)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *json;

        assert_true(manager_call(bus, "Describe", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_read(reply, "s", &json) >= 0);
        return strstr(json, "\"digest\": \"") != NULL;
}

/* What cannot be kept on disk is computed anew each time, and nobody notices otherwise. */
static void work_without_disk(void)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job;

        assert_done(bus, &job);
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; !has_digest(bus); sleep_ms(50))
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
        assert_done(bus, &job);
        place_stop_service(&place);
        _cleanup_(freep) char *log = place_log(&place);
        assert_non_null(strstr(log, "digests.json"));
}

static void test_a_full_disk(void **state)
{
        (void)state;
        start_with_cache("size=16k", true, 0);
        work_without_disk();
}

static void test_a_disk_that_is_read_only(void **state)
{
        (void)state;
        start_with_cache("", false, MS_RDONLY);
        work_without_disk();
}

/* The directory of models goes and comes back. */
static void test_no_models_directory(void **state)
{
        char models[PATH_MAX], away[PATH_MAX];
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        (void)snprintf(models, sizeof(models), "%s/models", place.directory);
        (void)snprintf(away, sizeof(away), "%s/away", place.directory);
        assert_int_equal(rename(models, away), 0);
        assert_true(generate_error(bus, &job, &error, "x", 0) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_SUCH_MODEL);
        assert_true(manager_call(bus, "ListModels", NULL, NULL, NULL) >= 0);
        assert_int_equal(rename(away, models), 0);
        assert_done(bus, &job);
        place_stop_service(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_who_is_taken),
                cmocka_unit_test(test_a_cgroup_without_memory),
                cmocka_unit_test(test_a_limit_of_memory),
                cmocka_unit_test_teardown(test_a_full_disk, unmount_cache),
                cmocka_unit_test_teardown(test_a_disk_that_is_read_only, unmount_cache),
                cmocka_unit_test(test_no_models_directory),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
