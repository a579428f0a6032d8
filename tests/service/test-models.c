/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which folders and files are models, and what they are called. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/model-path.h"
#include "base/util.h"
#include "service/models.h"

static char dir[64];

static int make_dir(void **state)
{
        (void)state;
        char command[1024];
        (void)snprintf(dir, sizeof dir, "/tmp/models-XXXXXX");
        if (!mkdtemp(dir))
                return -1;
        (void)snprintf(command, sizeof command,
                       "cd %s && mkdir -p a/fox a/empty a/both b && touch a/fox/model_index.json a/both/model_index.json "
                       "a/both.safetensors a/single.safetensors a/single.vae.safetensors a/q.gguf a/old.ckpt a/note.txt "
                       "'a/sp ace.safetensors' a/.hidden.safetensors b/single.gguf b/own.safetensors && mkdir a/dir.gguf",
                       dir);
        return system(command);
}

static int remove_dir(void **state)
{
        (void)state;
        char command[128];
        (void)snprintf(command, sizeof command, "rm -r %s", dir);
        return system(command);
}

static void test_find(void **state)
{
        (void)state;
        static const char *const wanted[][2] = {
                { "both", "a/both" }, { "fox", "a/fox" }, { "old", "a/old.ckpt" }, { "own", "b/own.safetensors" },
                { "q", "a/q.gguf" },  { "single", "a/single.safetensors" },
        };
        char a[128], own[128];
        (void)snprintf(a, sizeof a, "%s/a", dir);
        (void)snprintf(own, sizeof own, "%s/b/own.safetensors", dir);
        char *const directories[] = { (char *)"/nonexistent", a, own, NULL };
        Models models;

        assert_int_equal(models_find(&models, directories), 0);
        assert_int_equal(models.n, ELEMENTSOF(wanted));
        for (size_t i = 0; i < models.n; i++) {
                char path[256], name[MODEL_NAME_MAX + 1];
                _cleanup_(freep) char *found = NULL;
                Error error = {};

                (void)snprintf(path, sizeof path, "%s/%s", dir, wanted[i][1]);
                assert_string_equal(models.items[i].name, wanted[i][0]);
                assert_string_equal(models.items[i].directory, path);
                assert_int_equal(models_resolve(directories, wanted[i][0], &found, name, &error), 0);
                assert_string_equal(found, path);
                assert_string_equal(name, wanted[i][0]);
        }
        models_clear(&models);
}

static void test_unknown(void **state)
{
        (void)state;
        static const char *const unknown[] = { "empty", "single.vae", "dir", "note", "sp ace", ".hidden", "single.safetensors" };
        char a[128], name[MODEL_NAME_MAX + 1];
        (void)snprintf(a, sizeof a, "%s/a", dir);
        char *const directories[] = { a, NULL };

        for (size_t i = 0; i < ELEMENTSOF(unknown); i++) {
                char *found = NULL;
                Error error = {};
                assert_int_equal(models_resolve(directories, unknown[i], &found, name, &error), -ENOPKG);
                assert_null(found);
        }
}

/* Where models are read, and why one that is there is not. */
static void test_sentences(void **state)
{
        (void)state;
        char a[128], broken[128], name[MODEL_NAME_MAX + 1], command[256], *found = NULL;
        char *const directories[] = { (char *)"/nonexistent", a, broken, NULL };
        static const char *const cases[][2] = {
                { "fix", "No model fix is installed below /nonexistent, /tmp/models-" },
                { "fix", "/a and /tmp/models-" },
                { "/home/me/fox.safetensors", "by name, not by path, and are read only below /nonexistent" },
                { "gone", "/a/gone.gguf cannot be read (No such file or directory); models are read only below" },
                { "away", "/b/away.safetensors cannot be read (No such file or directory)" },
        };

        (void)snprintf(a, sizeof a, "%s/a", dir);
        (void)snprintf(broken, sizeof broken, "%s/b/away.safetensors", dir);
        (void)snprintf(command, sizeof command, "ln -sf nowhere %s/a/gone.gguf && ln -sf nowhere %s", dir, broken);
        assert_int_equal(system(command), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Error error = {};
                assert_int_equal(models_resolve(directories, cases[i][0], &found, name, &error), -ENOPKG);
                if (!strstr(error.text, cases[i][1]))
                        fail_msg("\"%s\" instead of \"%s\"", error.text, cases[i][1]);
        }
}

static void test_tell_workers(void **state)
{
        (void)state;
        char *const directories[] = { (char *)"/one", (char *)"/two", NULL };

        models_tell_workers(directories);
        assert_string_equal(getenv(MODEL_PATH_VARIABLE), "/one:/two");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_find),
                cmocka_unit_test(test_unknown),
                cmocka_unit_test(test_sentences),
                cmocka_unit_test(test_tell_workers),
        };
        return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
