/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What may leave the machine, for how much and to whom: the tables of prices, the rules. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/util.h"
#include "config.h"
#include "ledger.h"
#include "service/remote/consent.h"
#include "service/remote/fitting.h"
#include "service/remote/gate.h"
#include "service/remote/mention.h"
#include "service/remote/remote.h"
#include "service/remote/routing.h"

static char *shipped[] = { (char *)"conf/providers.conf", NULL };

static int set_up(void **state)
{
        log_set_max_level(LOG_EMERG); /* broken tables are wanted here */
        return ledger_set_up(state);
}

/* The configuration that this text makes. */
static Config *configure(const char *text)
{
        Config *config = NULL;
        FILE *file = fopen(scratch_path("imagined.conf"), "we");

        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(config_new(&config), 0);
        assert_int_equal(config_load(config, scratch_path("imagined.conf"), NULL), 0);
        return config;
}

static Server server_of(const char *name, const char *url, const char *model)
{
        Server server = { .dialect = "chat", .price = MONEY_UNKNOWN, .currency = "USD" };

        (void)snprintf(server.name, sizeof(server.name), "%s", name);
        (void)snprintf(server.url, sizeof(server.url), "%s", url);
        (void)snprintf(server.model, sizeof(server.model), "%s", model);
        return server;
}

static void test_money(void **state)
{
        static const struct {
                int64_t amount;
                const char *currency, *text;
        } cases[] = {
                { 0, "USD", "0.00 USD" }, { 40000, "USD", "0.04 USD" }, { 65000, "EUR", "0.065 EUR" },
                { 1, "", "0.000001" }, { 12 * MONEY_UNIT, "", "12.00" }, { MONEY_UNKNOWN, "USD", "?" },
        };
        char text[MONEY_TEXT_MAX];
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                money_format(text, cases[i].amount, cases[i].currency);
                assert_string_equal(text, cases[i].text);
        }
        assert_int_equal(money_from_units(0.065), 65000);
        assert_int_equal(money_from_units(0.1), 100000);
        assert_int_equal(money_from_units(-0.1), MONEY_UNKNOWN);
        assert_int_equal(money_from_units(1e300), MONEY_UNKNOWN);
}

static void test_mentions(void **state)
{
        static const struct {
                const char *word, *text;
                bool expected;
        } cases[] = {
                { "confidential", "A CONFIDENTIAL plan", true }, { "art", "a party", false }, { "art", "Art, of a kind", true },
                { "project falcon", "about project\n  Falcon!", true }, { "straße", "in der STRASSE", true },
                { "fi", "\xef\xac\x81", true }, { "ab", "xab ab", true }, { "[private]", "a fox [PRIVATE] at dawn", true },
                { "fox", "foxes and foxglove", false }, { "fox", "", false }, { "rot", "brot", false }, { "rot", "ein rot_er", false },
        };
        (void)state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Words words = {};
                char found[64];
                assert_int_equal(words_add(&words, "unlikely"), 0);
                assert_int_equal(words_add(&words, cases[i].word), 0);
                if (mentions(&words, (const char *[]) { "", cases[i].text }, 2, found) != cases[i].expected)
                        fail_msg("'%s' in '%s'", cases[i].word, cases[i].text);
                if (cases[i].expected)
                        assert_string_equal(found, cases[i].word);
        }
}

static void test_shipped_prices(void **state)
{
        Server openai = server_of("a", "https://api.openai.com/v1", "gpt-image-1"), stability = server_of("b", "https://api.stability.ai", "core");
        Tariff tariff;
        (void)state;

        tariff_find(&tariff, shipped, &openai);
        assert_string_equal(tariff.service, "openai");
        assert_true(strlen(tariff.dated) == 10 && tariff.terms[0] && tariff.commercial);
        assert_true(strlen(tariff.prices_dated) == 10 && tariff.prices_from[0]);
        assert_int_equal(tariff_price(&tariff, "gpt-image-1", "low", 1024, 1024), 11000);
        assert_int_equal(tariff_price(&tariff, "gpt-image-1", "low", 1536, 1024), 16000);
        /* What the server decides is counted at its dearest. */
        assert_int_equal(tariff_price(&tariff, "gpt-image-1", "", 1024, 1024), 167000);
        assert_int_equal(tariff_price(&tariff, "gpt-image-1", "high", 0, 0), 250000);
        assert_int_equal(tariff_price(&tariff, "gpt-image-9", "low", 0, 0), MONEY_UNKNOWN);
        assert_int_equal(tariff_price(&tariff, "", "low", 0, 0), MONEY_UNKNOWN);
        assert_int_equal(tariff_tokens(&tariff, "gpt-image-1", 50, 0, 1056), 250 + 42240);
        assert_int_equal(tariff_tokens(&tariff, "gpt-image-1", 0, 0, UINT64_MAX), MONEY_MAX);
        assert_int_equal(tariff_tokens(&tariff, "dall-e-3", 1, 1, 1), MONEY_UNKNOWN);
        tariff_find(&tariff, shipped, &stability);
        assert_int_equal(tariff_price(&tariff, "core", "", 1344, 756), 30000);
        assert_int_equal(tariff_price(&tariff, "sd3.5-large", "", 0, 0), 65000);
        assert_int_equal(tariff_price(&tariff, "sd3.5-large-turbo", "", 0, 0), 40000);
}

static void test_other_prices(void **state)
{
        char *tables[] = { (char *)"/nonexistent", strdup(scratch_path("mine.conf")), shipped[0], NULL };
        Server server = server_of("a", "https://api.openai.com/v1", "gpt-image-1"), here = server_of("b", "http://127.0.0.1:80/v1", "x");
        Tariff tariff;
        (void)state;

        FILE *file = fopen(tables[1], "we");
        assert_non_null(file);
        (void)fputs("services = ( { name = \"ours\"; url = \"https://api.openai.com\"; currency = \"EUR\"; prices = ( { picture = 1; } ); } );", file);
        assert_int_equal(fclose(file), 0);
        tariff_find(&tariff, tables, &server);
        assert_string_equal(tariff.service, "ours"); /* the first table has the last word */
        assert_int_equal(tariff_price(&tariff, "any", "", 0, 0), MONEY_UNIT);
        (void)snprintf(server.service, sizeof(server.service), "openai");
        tariff_find(&tariff, tables, &server);
        assert_string_equal(tariff.service, "openai");
        server.price = 7 * CENT;
        tariff_find(&tariff, tables, &server);
        assert_int_equal(tariff_price(&tariff, "gpt-image-1", "low", 1024, 1024), 7 * CENT);
        assert_string_equal(tariff.prices_from, "");
        assert_int_equal(tariff_tokens(&tariff, "gpt-image-1", 1, 1, 1), MONEY_UNKNOWN);
        /* What runs here costs nothing that is known of; what runs elsewhere is unknown. */
        tariff_find(&tariff, tables, &here);
        assert_int_equal(tariff_price(&tariff, "x", "", 0, 0), 0);
        assert_string_equal(tariff.where, "this machine");
        server = server_of("c", "https://api.openai.com.example/v1", "gpt-image-1");
        tariff_find(&tariff, tables, &server);
        assert_int_equal(tariff_price(&tariff, "gpt-image-1", "", 0, 0), MONEY_UNKNOWN);
        assert_false(tariff.commercial);
        /* A broken table is one that knows nothing. */
        file = fopen(tables[1], "we");
        (void)fputs("services = ( { name = \"ours\"; url = \"https://api.openai.com\"; prices = ( { picture = -1; } ); } );", file);
        assert_int_equal(fclose(file), 0);
        server = server_of("a", "https://api.openai.com/v1", "gpt-image-1");
        tariff_find(&tariff, tables, &server);
        assert_string_equal(tariff.service, "openai");
        free(tables[1]);
}

static const char rules[] =
                "servers = ( { name = \"far\"; url = \"https://far.example/v1\"; price = 0.04; model = \"m\"; purposes = [\"photo\"]; },\n"
                "{ name = \"vague\"; url = \"https://vague.example/v1\"; }, { name = \"near\"; url = \"http://127.0.0.1:1/v1\"; } );\n"
                "remote = { budget = { currency = \"USD\"; picture = 0.05; day = 0.10; };\n"
                "private = { words = [\"confidential\"]; };\n"
                "restrictions = ( { words = [\"logo\"]; providers = [\"far\"]; reason = \"ours are drawn by hand\"; }, { words = [\"gore\"]; } );\n"
                "routes = ( { purpose = \"photo\"; providers = [\"vague\", \"far\", \"local\"]; price = 0.05; },\n"
                "{ words = [\"watercolour\"]; providers = [\"near\"]; here = true; }, { providers = [\"far\"]; commercial = true; } ); };";

static int pass(const Config *config, const char *name, GateAsk ask, int64_t *ret_price, Error *error)
{
        const Server *server = config_find_server(config->servers, name);
        int64_t price = 0, entry;
        Tariff tariff;

        tariff_find(&tariff, shipped, server);
        ask.model = server->model;
        ask.quality = ask.app = "";
        ask.pictures = ask.pictures ? ask.pictures : 1;
        int r = gate_check(config->remote, server, &tariff, &ask, &price, error);
        if (r >= 0)
                r = gate_reserve(ledger, config->remote, server, &tariff, &ask, price, &entry, error);
        if (ret_price)
                *ret_price = price;
        return r;
}

static void test_gate(void **state)
{
        _cleanup_(config_freep) Config *config = configure(rules);
        int64_t price;
        Error error = {};
        (void)state;

        assert_int_equal(pass(config, "far", (GateAsk) { .prompt = "a fox", .negative = "" }, NULL, &error), REMOTE_NO_CONSENT);
        for (size_t i = 0; i < config->servers->n; i++)
                assert_int_equal(consent_set(config->servers->items[i].name, config->servers->items[i].url, NULL), 0);
        assert_int_equal(pass(config, "far", (GateAsk) { .prompt = "a fox", .negative = "" }, &price, NULL), 0);
        assert_int_equal(price, 4 * CENT);
        assert_int_equal(pass(config, "far", (GateAsk) { .prompt = "a fox", .negative = "", .is_private = true }, NULL, &error), GATE_WITHHELD);
        assert_int_equal(pass(config, "far", (GateAsk) { .prompt = "a fox", .negative = "", .has_picture = true }, NULL, &error), GATE_WITHHELD);
        assert_int_equal(pass(config, "far", (GateAsk) { .prompt = "a fox", .negative = "a Confidential one" }, NULL, &error), GATE_WITHHELD);
        assert_non_null(strstr(error.text, "confidential"));
        assert_int_equal(pass(config, "far", (GateAsk) { .prompt = "our logo", .negative = "" }, NULL, &error), GATE_WITHHELD);
        assert_non_null(strstr(error.text, "drawn by hand"));
        /* What stays on the machine may be private, but restricted it is all the same. */
        assert_int_equal(pass(config, "near", (GateAsk) { .prompt = "our confidential logo", .negative = "", .is_private = true }, NULL, NULL), 0);
        assert_int_equal(pass(config, "near", (GateAsk) { .prompt = "gore", .negative = "" }, NULL, NULL), GATE_WITHHELD);
        assert_int_equal(gate_check_words(config->remote, PROVIDER_LOCAL, &(GateAsk) { .prompt = "Gore", .negative = "" }, NULL), GATE_WITHHELD);
        assert_int_equal(gate_check_words(config->remote, PROVIDER_LOCAL, &(GateAsk) { .prompt = "a logo", .negative = "" }, NULL), 0);
        /* Money: unknown is not free, and 4 cents of 10 are spent already. */
        assert_int_equal(pass(config, "vague", (GateAsk) { .prompt = "a fox", .negative = "" }, NULL, &error), GATE_OVER_BUDGET);
        assert_non_null(strstr(error.text, "not known"));
        assert_int_equal(pass(config, "far", (GateAsk) { .prompt = "a fox", .negative = "", .pictures = 2 }, NULL, &error), GATE_OVER_BUDGET);
        assert_int_equal(pass(config, "far", (GateAsk) { .prompt = "a fox", .negative = "" }, NULL, NULL), 0);
        config->remote->budget.picture = 3 * CENT;
        assert_int_equal(pass(config, "far", (GateAsk) { .prompt = "a fox", .negative = "" }, NULL, &error), GATE_OVER_BUDGET);
        config->remote->budget.unknown_prices = true;
        assert_int_equal(pass(config, "vague", (GateAsk) { .prompt = "a fox", .negative = "" }, NULL, NULL), 0);
}

static void assert_route(const Config *config, RoutingWish wish, const char *expected)
{
        const Route *route;
        Words names;

        routing_find(config->remote, &wish, &route, &names);
        assert_string_equal(names.text, expected);
}

static void test_routes(void **state)
{
        _cleanup_(config_freep) Config *config = configure(rules), *plain = configure("");
        const Server *far = config_find_server(config->servers, "far"), *near = config_find_server(config->servers, "near");
        const Route *routes = config->remote->routes;
        Tariff tariff;
        (void)state;

        assert_route(plain, (RoutingWish) { "", "photo", "a fox", false, false }, "local\n");
        assert_route(plain, (RoutingWish) { "far", "", "a fox", false, false }, "far\n");
        assert_route(config, (RoutingWish) { "", "photo", "a fox", false, false }, "vague\nfar\nlocal\n");
        assert_route(config, (RoutingWish) { "", "", "a Watercolour of a fox", false, false }, "near\n");
        assert_route(config, (RoutingWish) { "", "icon", "a fox", false, false }, "far\n");
        assert_route(config, (RoutingWish) { "", "photo", "a fox", true, false }, "local\n");
        assert_route(config, (RoutingWish) { "", "photo", "a fox", false, true }, "local\n");

        tariff_find(&tariff, shipped, far);
        assert_int_equal(routing_check(&routes[0], "photo", far, &tariff, 4 * CENT, NULL), 0);
        assert_true(routing_check(&routes[0], "icon", far, &tariff, 4 * CENT, NULL) < 0); /* it is for photos */
        assert_true(routing_check(&routes[0], "photo", far, &tariff, 6 * CENT, NULL) < 0);
        assert_true(routing_check(&routes[0], "photo", far, &tariff, MONEY_UNKNOWN, NULL) < 0);
        assert_true(routing_check(&routes[1], "", far, &tariff, 0, NULL) < 0);
        assert_int_equal(routing_check(&routes[1], "", near, &tariff, 0, NULL), 0);
        assert_true(routing_check(&routes[2], "", far, &tariff, 0, NULL) < 0);
        assert_int_equal(routing_check(NULL, "", far, &tariff, MONEY_UNKNOWN, NULL), 0);
}

static void test_fitting(void **state)
{
        Server server = server_of("far", "https://far.example/v1", "gpt-image-1");
        Request *request = calloc(1, sizeof(Request));
        char notes[1024] = "";
        Error error = {};
        uint32_t parts;
        NetAsk ask;
        (void)state;

        assert_non_null(request);
        request_init(request);
        FittingWish wish = { .request = request, .model = "" };
        assert_int_equal(fitting_make(&server, &wish, &ask, &parts, notes, &error), REMOTE_NOT_CONFIGURED); /* it chats */
        (void)snprintf(server.dialect, sizeof(server.dialect), "openai-images");
        (void)snprintf(server.quality, sizeof(server.quality), "low");
        assert_int_equal(fitting_make(&server, &wish, &ask, &parts, notes, NULL), 0);
        assert_string_equal(notes, "");
        assert_true(ask.draw.width == 1024 && ask.draw.height == 1024 && ask.count == 1 && !(ask.flags & NET_ASK_SEED));
        assert_string_equal(ask.draw.quality, "low");
        assert_int_equal(parts, 1U << NET_PART_PROMPT);
        (void)snprintf(server.background, sizeof(server.background), "opaque");
        (void)snprintf(server.moderation, sizeof(server.moderation), "low");
        assert_int_equal(fitting_make(&server, &wish, &ask, &parts, notes, NULL), 0);
        assert_string_equal(ask.draw.background, "opaque");
        assert_string_equal(ask.draw.moderation, "low");
        (void)snprintf(server.style, sizeof(server.style), "vivid"); /* dall-e-3 has that */
        assert_int_equal(fitting_make(&server, &wish, &ask, &parts, notes, &error), NET_UNSUPPORTED);
        assert_non_null(strstr(error.text, "style"));
        server.style[0] = '\0';

        request->width = 1920;
        request->height = 1080;
        assert_int_equal(fitting_make(&server, &wish, &ask, &parts, notes, NULL), 0);
        assert_string_equal(notes, "far draws 1536x1024, cut and resized to 1920x1080 here\n");
        request->sampler = 2;
        request->n_loras = 1;
        wish.has_seed = true;
        assert_int_equal(fitting_make(&server, &wish, &ask, &parts, notes, &error), NET_UNSUPPORTED);
        assert_string_equal(error.text, "far does not have: sampler, loras");
        wish.best_effort = true;
        notes[0] = '\0';
        assert_int_equal(fitting_make(&server, &wish, &ask, &parts, notes, NULL), 0);
        assert_non_null(strstr(notes, "sampler, loras; left out"));
        assert_non_null(strstr(notes, "seed; left out"));
        request->count = 17;
        assert_int_equal(fitting_make(&server, &wish, &ask, &parts, notes, &error), -EINVAL);
        free(request);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_money),         cmocka_unit_test(test_mentions),
                cmocka_unit_test(test_shipped_prices), cmocka_unit_test(test_other_prices),
                cmocka_unit_test(test_gate),          cmocka_unit_test(test_routes),
                cmocka_unit_test(test_fitting),
        };
        return cmocka_run_group_tests(tests, set_up, ledger_tear_down);
}
