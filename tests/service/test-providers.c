/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is known of providers, whether they would draw, and pictures that somebody has had drawn by hand. */

#include "remote.h"

static Place place;
static Fake fake;

static int set_up(void **state)
{
        (void)state;
        return remote_set_up(&place, &fake);
}

static int tear_down(void **state)
{
        (void)state;
        return remote_tear_down(&place, &fake);
}

/* "NAME:PRICE:ready?" of each provider, a question mark where it was not asked. */
static void list_providers(sd_bus *bus, char ret[static 2048])
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *name, *key;

        ret[0] = '\0';
        assert_true(manager_call(bus, "ListProviders", NULL, &reply, NULL) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "(sa{sv})") >= 0);
        while (sd_bus_message_enter_container(reply, 'r', "sa{sv}") > 0) {
                int64_t price = -1;
                int ready = -1;
                assert_true(sd_bus_message_read(reply, "s", &name) >= 0);
                assert_true(sd_bus_message_enter_container(reply, 'a', "{sv}") >= 0);
                while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                        assert_true(sd_bus_message_read(reply, "s", &key) >= 0);
                        assert_true((streq(key, "price")   ? sd_bus_message_read(reply, "v", "x", &price)
                                     : streq(key, "ready") ? sd_bus_message_read(reply, "v", "b", &ready)
                                                           : sd_bus_message_skip(reply, "v")) >= 0);
                        assert_true(sd_bus_message_exit_container(reply) >= 0);
                }
                assert_true(sd_bus_message_exit_container(reply) >= 0);
                assert_true(sd_bus_message_exit_container(reply) >= 0);
                (void)snprintf(ret + strlen(ret), 2048 - strlen(ret), "%s:%lld:%s ", name, (long long)price, ready < 0 ? "?" : ready ? "yes" : "no");
        }
}

static bool is_ready(sd_bus *bus, const char *name)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *key;
        int ready = -1;

        assert_true(manager_call(bus, "CheckProvider", NULL, &reply, "s", name) >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "{sv}") >= 0);
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                assert_true(sd_bus_message_read(reply, "s", &key) >= 0);
                assert_true((streq(key, "ready") ? sd_bus_message_read(reply, "v", "b", &ready) : sd_bus_message_skip(reply, "v")) >= 0);
                assert_true(sd_bus_message_exit_container(reply) >= 0);
        }
        assert_true(ready >= 0);
        return ready;
}

static void test_providers(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char listed[2048];
        (void)state;

        list_providers(bus, listed);
        assert_int_equal(strncmp(listed, "local:0:yes ok:20000:? ", 23), 0);
        assert_non_null(strstr(listed, " unknown:-1:?"));
        assert_null(strstr(listed, "chat")); /* makes no pictures */
        consent_to_all(bus);
        assert_true(is_ready(bus, "local"));
        assert_true(is_ready(bus, "ok"));
        assert_false(is_ready(bus, "last"));
        list_providers(bus, listed);
        assert_non_null(strstr(listed, "ok:20000:yes"));
        assert_non_null(strstr(listed, "last:10000:no"));
        assert_true(manager_call(bus, "CheckProvider", &error, NULL, "s", "nobody") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NOT_CONFIGURED);
        /* Not even this is sent without consent. */
        assert_true(manager_call(bus, "SetConsent", NULL, NULL, "sb", "ok", 0) >= 0);
        fake_forget(&fake);
        assert_true(manager_call(bus, "CheckProvider", &error, NULL, "s", "ok") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_CONSENT);
        assert_nothing_left(&fake);
        consent(bus, "ok");
}

static int import(sd_bus *bus, JobRef *job, int fd, const char *provider, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *path;

        int r = manager_call(bus, "Import", error, &reply, "hsa{sv}", fd, "a red fox --ar 1:1", 1, "provider", "s", provider);
        if (r >= 0)
                r = sd_bus_message_read(reply, "uo", &job->id, &path);
        if (r >= 0)
                (void)snprintf(job->path, sizeof(job->path), "%s", path);
        return r;
}

/* A picture that was drawn elsewhere by hand is stamped like the others, and nothing is sent. */
static void test_import(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(closep) int picture = sealed_file("tests/fixtures/pictures/baseline.jpg", SIZE_MAX), text = sealed_of("no picture");
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char data[32768], name[128], sentence[512];
        JobRef job;
        (void)state;

        fake_forget(&fake);
        assert_true(import(bus, &job, picture, "midjourney", NULL) >= 0);
        assert_done(bus, job.path);
        _cleanup_(closep) int fd = get_result(bus, job.path, 0, NULL);
        ssize_t n = pread(fd, data, sizeof(data), 0);
        assert_memory_equal(data, "\x89PNG", 4);
        assert_non_null(memmem(data, (size_t)n, "Provider: midjourney", 20));
        assert_non_null(memmem(data, (size_t)n, "a red fox --ar 1:1", 18));
        assert_string_equal(provenance_of(bus, job.path).provider, "midjourney");
        assert_true(import(bus, &job, text, "midjourney", NULL) >= 0);
        wait_for_end(bus, job.path, name, sentence);
        assert_string_equal(name, IMAGINE_ERROR_INVALID_ARGS); /* there is no server that could have failed */
        assert_null(strstr(sentence, "server"));
        assert_true(import(bus, &job, picture, "local", &error) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_nothing_left(&fake);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_providers),
                cmocka_unit_test(test_import),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
