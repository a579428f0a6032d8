/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where keys come from, and that what quotes them loses them: the parts that need neither a bus nor a server. */

#include "keyring.h"

#include "net/key.h"

static Fake place;

static int set_up(void **state)
{
        (void)state;
        fake_make(&place);
        /* No bus may answer. */
        return setenv("CREDENTIALS_DIRECTORY", place.directory, 1) == 0 &&
                               setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/does/not/exist", 1) == 0
                       ? 0
                       : -1;
}

static int tear_down(void **state)
{
        (void)state;
        fake_remove(&place);
        return 0;
}

static int fetch(const char *stored, Key *ret, Error *error)
{
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/name", place.directory);
        write_file(path, stored);
        return key_fetch(ret, "name", 1000, error);
}

static void test_credentials(void **state)
{
        static const char *const bad[] = { "", "\n", "two words", "line\nbreak", "ume\xc3\xa4", "tab\tbed" };
        char long_text[KEY_MAX + 2];
        Key key = {};
        Error error;
        (void)state;

        assert_int_equal(fetch(THE_KEY, &key, &error), 0);
        assert_string_equal(key.text, THE_KEY);
        assert_int_equal(fetch(THE_KEY " \r\n", &key, &error), 0);
        assert_string_equal(key.text, THE_KEY);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                error = (Error) {};
                assert_int_equal(fetch(bad[i], &key, &error), NET_NO_KEY);
                assert_true(error.text[0]);
                assert_true(bad[i][0] < ' ' || !strstr(error.text, bad[i]));
        }
        memset(long_text, 'x', sizeof(long_text) - 1);
        long_text[sizeof(long_text) - 1] = '\0';
        assert_int_equal(fetch(long_text, &key, &error), NET_NO_KEY);
        long_text[KEY_MAX] = '\0';
        assert_int_equal(fetch(long_text, &key, &error), 0);
        key_done(&key);
        assert_string_equal(key.text, "");
}

static void test_names(void **state)
{
        static const char *const bad[] = { "", "../name", "a/b", ".", "..", ".hidden", "a b", "a\n" };
        Key key;
        Error error;
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(key_fetch(&key, bad[i], 1000, &error), -EINVAL);
        assert_int_equal(key_fetch(&key, "missing", 1000, &error), NET_NO_KEY);
        assert_non_null(strstr(error.text, "missing"));
}

static void assert_redacted(const char *text, const char *expected)
{
        const Key key = { .text = THE_KEY };
        char *copy = strdup(text);

        assert_non_null(copy);
        key_redact(&key, copy, strlen(copy));
        assert_string_equal(copy, expected);
        free(copy);
}

static void test_redaction(void **state)
{
        const Key none = {}, tiny = { .text = "abc" };
        char text[] = "an abc book";
        (void)state;

        assert_redacted("no key", "no key");
        assert_redacted("Bearer " THE_KEY "!", "Bearer ************************!");
        assert_redacted("starts sk-test- and ends KfPwLr8", "starts ******** and ends KfPwLr8");
        assert_redacted("sk-test 7Hq2mZx9 sk-test-", "sk-test ******** ********");
        assert_redacted(THE_KEY THE_KEY, "************************************************");
        key_redact(&none, text, strlen(text));
        assert_string_equal(text, "an abc book");
        key_redact(&tiny, text, strlen(text));
        assert_string_equal(text, "an *** book");
}

static void test_session(void **state)
{
        _cleanup_(secret_session_freep) SecretSession *session = NULL;
        uint8_t theirs[SECRET_PUBLIC_SIZE], key[16], iv[16] = "0123456789abcde", cipher[256];
        char text[256];
        (void)state;

        assert_int_equal(secret_session_new(&session), 0);
        keyring_agree(secret_session_public(session), SECRET_PUBLIC_SIZE, theirs, key);
        assert_int_equal(secret_session_open(session, iv, 16, cipher, 16, text, sizeof(text)), -EBADMSG);
        assert_int_equal(secret_session_agree(session, theirs, sizeof(theirs)), 0);
        int n = keyring_encrypt(key, iv, THE_KEY, cipher);
        assert_int_equal(secret_session_open(session, iv, 16, cipher, (size_t)n, text, sizeof(text)), strlen(THE_KEY));
        assert_string_equal(text, THE_KEY);
        assert_int_equal(secret_session_open(session, iv, 15, cipher, (size_t)n, text, sizeof(text)), -EBADMSG);
        assert_int_equal(secret_session_open(session, iv, 16, cipher, (size_t)n - 1, text, sizeof(text)), -EBADMSG);
        assert_int_equal(secret_session_open(session, iv, 16, cipher, (size_t)n, text, 20), -EFBIG);
        assert_int_equal(secret_session_open(session, iv, 16, cipher, (size_t)n - 16, text, sizeof(text)), -EBADMSG);
}

/* Numbers that would make everybody know the secret. */
static void test_dishonest_session(void **state)
{
        _cleanup_(secret_session_freep) SecretSession *session = NULL;
        uint8_t number[SECRET_PUBLIC_SIZE + 1] = {};
        BIGNUM *prime = BN_get_rfc2409_prime_1024(NULL);
        (void)state;

        assert_int_equal(secret_session_new(&session), 0);
        assert_int_equal(secret_session_agree(session, number, SECRET_PUBLIC_SIZE), -EBADMSG);
        number[SECRET_PUBLIC_SIZE - 1] = 1;
        assert_int_equal(secret_session_agree(session, number, SECRET_PUBLIC_SIZE), -EBADMSG);
        assert_int_equal(secret_session_agree(session, number, sizeof(number)), -EBADMSG);
        assert_int_equal(secret_session_agree(session, number, 0), -EBADMSG);
        assert_int_equal(BN_bn2binpad(prime, number, SECRET_PUBLIC_SIZE), SECRET_PUBLIC_SIZE);
        assert_int_equal(secret_session_agree(session, number, SECRET_PUBLIC_SIZE), -EBADMSG);
        number[SECRET_PUBLIC_SIZE - 1] -= 1;
        assert_int_equal(secret_session_agree(session, number, SECRET_PUBLIC_SIZE), -EBADMSG);
        BN_free(prime);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_credentials), cmocka_unit_test(test_names),   cmocka_unit_test(test_redaction),
                cmocka_unit_test(test_session),     cmocka_unit_test(test_dishonest_session),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
