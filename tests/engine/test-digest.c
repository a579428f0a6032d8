/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A model's digest and its SHA256SUMS: against what sha256sum says of the same files. */

#include "tests/engine/child.h"

#include "engine/model/digest.h"
#include "engine/verify.h"
#include "tests/scratch.h"

static char path[128]; /* of the model */

static int setup(void **state)
{
        int r = scratch_make(state);
        (void)snprintf(path, sizeof(path), "%s/m", scratch);
        return r;
}

/* A new copy of the tiny model, with a SHA256SUMS that sha256sum itself has written. */
static void make_model(void)
{
        scratch_run("rm -rf m && cp -RL $SOURCE/tests/fixtures/tiny-model m && cd m && "
                    "find . -type f -printf '%%P\\n' | LC_ALL=C sort | xargs sha256sum >../sums && mv ../sums SHA256SUMS");
}

static ModelDigest digest_of(const char *model)
{
        ModelDigest digest;
        Error error = {};

        if (model_digest(&digest, NULL, model, NULL, NULL, &error) < 0)
                fail_msg("%s", error.text);
        return digest;
}

static void test_definition(void **state)
{
        char line[128] = "", command[256];
        (void)state;

        make_model();
        ModelDigest listed = digest_of(path);
        assert_int_equal(listed.check, DIGEST_VERIFIED);
        assert_string_equal(listed.difference, "");
        (void)snprintf(command, sizeof(command), "sha256sum <%s/SHA256SUMS", path);
        FILE *pipe = popen(command, "r");
        assert_non_null(pipe);
        assert_non_null(fgets(line, sizeof(line), pipe));
        (void)pclose(pipe);
        assert_memory_equal(listed.digest, line, 64);

        /* SHA256SUMS itself does not count. */
        scratch_run("rm m/SHA256SUMS");
        ModelDigest unlisted = digest_of(path);
        assert_int_equal(unlisted.check, DIGEST_UNLISTED);
        assert_string_equal(unlisted.digest, listed.digest);
}

/* What the worker sends along is what sha256sum says of each file. */
static void test_list(void **state)
{
        char *list = NULL;
        ModelDigest digest;
        (void)state;

        make_model();
        assert_int_equal(model_digest(&digest, &list, path, NULL, NULL, NULL), 0);
        FILE *f = fopen(scratch_path("list"), "we");
        assert_non_null(f);
        assert_true(fputs(list, f) >= 0 && fclose(f) == 0);
        scratch_run("cmp list m/SHA256SUMS");
        free(list);
}

/* A model of one file, with what lies beside it for it. */
static void test_beside(void **state)
{
        char line[128] = "", command[256];
        (void)state;

        scratch_run("echo 1 >n.safetensors; echo 2 >n.vae.safetensors; echo 3 >n.json; echo 4 >o.json");
        (void)snprintf(command, sizeof(command), "cd %s && sha256sum n.json n.safetensors n.vae.safetensors | sha256sum", scratch);
        FILE *pipe = popen(command, "r");
        assert_non_null(pipe);
        assert_non_null(fgets(line, sizeof(line), pipe));
        (void)pclose(pipe);
        ModelDigest digest = digest_of(scratch_path("n.safetensors"));
        assert_memory_equal(digest.digest, line, 64);
        assert_int_equal(digest.check, DIGEST_UNLISTED);
}

/* NIST's example of one block, and one that fills several chunks. */
static void test_one_file(void **state)
{
        (void)state;

        scratch_run("printf abc >abc");
        ModelDigest digest = digest_of(scratch_path("abc"));
        assert_int_equal(digest.check, DIGEST_UNLISTED);
        scratch_run("echo 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  abc' | sha256sum | grep -q %s",
                    digest.digest);
        scratch_run("head -c 1000003 /dev/zero >abc");
        digest = digest_of(scratch_path("abc"));
        scratch_run("sha256sum abc | sha256sum | grep -q %s", digest.digest);
}

/* What sha256sum takes for right, and what it does not. */
static void test_mismatches(void **state)
{
        static const struct {
                const char *change, *difference; /* NULL: it is as it should be */
        } cases[] = {
                { "sed -i 's/^[0-9a-f]*/\\U&/; s/  / */' SHA256SUMS", NULL },
                { "sed -i 's,  ,  ./,' SHA256SUMS", NULL },
                { "sort -R -o SHA256SUMS SHA256SUMS && echo >>SHA256SUMS && touch .hidden", NULL },
                { "echo >>vae/config.json", "vae/config.json differs from SHA256SUMS" },
                { "rm vae/config.json", "vae/config.json is in SHA256SUMS but not here" },
                { "echo >extra", "extra is not in SHA256SUMS" },
                { "touch \"$(printf 'ex\\377')\"", "a file is not in SHA256SUMS" },
                { "sed -i 's/^.//' SHA256SUMS", "SHA256SUMS has a line that sha256sum does not write" },
                { "sed -i 's/  / /' SHA256SUMS", "SHA256SUMS has a line that sha256sum does not write" },
                { "sed -i '1s/.*/# comment/' SHA256SUMS", "SHA256SUMS has a line that sha256sum does not write" },
                { "sed -i '1d' SHA256SUMS", " is not in SHA256SUMS" },
                { ": >SHA256SUMS", " is not in SHA256SUMS" },
                { "head -c 100 /dev/zero >>SHA256SUMS", "SHA256SUMS is no text" },
                { "sed -i '$ s,  .*,  ../../etc/passwd,' SHA256SUMS",
                  "../../etc/passwd is in SHA256SUMS but not here" },
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                make_model();
                scratch_run("cd m && %s", cases[i].change);
                ModelDigest digest = digest_of(path);
                if (!cases[i].difference)
                        assert_int_equal(digest.check, DIGEST_VERIFIED);
                else if (digest.check != DIGEST_MISMATCH || !strstr(digest.difference, cases[i].difference))
                        fail_msg("%s: %d, '%s'", cases[i].change, (int)digest.check, digest.difference);
        }
}

static void test_unreadable(void **state)
{
        ModelDigest digest = { .check = 99 };
        Error error = {};
        (void)state;

        assert_int_equal(model_digest(&digest, NULL, "/nonexistent", NULL, NULL, &error), -ENOENT);
        make_model();
        scratch_run("rm m/SHA256SUMS && mkdir m/SHA256SUMS");
        assert_true(model_digest(&digest, NULL, path, NULL, NULL, &error) < 0);
        scratch_run("rm -r m/SHA256SUMS && mkfifo m/SHA256SUMS");
        assert_int_equal(model_digest(&digest, NULL, path, NULL, NULL, &error), -EBADMSG);
        assert_int_equal(digest.check, 99);
}

/* The service asks whether it goes on. */
static void test_pings_are_answered_meanwhile(void **state)
{
        Message m = { .version = PROTOCOL_VERSION, .type = MESSAGE_PING, .ping = 7 };
        int pair[2], fd;
        (void)state;

        make_model();
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(protocol_send(pair[0], &m, -1), 0);
        assert_int_equal(verify_tell_digest(pair[1], path), 0);
        assert_int_equal(protocol_receive(pair[0], &m, &fd), 1);
        assert_int_equal(m.type, MESSAGE_PONG);
        assert_int_equal(m.pong.ping, 7);
        assert_int_equal(protocol_receive(pair[0], &m, &fd), 1);
        assert_int_equal(m.type, MESSAGE_DIGEST);
        (void)close(fd);
        (void)close(pair[0]);
        (void)close(pair[1]);
}

/* --- the program --- */

static void test_worker_tells_the_digest(void **state)
{
        (void)state;
        make_model();
        Child child = start_with(path, "--digest");
        const Message *m = receive(&child);
        assert_int_equal(m->type, MESSAGE_DIGEST);
        assert_int_equal(m->digest.check, MODEL_VERIFIED);
        assert_string_equal(m->digest.digest, digest_of(path).digest);
        assert_string_equal(m->digest.name, "tiny");
        assert_string_equal(m->digest.version, "1");
        assert_true(child.fd >= 0);
        scratch_run("cmp /proc/%d/fd/%d m/SHA256SUMS", (int)getpid(), child.fd);
        assert_int_equal(finish(&child), 0);

        /* Nothing is loaded: a model that could not be has a digest, too. */
        scratch_run("echo nonsense >m/unet/config.json && echo nonsense >m/imagined.json");
        child = start_with(path, "--digest");
        m = receive(&child);
        assert_int_equal(m->type, MESSAGE_DIGEST);
        assert_int_equal(m->digest.check, MODEL_MISMATCH);
        assert_string_equal(m->digest.version, "");
        assert_int_equal(finish(&child), 0);

        child = start_with("/nonexistent", "--digest");
        assert_int_equal(receive(&child)->type, MESSAGE_FAILED);
        assert_int_equal(finish(&child), 1);
}

static void test_worker_verifies(void **state)
{
        (void)state;
        make_model();
        Child child = start_with(path, "--verify");
        assert_int_equal(receive(&child)->type, MESSAGE_DIGEST);
        assert_int_equal(receive(&child)->type, MESSAGE_READY);
        assert_int_equal(finish(&child), 0);

        /* A difference that loading would not notice. */
        scratch_run("echo >>m/unet/config.json");
        child = start_with(path, "--verify");
        const Message *m = receive(&child);
        assert_int_equal(m->type, MESSAGE_DIGEST);
        assert_string_equal(m->digest.difference, "unet/config.json differs from SHA256SUMS");
        m = receive(&child);
        assert_int_equal(m->type, MESSAGE_FAILED);
        assert_int_equal(m->failed.code, -EBADMSG);
        assert_string_equal(m->failed.text, "unet/config.json differs from SHA256SUMS");
        assert_int_equal(finish(&child), 1);

        /* Without the list nothing is said. */
        scratch_run("rm m/SHA256SUMS");
        child = start_with(path, "--verify");
        assert_int_equal(receive(&child)->type, MESSAGE_READY);
        assert_int_equal(finish(&child), 0);
}

/* The model of this project. */
static void test_default_model(void **state)
{
        (void)state;
        assert_int_equal(system("cd model/default && sha256sum --quiet --strict -c SHA256SUMS"), 0);
        ModelDigest digest = digest_of("model/default");
        if (digest.check != DIGEST_VERIFIED)
                fail_msg("%s", digest.difference);
        char command[256];
        (void)snprintf(command, sizeof(command), "sha256sum model/default/SHA256SUMS | grep -q %s", digest.digest);
        assert_int_equal(system(command), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_definition), cmocka_unit_test(test_list), cmocka_unit_test(test_beside),
                cmocka_unit_test(test_one_file),
                cmocka_unit_test(test_mismatches),
                cmocka_unit_test(test_unreadable),
                cmocka_unit_test(test_pings_are_answered_meanwhile),
                cmocka_unit_test(test_worker_tells_the_digest),
                cmocka_unit_test(test_worker_verifies),
                cmocka_unit_test(test_default_model),
        };
        return cmocka_run_group_tests(tests, setup, scratch_remove);
}
