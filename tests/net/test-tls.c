/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whom the worker trusts, with a certificate authority of our own; and that a dry run shows what is sent, byte for byte. */

#include "draw.h"

static Fake fake, stranger, other_name, elsewhere;

static void run(const char *command)
{
        char line[1024];

        (void)snprintf(line, sizeof(line), "cd %s && { %s; } >log 2>&1", fake.directory, command);
        if (system(line) != 0) {
                (void)snprintf(line, sizeof(line), "cat %s/log", fake.directory);
                IGNORE(system(line));
                fail();
        }
}

/* NAME.pem and NAME.key, signed by AUTHORITY. */
static void certify(const char *name, const char *host, const char *authority)
{
        char command[768];

        (void)snprintf(command, sizeof(command),
                       "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key -subj /CN=%s -out %s.csr && "
                       "printf 'subjectAltName=DNS:%s' >ext && openssl x509 -req -in %s.csr -CA %s.pem -CAkey %s.key "
                       "-CAcreateserial -days 2 -extfile ext -out %s.pem",
                       name, host, name, host, name, authority, authority, name);
        run(command);
}

static void authorize(const char *name)
{
        char command[512];

        (void)snprintf(command, sizeof(command),
                       "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key -subj /CN=%s -days 2 "
                       "-addext basicConstraints=critical,CA:TRUE -out %s.pem", name, name, name);
        run(command);
}

static void borrow(Fake *another)
{
        char command[256];

        fake_make(another);
        (void)snprintf(command, sizeof(command), "cp %s/*.pem %s/*.key %s", fake.directory, fake.directory, another->directory);
        assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
        (void)state;
        if (system("command -v openssl >/dev/null 2>&1") != 0) {
                (void)fprintf(stderr, "no openssl on this machine\n");
                exit(77);
        }
        fake_make(&fake);
        authorize("ca");
        authorize("other-ca");
        certify("good", "localhost", "ca");
        certify("unknown", "localhost", "other-ca");
        certify("wrong", "elsewhere.example", "ca");
        borrow(&stranger);
        borrow(&other_name);
        borrow(&elsewhere);
        fake_start(&fake, "good");
        fake_start(&stranger, "unknown");
        fake_start(&other_name, "wrong");
        fake_start(&elsewhere, "good");
        return setenv("IMAGINED_NET_TEST_WAIT_MS", "1", 1);
}

static int tear_down(void **state)
{
        (void)state;
        fake_remove(&stranger);
        fake_remove(&other_name);
        fake_remove(&elsewhere);
        fake_remove(&fake);
        return 0;
}

static void with_authority(NetAsk *ask)
{
        (void)snprintf(ask->ca, sizeof(ask->ca), "%s/ca.pem", fake.directory);
}

static void test_trusted(void **state)
{
        (void)state;
        Outcome o = ask_with(&fake, "ok", with_authority);
        if (o.code != 0)
                fail_msg("%s", o.text);
        assert_string_equal(o.results[0], "A red fox at dawn, golden light, watercolour");
        outcome_done(&o);
}

/* Not a byte of the question reaches them. */
static void assert_distrusted(const Fake *server, void (*change)(NetAsk *ask))
{
        fake_forget(server);
        Outcome o = ask_with(server, "ok", change);

        assert_int_equal(o.code, NET_UNREACHABLE);
        if (!strstr(o.text, "trusted"))
                fail_msg("%s", o.text);
        assert_int_equal(fake_count(server, "received"), 0);
        outcome_done(&o);
}

static void missing_authority(NetAsk *ask)
{
        (void)snprintf(ask->ca, sizeof(ask->ca), "/does/not/exist.pem");
}

static void test_distrusted(void **state)
{
        (void)state;
        assert_distrusted(&stranger, with_authority);
        assert_distrusted(&other_name, with_authority);
        assert_distrusted(&fake, missing_authority);
        if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) == 0)
                assert_distrusted(&fake, NULL);
}

static void dry(NetAsk *ask)
{
        with_authority(ask);
        ask->flags |= NET_ASK_DRY_RUN;
        ask->tokens = 300;
        ask->temperature = 0.7;
        (void)snprintf(ask->key, sizeof(ask->key), "openai");
}

static void wet(NetAsk *ask)
{
        dry(ask);
        ask->flags &= ~(uint32_t)NET_ASK_DRY_RUN;
}

/* What the dry run shows, with the key in the mark's place, is what the server then gets. */
static void test_dry_run(void **state)
{
        char path[PATH_MAX], expected[8192];
        (void)state;

        (void)snprintf(path, sizeof(path), "%s/openai", fake.directory);
        write_file(path, THE_KEY "\n");
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", fake.directory, 1), 0);
        fake_forget(&fake);
        Outcome shown = ask_with(&fake, "ok", dry);
        assert_int_equal(shown.code, 0);
        assert_int_equal(fake_count(&fake, "connections"), 0);
        assert_int_equal(shown.infos[0].kind, NET_RESULT_REQUEST);

        Outcome sent = ask_with(&fake, "ok", wet);
        _cleanup_(freep) char *received = fake_file(&fake, "received");
        const char *mark = shown.results[0] ? strstr(shown.results[0], "<the key openai>") : NULL;
        assert_int_equal(sent.code, 0);
        if (!mark) {
                fail_msg("%s", shown.results[0]);
                return;
        }
        (void)snprintf(expected, sizeof(expected), "%.*s" THE_KEY "%s", (int)(mark - shown.results[0]), shown.results[0],
                       mark + strlen("<the key openai>"));
        assert_string_equal(received, expected);
        outcome_done(&shown);
        outcome_done(&sent);
        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void keyed(NetAsk *ask)
{
        with_authority(ask);
        (void)snprintf(ask->key, sizeof(ask->key), "openai");
}

static Outcome follow_link(const Fake *to, const char *name)
{
        char play[64], port[16];

        (void)snprintf(play, sizeof(play), "elsewhere-%u-%s", to->port, name);
        (void)snprintf(port, sizeof(port), "%u", to->port);
        assert_int_equal(setenv("IMAGINED_NET_TEST_LINK_PORT", port, 1), 0);
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", fake.directory, 1), 0);
        fake_forget(&fake);
        fake_forget(to);
        Outcome o = draw_with(&fake, NET_DIALECT_OPENAI_IMAGES, &(Play) { play, .change = keyed });
        assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
        assert_int_equal(unsetenv("IMAGINED_NET_TEST_LINK_PORT"), 0);
        return o;
}

/* A picture may lie with another host, which gets no key; what that host sends to is looked at likewise. */
static void test_links_elsewhere(void **state)
{
        (void)state;

        Outcome o = follow_link(&elsewhere, "red.png");
        if (o.code != 0)
                fail_msg("%s", o.text);
        _cleanup_(freep) char *asked = fake_file(&fake, "received"), *fetched = fake_file(&elsewhere, "received");
        assert_non_null(strstr(asked, THE_KEY));
        assert_null(strstr(fetched, THE_KEY));
        assert_non_null(strstr(fetched, "GET /ok/files/red.png"));
        assert_memory_equal(o.results[0], PNG_START, strlen(PNG_START));
        outcome_done(&o);

        static const char *const names[] = { "to-plain", "to-file", "to-port", "to-private", "to-self", "expired" };
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                o = follow_link(&elsewhere, names[i]);
                if (o.code != NET_BAD_ANSWER)
                        fail_msg("%s: %d %s", names[i], o.code, o.text);
                outcome_done(&o);
        }
        o = follow_link(&stranger, "red.png");
        assert_int_equal(o.code, NET_UNREACHABLE);
        assert_non_null(strstr(o.text, "trusted"));
        outcome_done(&o);
}

/* Each kind of server, over TLS. */
static void test_all_kinds(void **state)
{
        (void)state;
        for (int dialect = NET_DIALECT_OPENAI_IMAGES; dialect < NET_DIALECT_PROGRAM; dialect++) {
                Outcome o = draw_with(&fake, (NetDialect)dialect, &(Play) { "ok", .change = with_authority });
                if (o.code != 0)
                        fail_msg("%s: %s", net_dialect_to_string((NetDialect)dialect), o.text);
                assert_int_equal(o.n_results, 1);
                outcome_done(&o);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_trusted), cmocka_unit_test(test_distrusted), cmocka_unit_test(test_dry_run),
                cmocka_unit_test(test_links_elsewhere), cmocka_unit_test(test_all_kinds),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
