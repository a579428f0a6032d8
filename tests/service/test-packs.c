/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packed weights in the cache: written by the first load, read by the next, and gone with what they were made of. */

#include "listener.h"

#define SETTINGS "default_model = \"tiny\"; threads = 1; pack_bytes_min = 1;"

static Place place;
static char packs[PATH_MAX];

static int setup(void **state)
{
        char cache[PATH_MAX - 16];
        int r = place_set_up_engine(state, &place, NULL);

        (void)snprintf(cache, sizeof(cache), "%s/cache", place.directory);
        (void)snprintf(packs, sizeof(packs), "%s/packs", cache);
        if (r < 0 || mkdir(cache, 0755) < 0)
                return -1;
        return setenv("CACHE_DIRECTORY", cache, 1);
}

static const char *pack_of(const char *model)
{
        static char path[PATH_MAX + 64];
        (void)snprintf(path, sizeof(path), "%s/%s.pack", packs, model);
        return path;
}

static ino_t inode_of(const char *model)
{
        struct stat st;
        return stat(pack_of(model), &st) < 0 ? 0 : st.st_ino;
}

/* Waits until the pack is there, and is another one than before (0: none). */
static ino_t wait_for_pack(const char *model, ino_t before)
{
        for (uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE; clock_usec(CLOCK_MONOTONIC) < end; sleep_ms(5)) {
                ino_t inode = inode_of(model);
                if (inode != 0 && inode != before)
                        return inode;
        }
        fail_msg("%s did not come", pack_of(model));
        return 0;
}

/* The PNG's bytes, which the caller frees. */
static void *draw(sd_bus *bus, const char *model, size_t *ret_size)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;

        assert_true(generate(bus, &job, "a fox", 3, "model", "s", model, "seed", "t", (uint64_t)3, "width", "u", 64) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_DONE));
        _cleanup_(closep) int fd = get_result(bus, job.path, 0, &error);
        struct stat st = {};
        assert_true(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0);
        void *data = malloc((size_t)st.st_size + 1);
        assert_int_equal(pread(fd, data, (size_t)st.st_size, 0), st.st_size);
        *ret_size = (size_t)st.st_size;
        return data;
}

static void unload(sd_bus *bus)
{
        assert_true(manager_call(bus, "UnloadModel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_model_state(bus, "unloaded"));
        while (place_worker(&place) != 0)
                sleep_ms(5);
}

static void assert_draws(sd_bus *bus, const char *model, const void *wanted, size_t wanted_size)
{
        size_t size;
        _cleanup_(freep) void *png = draw(bus, model, &size);

        assert_int_equal(size, wanted_size);
        assert_memory_equal(png, wanted, size);
}

/* Whether the worker's memory is that file's. */
static bool is_mapped(const char *model)
{
        char path[64], line[PATH_MAX];
        (void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)place_worker(&place));
        _cleanup_(fclosep) FILE *file = fopen(path, "re");

        assert_non_null(file);
        while (fgets(line, sizeof(line), file))
                if (strstr(line, pack_of(model)))
                        return true;
        return false;
}

static void test_life_of_a_pack(void **state)
{
        size_t size;
        (void)state;

        place_start_service(&place, SETTINGS);
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(freep) void *png = draw(bus, "tiny", &size);
        ino_t first = wait_for_pack("tiny", 0);

        unload(bus);
        assert_draws(bus, "tiny", png, size);
        assert_int_equal(inode_of("tiny"), first);
        if (is_root())
                assert_true(is_mapped("tiny"));

        /* Broken, deleted, or of other files it is made anew. */
        unload(bus);
        assert_int_equal(truncate(pack_of("tiny"), 100), 0);
        assert_draws(bus, "tiny", png, size);
        (void)wait_for_pack("tiny", first);
        unload(bus);
        assert_int_equal(unlink(pack_of("tiny")), 0);
        assert_draws(bus, "tiny", png, size);
        (void)wait_for_pack("tiny", 0);

        char file[PATH_MAX];
        (void)snprintf(file, sizeof(file), "%s/models/tiny/unet/config.json", place.directory);
        unload(bus);
        first = inode_of("tiny");
        assert_int_equal(utimensat(AT_FDCWD, file, NULL, 0), 0);
        assert_draws(bus, "tiny", png, size);
        (void)wait_for_pack("tiny", first);
        place_stop_service(&place);
}

/* With a model its pack goes, at the next load. */
static void test_models_come_and_go(void **state)
{
        char command[3 * PATH_MAX];
        size_t size;
        (void)state;

        (void)snprintf(command, sizeof(command), "cp -R '%s/models/tiny' '%s/models/other'", place.directory, place.directory);
        assert_int_equal(system(command), 0);
        place_start_service(&place, SETTINGS);
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        free(draw(bus, "other", &size));
        ino_t other = wait_for_pack("other", 0);
        assert_true(other != 0 && inode_of("tiny") != 0);

        (void)snprintf(command, sizeof(command), "rm -r '%s/models/other'", place.directory);
        assert_int_equal(system(command), 0);
        unload(bus);
        free(draw(bus, "tiny", &size));
        assert_int_equal(inode_of("other"), 0);
        assert_true(inode_of("tiny") != 0);
        place_stop_service(&place);
}

/* By default small models have none; and a folder that cannot be written to is no reason to fail. */
static void test_without(void **state)
{
        size_t size;
        (void)state;

        assert_int_equal(unlink(pack_of("tiny")), 0);
        place_start_service(&place, "default_model = \"tiny\"; threads = 1;");
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        free(draw(bus, "tiny", &size));
        place_stop_service(&place);
        assert_int_equal(inode_of("tiny"), 0);

        assert_int_equal(rmdir(packs), 0);
        write_file(packs, "");
        place_start_service(&place, SETTINGS);
        _cleanup_(bus_closep) sd_bus *again = place_connect(&place);
        free(draw(again, "tiny", &size));
        place_stop_service(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_life_of_a_pack),
                cmocka_unit_test(test_models_come_and_go),
                cmocka_unit_test(test_without),
        };
        return cmocka_run_group_tests(tests, setup, place_tear_down);
}
