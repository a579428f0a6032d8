/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A service with providers: each play of the fake server is one, by its name. Tests have a Place and a Fake of their own:
 *
 *     static Place place;
 *     static Fake fake;
 *     …  remote_set_up(&place, &fake), remote_tear_down(&place, &fake) in those of the group
 *     draw(bus, &job, "ok", "a red fox", 0);
 *     Known known = provenance_of(bus, job.path); */

#include "../net/harness.h"
#include "inputs.h"
#include "service/remote/ledger.h"

#define PRIVATE_PROMPT "a fox that nobody shall know of"
#define CENT (MONEY_UNIT / 100)

/* What the fake server plays, each a provider of that name; 127.1 is this machine, but not by a name that says so. */
static const char *const remote_plays[] = {
        "ok", "fields", "seeds", "moderation", "429", "401", "500", "html", "bomb", "text-as-picture", "silent", "stream", "stream-cut",
        "empty-data", "quota", "link-expired", "large", "photographs", "noncharacter",
};

static const char remote_rules[] =
                "remote = { budget = { currency = \"USD\"; picture = 0.05; day = 1; }; private = { words = [\"confidential\"]; };\n"
                "restrictions = ( { words = [\"logo\"]; providers = [\"ok\", \"local\"]; reason = \"ours are drawn by hand\"; } );\n"
                "routes = ( { purpose = \"fall-back\"; providers = [\"unknown\", \"last\", \"500\", \"ok\"]; },\n"
                "{ purpose = \"home\"; providers = [\"last\", \"local\"]; }, { purpose = \"cheap\"; providers = [\"fields\", \"ok\"]; price = 0.03; },\n"
                "{ purpose = \"queue\"; providers = [\"full\", \"ok\"]; }, { purpose = \"patient\"; providers = [\"silent\", \"ok\"]; }, { purpose = \"nobody\"; providers = [\"last\", \"500\"]; } ); };\n";

static inline void write_settings(char *text, size_t size, unsigned port)
{
        size_t n = (size_t)snprintf(text, size, "log_level = \"debug\"; engine = \"own\"; provider_tables = [];\n%s servers = (\n", remote_rules);

        for (size_t i = 0; i < ELEMENTSOF(remote_plays); i++)
                n += (size_t)snprintf(text + n, size - n,
                                      "{ name = \"%s\"; dialect = \"openai-images\"; url = \"http://127.1:%u/%s/v1\"; model = \"%s\"; price = %s;%s },\n",
                                      remote_plays[i], port, remote_plays[i], streq(remote_plays[i], "seeds") ? "anything" : "gpt-image-1",
                                      streq(remote_plays[i], "fields") ? "0.04" : "0.02", strncmp(remote_plays[i], "stream", 6) == 0 ? " stream = true;" : "");
        (void)snprintf(text + n, size - n,
                       "{ name = \"last\"; dialect = \"openai-images\"; url = \"http://127.1:1/v1\"; price = 0.01; },\n"
                       "{ name = \"dear\"; dialect = \"openai-images\"; url = \"http://127.1:%u/ok/v1\"; price = 0.5; },\n"
                       "{ name = \"unknown\"; dialect = \"openai-images\"; url = \"http://127.1:%u/ok/v1\"; },\n"
                       "{ name = \"only-words\"; dialect = \"stability\"; url = \"http://127.1:%u/ok\"; price = 0.01; },\n"
                       "{ name = \"full\"; dialect = \"midjourney-proxy\"; url = \"http://127.1:%u/full\"; price = 0.01; },\n"
                       "{ name = \"chat\"; url = \"http://127.1:%u/ok/v1\"; } );\n", port, port, port, port, port);
}

static inline void consent(sd_bus *bus, const char *server)
{
        assert_true(manager_call(bus, "SetConsent", NULL, NULL, "sb", server, 1) >= 0);
}

static inline int remote_set_up(Place *place, Fake *fake)
{
        char settings[8192];

        fake_make(fake);
        fake_start(fake, NULL);
        assert_int_equal(setenv("XDG_STATE_HOME", fake->directory, 1), 0);
        assert_int_equal(setenv("XDG_RUNTIME_DIR", fake->directory, 1), 0);
        assert_int_equal(setenv("IMAGINED_NET_TEST_WAIT_MS", "1", 1), 0);
        place_open_bus(place, true);
        place->has_engine = true;
        place_add_tiny_model(place);
        write_settings(settings, sizeof(settings), fake->port);
        place_start_service(place, settings);
        return 0;
}

static inline int remote_tear_down(Place *place, Fake *fake)
{
        place_close(place);
        fake_remove(fake);
        return 0;
}

static inline void consent_to_all(sd_bus *bus)
{
        for (size_t i = 0; i < ELEMENTSOF(remote_plays); i++)
                consent(bus, remote_plays[i]);
        consent(bus, "last");
        consent(bus, "dear");
        consent(bus, "unknown");
        consent(bus, "full");
        consent(bus, "only-words");
}

static inline void assert_nothing_left(const Fake *fake)
{
        assert_int_equal(fake_count(fake, "connections"), 0);
        assert_int_equal(fake_count(fake, "received"), 0);
}

static inline void assert_done(sd_bus *bus, const char *path)
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

static inline void read_notes(sd_bus_message *m, char notes[static 1024])
{
        const char *note;

        assert_true(sd_bus_message_enter_container(m, 'v', "as") >= 0);
        assert_true(sd_bus_message_enter_container(m, 'a', "s") >= 0);
        while (sd_bus_message_read(m, "s", &note) > 0)
                (void)snprintf(notes + strlen(notes), 1024 - strlen(notes), "%s\n", note);
        assert_true(sd_bus_message_exit_container(m) >= 0);
        assert_true(sd_bus_message_exit_container(m) >= 0);
}

static inline Known provenance_of(sd_bus *bus, const char *path)
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

static inline int64_t spent_today(void)
{
        _cleanup_(ledger_freep) Ledger *ledger = NULL;
        int64_t day, month;

        assert_int_equal(ledger_new(&ledger), 0);
        assert_int_equal(ledger_sums(ledger, &day, &month, "USD", time(NULL), NULL), 0);
        return day;
}
