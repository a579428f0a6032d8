/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The file that remembers digests, whatever has become of it. */

#include "process.h"

#include "base/log.h"
#include "service/digest-cache.h"
#include "tests/scratch.h"

static char path[128];

static int setup(void **state)
{
        int r = scratch_make(state);
        log_set_max_level(LOG_EMERG);
        (void)snprintf(path, sizeof(path), "%s/two/folders/digests.json", scratch);
        return r;
}

static DigestInfo info_of(char digit)
{
        DigestInfo info = { .check = MODEL_MISMATCH, .version = "0.1", .difference = "grün \"differs\"" };
        memset(info.digest, digit, sizeof(info.digest) - 1);
        return info;
}

static DigestCache *open_cache(const char *at)
{
        DigestCache *cache;
        assert_int_equal(digest_cache_new(&cache, at), 0);
        return cache;
}

static void test_kept(void **state)
{
        DigestInfo a = info_of('a'), b = info_of('b');
        json_t *files = json_pack("{s:s}", "grün/config.json", b.digest), *known = NULL;
        (void)state;

        DigestCache *cache = open_cache(path);
        assert_null(digest_cache_find(cache, "1:2 3 4 5 file\n", NULL));
        digest_cache_add(cache, "1:2 3 4 5 file\n", &b, NULL);
        digest_cache_add(cache, "another", &b, files);
        digest_cache_add(cache, "1:2 3 4 5 file\n", &a, NULL);
        digest_cache_free(cache);

        cache = open_cache(path);
        assert_memory_equal(digest_cache_find(cache, "1:2 3 4 5 file\n", NULL), &a, sizeof(a));
        assert_memory_equal(digest_cache_find(cache, "another", &known), &b, sizeof(b));
        assert_true(json_equal(known, files));
        json_decref(files);
        assert_null(digest_cache_find(cache, "1:2 3 4 5", NULL));
        digest_cache_free(cache);
}

static void test_bounded(void **state)
{
        DigestInfo info = info_of('c');
        char name[16];
        (void)state;

        DigestCache *cache = open_cache(path);
        for (int i = 0; i < 200; i++) {
                (void)snprintf(name, sizeof(name), "%d", i);
                digest_cache_add(cache, name, &info, NULL);
        }
        digest_cache_free(cache);
        cache = open_cache(path);
        assert_null(digest_cache_find(cache, "100", NULL));
        assert_non_null(digest_cache_find(cache, "199", NULL));
        assert_non_null(digest_cache_find(cache, "150", NULL));
        digest_cache_free(cache);
}

static void test_damaged(void **state)
{
        static const char *const damage[] = {
                ": >%1$s",
                "head -c 100 %1$s >%1$s.cut; mv %1$s.cut %1$s",
                "head -c 3000 /dev/urandom >%1$s",
                "echo '[]' >%1$s",
                "echo '{\"format\": 2, \"models\": 7}' >%1$s",
                "echo '{\"format\": 2, \"models\": [7, {}, {\"files\": 5}, {\"files\": \"f\", \"digest\": \"x\"}]}' >%1$s",
                "sed -i 's/\"digest\": \"../\"digest\": \"zz/' %1$s",
                "sed -i 's/\"digest\": \"../\"digest\": \"/' %1$s",
                "sed -i 's/\"check\": \"mismatch\"/\"check\": \"certified\"/' %1$s",
                "sed -i 's/\"check\": \"mismatch\"/\"check\": 2/' %1$s",
                "sed -i 's/\"version\": \"0.1\"/\"version\": \"0123456789012345678901234567890123\"/' %1$s",
                "sed -i 's/\"version\": \"0.1\"/\"version\": \"\\\\u0000\"/' %1$s",
                "sed -i 's/\"digests\": {/&\"x\": 5, /' %1$s",
                "sed -i 's/\"digests\": {/&\"x\": \"5\", /' %1$s",
                "sed -i 's/\"files\": \"f\"/\"path\": \"f\"/' %1$s",
                "sed -i 's/\"format\": 2/\"format\": 1/' %1$s",
                "truncate -s 100M %1$s",
                "rm %1$s && mkdir %1$s",
                "rm -r %1$s && mkfifo %1$s",
                "rm %1$s && ln -s /etc/passwd %1$s",
        };
        DigestInfo info = info_of('d');
        json_t *files = json_pack("{s:s}", "y", info.digest);
        char command[1024];
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(damage); i++) {
                DigestCache *cache = open_cache(path);
                digest_cache_add(cache, "f", &info, files);
                digest_cache_free(cache);
                (void)snprintf(command, sizeof(command), damage[i], path);
                assert_int_equal(system(command), 0);
                cache = open_cache(path);
                if (digest_cache_find(cache, "f", NULL))
                        fail_msg("believed: %s", damage[i]);
                digest_cache_add(cache, "f", &info, NULL);
                assert_non_null(digest_cache_find(cache, "f", NULL));
                digest_cache_free(cache);
        }
        json_decref(files);
        /* All that is left is the file itself. */
        scratch_run("test \"$(ls -A two/folders)\" = digests.json");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_kept, setup, scratch_remove),
                cmocka_unit_test_setup_teardown(test_bounded, setup, scratch_remove),
                cmocka_unit_test_setup_teardown(test_damaged, setup, scratch_remove),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
