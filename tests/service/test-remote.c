/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pictures that others draw, on a real bus with the real programs: the job like any other, the gate that lets nothing through
 * that must stay, the fall-back, and what it has cost. */

#include "../net/harness.h"
#include "inputs.h"
#include "records/records.h"
#include "service/remote/ledger.h"

#define PRIVATE_PROMPT "a fox that nobody shall know of"
#define CENT (MONEY_UNIT / 100)

static Place place;
static Fake fake;

/* What the fake server plays, each a provider of that name; 127.1 is this machine, but not by a name that says so. */
static const char *const plays[] = {
        "ok", "fields", "seeds", "moderation", "429", "401", "500", "html", "bomb", "text-as-picture", "silent", "stream", "stream-cut",
        "empty-data", "quota", "link-expired", "photographs",
};

static const char rules[] =
                "remote = { budget = { currency = \"USD\"; picture = 0.05; day = 1; }; private = { words = [\"confidential\"]; };\n"
                "restrictions = ( { words = [\"logo\"]; providers = [\"ok\", \"local\"]; reason = \"ours are drawn by hand\"; } );\n"
                "routes = ( { purpose = \"fall-back\"; providers = [\"unknown\", \"last\", \"500\", \"ok\"]; },\n"
                "{ purpose = \"home\"; providers = [\"last\", \"local\"]; }, { purpose = \"cheap\"; providers = [\"fields\", \"ok\"]; price = 0.03; },\n"
                "{ purpose = \"nobody\"; providers = [\"last\", \"500\"]; } ); };\n";

static void write_settings(char *text, size_t size)
{
        size_t n = (size_t)snprintf(text, size, "log_level = \"debug\"; engine = \"own\"; provider_tables = [];\n%s servers = (\n", rules);

        for (size_t i = 0; i < ELEMENTSOF(plays); i++)
                n += (size_t)snprintf(text + n, size - n,
                                      "{ name = \"%s\"; dialect = \"openai-images\"; url = \"http://127.1:%u/%s/v1\"; model = \"%s\"; price = %s;%s },\n",
                                      plays[i], fake.port, plays[i], streq(plays[i], "seeds") ? "anything" : "gpt-image-1",
                                      streq(plays[i], "fields") ? "0.04" : "0.02", strncmp(plays[i], "stream", 6) == 0 ? " stream = true;" : "");
        (void)snprintf(text + n, size - n,
                       "{ name = \"last\"; dialect = \"openai-images\"; url = \"http://127.1:1/v1\"; price = 0.01; },\n"
                       "{ name = \"dear\"; dialect = \"openai-images\"; url = \"http://127.1:%u/ok/v1\"; price = 0.5; },\n"
                       "{ name = \"unknown\"; dialect = \"openai-images\"; url = \"http://127.1:%u/ok/v1\"; },\n"
                       "{ name = \"chat\"; url = \"http://127.1:%u/ok/v1\"; } );\n", fake.port, fake.port, fake.port);
}

static void consent(sd_bus *bus, const char *server)
{
        assert_true(manager_call(bus, "SetConsent", NULL, NULL, "sb", server, 1) >= 0);
}

static int set_up(void **state)
{
        char settings[8192];
        (void)state;

        fake_make(&fake);
        fake_start(&fake, NULL);
        assert_int_equal(setenv("XDG_STATE_HOME", fake.directory, 1), 0);
        assert_int_equal(setenv("XDG_RUNTIME_DIR", fake.directory, 1), 0);
        assert_int_equal(setenv("IMAGINED_NET_TEST_WAIT_MS", "1", 1), 0);
        place_open_bus(&place, true);
        place.has_engine = true;
        place_add_tiny_model(&place);
        write_settings(settings, sizeof(settings));
        place_start_service(&place, settings);
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        place_close(&place);
        fake_remove(&fake);
        return 0;
}

static void consent_to_all(sd_bus *bus)
{
        for (size_t i = 0; i < ELEMENTSOF(plays); i++)
                consent(bus, plays[i]);
        consent(bus, "last");
        consent(bus, "dear");
        consent(bus, "unknown");
}

static void assert_nothing_left(void)
{
        assert_int_equal(fake_count(&fake, "connections"), 0);
        assert_int_equal(fake_count(&fake, "received"), 0);
}

static void assert_done(sd_bus *bus, const char *path)
{
        char name[128], text[512];

        wait_for_end(bus, path, name, text);
        if (name[0])
                fail_msg("%s: %s", name, text);
}

/* A job of that provider that is done. */
#define draw(bus, job, provider, ...)                                                    \
        do {                                                                             \
                assert_true(generate(bus, job, __VA_ARGS__, "provider", "s", provider) >= 0); \
                assert_done(bus, (job)->path);                                           \
        } while (0)

/* The job's property Provenance: texts, amounts, and notes in one. */
typedef struct Known {
        char provider[64], model[64], terms[64], notes[1024];
        int64_t reserved, cost;
} Known;

static void read_notes(sd_bus_message *m, char notes[static 1024])
{
        const char *note;

        assert_true(sd_bus_message_enter_container(m, 'v', "as") >= 0);
        assert_true(sd_bus_message_enter_container(m, 'a', "s") >= 0);
        while (sd_bus_message_read(m, "s", &note) > 0)
                (void)snprintf(notes + strlen(notes), 1024 - strlen(notes), "%s\n", note);
        assert_true(sd_bus_message_exit_container(m) >= 0);
        assert_true(sd_bus_message_exit_container(m) >= 0);
}

static Known provenance_of(sd_bus *bus, const char *path)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Known known = { .reserved = -1, .cost = -1 };
        const char *key, *text;

        assert_true(sd_bus_get_property(bus, IMAGINE_BUS_NAME, path, IMAGINE_JOB_INTERFACE, "Provenance", NULL, &reply, "a{sv}") >= 0);
        assert_true(sd_bus_message_enter_container(reply, 'a', "{sv}") >= 0);
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                assert_true(sd_bus_message_read(reply, "s", &key) >= 0);
                if (streq(key, "notes"))
                        read_notes(reply, known.notes);
                else if (streq(key, "reserved"))
                        assert_true(sd_bus_message_read(reply, "v", "x", &known.reserved) >= 0);
                else if (streq(key, "cost"))
                        assert_true(sd_bus_message_read(reply, "v", "x", &known.cost) >= 0);
                else if (sd_bus_message_read(reply, "v", "s", &text) < 0)
                        assert_true(sd_bus_message_skip(reply, "v") >= 0);
                else if (streq(key, "provider"))
                        (void)snprintf(known.provider, sizeof(known.provider), "%s", text);
                else if (streq(key, "model"))
                        (void)snprintf(known.model, sizeof(known.model), "%s", text);
                assert_true(sd_bus_message_exit_container(reply) >= 0);
        }
        return known;
}

static int64_t spent_today(void)
{
        int64_t day, month;

        assert_int_equal(ledger_sums(&day, &month, "USD", time(NULL), NULL), 0);
        return day;
}

static void test_without_consent(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        fake_forget(&fake);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "provider", "s", "ok") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_CONSENT);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "provider", "s", "nobody") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NOT_CONFIGURED);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "provider", "s", "chat") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NOT_CONFIGURED);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "purpose", "s", "nobody") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_NO_CONSENT);
        assert_nothing_left();
        assert_int_equal(spent_today(), 0);
}

static void test_dry_run(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        char text[4096] = "", kind[64];
        JobRef job;
        (void)state;

        fake_forget(&fake);
        draw(bus, &job, "ok", "a red fox", 3, "dry-run", "b", 1, "width", "u", 1024);
        _cleanup_(closep) int fd = get_result(bus, job.path, 0, NULL);
        assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
        assert_int_equal(strncmp(text, "POST /ok/v1/images/generations HTTP/1.1\r\n", 40), 0);
        assert_non_null(strstr(text, "a red fox"));
        assert_non_null(strstr(text, "1024x1024"));
        assert_true(job_string(bus, job.path, "Kind", kind) >= 0);
        assert_string_equal(kind, IMAGINE_KIND_REQUESTS);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "dry-run", "b", 1) < 0); /* here nothing is sent */
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_nothing_left();
        assert_int_equal(spent_today(), 0);
}

/* Everything that may not leave: not one byte does. */
static void test_gate(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(closep) int picture = sealed_file("tests/fixtures/pictures/rgb.png", SIZE_MAX);
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        consent_to_all(bus);
        fake_forget(&fake);
        assert_true(generate_error(bus, &job, &error, PRIVATE_PROMPT, 2, "provider", "s", "ok", "private", "b", 1) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_WITHHELD);
        assert_true(generate_error(bus, &job, &error, "a Confidential fox", 1, "provider", "s", "ok") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_WITHHELD);
        assert_true(generate_error(bus, &job, &error, "a fox", 2, "provider", "s", "seeds", "negative-prompt", "s", "CONFIDENTIAL things") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_WITHHELD);
        assert_true(generate_error(bus, &job, &error, "a fox", 2, "provider", "s", "ok", "init-image", "h", picture) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_WITHHELD);
        assert_true(generate_error(bus, &job, &error, "our logo", 1, "provider", "s", "ok") < 0);
        assert_non_null(strstr(error.message, "drawn by hand"));
        assert_bus_error(&error, IMAGINE_ERROR_WITHHELD);
        assert_true(generate_error(bus, &job, &error, "our logo", 1, "provider", "s", "local") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_WITHHELD);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "provider", "s", "dear") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_OVER_BUDGET);
        assert_true(generate_error(bus, &job, &error, "a fox", 1, "provider", "s", "unknown") < 0);
        assert_bus_error(&error, IMAGINE_ERROR_OVER_BUDGET);
        assert_true(generate_error(bus, &job, &error, "a fox", 2, "provider", "s", "ok", "sampler", "s", "euler") < 0);
        assert_non_null(strstr(error.message, "sampler"));
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_true(generate_error(bus, &job, &error, "a fox", 2, "provider", "s", "ok", "seed", "t", UINT64_C(1)) < 0);
        assert_non_null(strstr(error.message, "seed"));
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_nothing_left();
        assert_int_equal(spent_today(), 0);
}

static int take_record(json_t *record, void *userdata)
{
        json_t **ret = userdata;

        *ret = json_incref(record);
        return 0;
}

/* The user's records say who drew the last picture, and for how much. */
static void assert_recorded(const char *provider)
{
        _cleanup_(records_closep) Records *records = NULL;
        char path[PATH_MAX];
        json_t *record = NULL;

        (void)snprintf(path, sizeof(path), "%s/imagined/records/records.db", place.directory);
        assert_int_equal(records_open(&records, path, RECORDS_EXIST, NULL), 0);
        assert_int_equal(records_search(records, &(RecordsQuery) { .limit = 1 }, take_record, &record, NULL), 0);
        assert_string_equal(json_string_value(json_object_get(record, "provider")), provider);
        assert_string_equal(json_string_value(json_object_get(record, "currency")), "USD");
        assert_string_equal(json_string_value(json_object_get(record, "model")), "gpt-image-1");
        assert_int_equal(json_string_length(json_object_get(record, "pixels")), 64);
        json_decref(record);
}

static void test_drawn(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char data[16384], provider[64];
        uint32_t width;
        JobRef job;
        (void)state;

        const int64_t before = spent_today();
        draw(bus, &job, "ok", "a red fox", 4, "count", "u", 2, "width", "u", 800, "height", "u", 600);
        for (uint32_t i = 0; i < 2; i++) {
                _cleanup_(closep) int fd = get_result(bus, job.path, i, NULL);
                assert_is_png(fd, 800, 600);
                ssize_t n = pread(fd, data, sizeof(data), 0);
                assert_non_null(memmem(data, (size_t)n, "Provider: ok", 12));
                assert_non_null(memmem(data, (size_t)n, "trainedAlgorithmicMedia", 23));
        }
        assert_true(job_string(bus, job.path, "Provider", provider) >= 0);
        assert_string_equal(provider, "ok");
        assert_true(job_u32(bus, job.path, "Width", &width) >= 0);
        assert_int_equal(width, 800);
        const Known known = provenance_of(bus, job.path);
        assert_string_equal(known.model, "gpt-image-1");
        assert_non_null(strstr(known.notes, "draws 1536x1024, cut and resized to 800x600"));
        assert_int_equal(known.reserved, 4 * CENT);
        assert_int_equal(known.cost, 4 * CENT);
        assert_int_equal(spent_today(), before + 4 * CENT);
        assert_recorded("ok");
}

/* As large as pictures of a megapixel and more are, in one answer. */
static void test_large(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job;
        (void)state;

        draw(bus, &job, "photographs", "a red fox", 3, "count", "u", 2, "width", "u", 64);
        _cleanup_(closep) int fd = get_result(bus, job.path, 1, NULL);
        assert_is_png(fd, 64, 64);
}

/* What the server is told, and what is left out when that is permitted. */
static void test_best_effort(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        JobRef job;
        (void)state;

        draw(bus, &job, "fields", "a red fox", 5, "best-effort", "b", 1, "sampler", "s", "euler", "seed", "t", UINT64_C(5), "negative-prompt", "s", "text");
        const Known known = provenance_of(bus, job.path);
        assert_non_null(strstr(known.notes, "sampler"));
        assert_non_null(strstr(known.notes, "seed"));
        assert_non_null(strstr(known.notes, "negative-prompt"));
        fake_forget(&fake);
        draw(bus, &job, "seeds", "a red fox", 3, "seed", "t", UINT64_C(77), "negative-prompt", "s", "blur");
        _cleanup_(freep) char *received = fake_file(&fake, "received");
        assert_non_null(strstr(received, "77"));
        assert_non_null(strstr(received, "blur"));
}

static void test_failures(void **state)
{
        static const struct {
                const char *provider, *error;
        } cases[] = {
                { "moderation", IMAGINE_ERROR_REFUSED },       { "429", IMAGINE_ERROR_RATE_LIMITED }, { "quota", IMAGINE_ERROR_RATE_LIMITED },
                { "401", IMAGINE_ERROR_KEY_REJECTED },         { "500", IMAGINE_ERROR_SERVER_FAILED }, { "html", IMAGINE_ERROR_SERVER_FAILED },
                { "bomb", IMAGINE_ERROR_SERVER_FAILED },       { "text-as-picture", IMAGINE_ERROR_SERVER_FAILED },
                { "stream-cut", IMAGINE_ERROR_SERVER_FAILED }, { "empty-data", IMAGINE_ERROR_SERVER_FAILED },
                { "link-expired", IMAGINE_ERROR_SERVER_FAILED }, { "last", IMAGINE_ERROR_UNREACHABLE },
        };
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char name[128], text[512];
        JobRef job;
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_true(generate(bus, &job, "a fox", 1, "provider", "s", cases[i].provider) >= 0);
                wait_for_end(bus, job.path, name, text);
                if (!streq(name, cases[i].error) || !text[0])
                        fail_msg("%s: %s (%s)", cases[i].provider, name, text);
        }
        /* Who says no before drawing is not paid. */
        const int64_t before = spent_today();
        assert_true(generate(bus, &job, "a fox", 1, "provider", "s", "moderation") >= 0);
        wait_for_end(bus, job.path, name, text);
        assert_non_null(strstr(text, "not allowed here"));
        assert_int_equal(spent_today(), before);
        /* Who has drawn what nobody can read may want to be paid for all of it. */
        assert_true(generate(bus, &job, "a fox", 2, "provider", "s", "bomb", "count", "u", 2) >= 0);
        wait_for_end(bus, job.path, name, text);
        assert_string_equal(name, IMAGINE_ERROR_SERVER_FAILED);
        assert_int_equal(spent_today(), before + 4 * CENT);
}

static void test_routes(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char name[128], text[512], provider[64];
        JobRef job;
        (void)state;

        /* One has no price, one does not answer, one fails. */
        assert_true(generate(bus, &job, "a red fox", 1, "purpose", "s", "fall-back") >= 0);
        assert_done(bus, job.path);
        Known known = provenance_of(bus, job.path);
        assert_string_equal(known.provider, "ok");
        assert_non_null(strstr(known.notes, "unknown"));
        assert_non_null(strstr(known.notes, "last: "));
        assert_non_null(strstr(known.notes, "500: "));
        /* Nobody else: it is drawn here. */
        assert_true(generate(bus, &job, "a red fox", 3, "purpose", "s", "home", "width", "u", 32, "height", "u", 32) >= 0);
        assert_done(bus, job.path);
        assert_true(job_string(bus, job.path, "Provider", provider) >= 0);
        assert_string_equal(provider, "local");
        assert_true(job_string(bus, job.path, "Model", provider) >= 0);
        assert_string_equal(provider, "tiny");
        known = provenance_of(bus, job.path);
        assert_non_null(strstr(known.notes, "last: "));
        assert_int_equal(known.reserved, -1); /* nothing of what is said of the other one */
        /* The first is too dear for the route; the last of all has the last word. */
        assert_true(generate(bus, &job, "a red fox", 1, "purpose", "s", "cheap") >= 0);
        assert_done(bus, job.path);
        assert_string_equal(provenance_of(bus, job.path).provider, "ok");
        assert_true(generate(bus, &job, "a red fox", 1, "purpose", "s", "nobody") >= 0);
        wait_for_end(bus, job.path, name, text);
        assert_string_equal(name, IMAGINE_ERROR_SERVER_FAILED);
        /* What is private stays, whatever the route. */
        fake_forget(&fake);
        assert_true(generate(bus, &job, PRIVATE_PROMPT, 4, "purpose", "s", "fall-back", "private", "b", 1, "width", "u", 32, "height", "u", 32) >= 0);
        assert_done(bus, job.path);
        assert_nothing_left();
}

static void test_cancel(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        uint64_t end = clock_usec(CLOCK_MONOTONIC) + PATIENCE;
        JobRef job, other;
        (void)state;

        fake_forget(&fake);
        assert_true(generate(bus, &job, "a fox", 1, "provider", "s", "silent") >= 0);
        while (fake_count(&fake, "received") == 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
        /* Meanwhile others draw, here and there. */
        draw(bus, &other, "ok", "a red fox", 1);
        assert_true(generate(bus, &other, "a red fox", 2, "width", "u", 32, "height", "u", 32) >= 0);
        assert_done(bus, other.path);
        const int64_t before = spent_today();
        assert_true(job_call(bus, job.path, "Cancel", NULL, NULL, NULL) >= 0);
        assert_true(wait_for_state(bus, job.path, IMAGINE_STATE_CANCELLED));
        while (fake_count(&fake, "left") == 0) {
                assert_true(clock_usec(CLOCK_MONOTONIC) < end);
                sleep_ms(5);
        }
        assert_int_equal(spent_today(), before); /* it may have cost what was reserved */
        assert_int_equal(provenance_of(bus, job.path).cost, 2 * CENT);
}

/* Partial pictures are previews. */
static void test_previews(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        Heard heard = {};
        JobRef job;
        (void)state;

        listen_to_jobs(bus, &heard);
        assert_true(generate(bus, &job, "a fox", 2, "provider", "s", "stream", "preview-every", "u", 1) >= 0);
        assert_true(hear_until(bus, &heard.finished, 1));
        assert_string_equal(heard.state, IMAGINE_STATE_DONE);
        assert_int_equal(heard.pictures, 1);
        assert_int_equal(heard.others, 0);
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
        assert_nothing_left();
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
        assert_string_equal(name, IMAGINE_ERROR_SERVER_FAILED);
        assert_true(import(bus, &job, picture, "local", &error) < 0);
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        assert_nothing_left();
}

/* A picture to start from leaves only where it may, as pixels of ours. */
static void test_source(void **state)
{
        char settings[8192], *rule;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        JobRef job;
        (void)state;

        place_stop_service(&place);
        write_settings(settings, sizeof(settings));
        rule = strstr(settings, "words = [\"confidential\"]");
        assert_non_null(rule);
        memcpy(rule, "pictures = false        ", 24);
        place_start_service(&place, settings);

        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        _cleanup_(closep) int picture = sealed_file("tests/fixtures/pictures/baseline.jpg", SIZE_MAX), broken = sealed_of("no picture at all");
        fake_forget(&fake);
        assert_true(generate_error(bus, &job, &error, "a fox", 3, "provider", "s", "ok", "init-image", "h", picture, "mask", "h", picture) < 0);
        assert_non_null(strstr(error.message, "mask"));
        assert_bus_error(&error, IMAGINE_ERROR_INVALID_ARGS);
        char name[128], text[512];
        assert_true(generate(bus, &job, "a fox", 2, "provider", "s", "ok", "init-image", "h", broken) >= 0);
        wait_for_end(bus, job.path, name, text);
        assert_string_equal(name, IMAGINE_ERROR_INVALID_ARGS);
        assert_nothing_left();

        draw(bus, &job, "ok", "a fox", 2, "init-image", "h", picture);
        size_t size = fake_count(&fake, "received");
        _cleanup_(freep) char *received = fake_file(&fake, "received");
        assert_non_null(memmem(received, size, "POST /ok/v1/images/edits", 24));
        assert_non_null(memmem(received, size, "\x89PNG", 4));
        assert_null(memmem(received, size, "\xff\xd8\xff", 3)); /* not the caller's file */
}

/* No prompt stands in the log, at its most talkative, nor in the ledger. */
static void test_log(void **state)
{
        _cleanup_(bus_closep) sd_bus *bus = place_connect(&place);
        char command[256];
        JobRef job;
        (void)state;

        draw(bus, &job, "ok", PRIVATE_PROMPT, 1);
        place_stop_service(&place);
        _cleanup_(freep) char *log = place_log(&place);
        assert_null(strstr(log, "nobody shall know"));
        (void)snprintf(command, sizeof(command), "! grep -rq 'nobody shall know' %s/imagined && test -s %s/imagined/ledger.sqlite",
                       fake.directory, fake.directory);
        assert_int_equal(system(command), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_without_consent), cmocka_unit_test(test_dry_run),  cmocka_unit_test(test_gate),
                cmocka_unit_test(test_drawn),           cmocka_unit_test(test_large), cmocka_unit_test(test_best_effort), cmocka_unit_test(test_failures),
                cmocka_unit_test(test_routes),          cmocka_unit_test(test_cancel),   cmocka_unit_test(test_previews),
                cmocka_unit_test(test_providers),       cmocka_unit_test(test_import),
                cmocka_unit_test(test_source),
                cmocka_unit_test(test_log),
        };
        return cmocka_run_group_tests(tests, set_up, tear_down);
}
