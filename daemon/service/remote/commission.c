/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"
#include "queue/users.h"
#include "service/catalogue.h"
#include "service/remote/commission.h"
#include "service/remote/fitting.h"
#include "service/remote/gate.h"
#include "service/remote/remote.h"
#include "service/service.h"

bool commission_is_wanted(const Service *service, const RemoteWish *wish)
{
        const RemoteRules *rules = service->config->remote;

        return wish->provider[0] || wish->dry_run || rules->n_routes > 0 || rules->n_restrictions > 0;
}

/* --- one candidate --- */

#define COPY(to, from) (void)snprintf(to, sizeof(to), "%s", from)

/* What is known of who draws; notes are kept. */
static void describe(Provenance *ret, const Commission *c, int64_t price)
{
        const Tariff *tariff = &c->tariff;

        COPY(ret->provider, c->server.name);
        COPY(ret->dialect, c->server.dialect);
        COPY(ret->url, c->server.url);
        COPY(ret->service, tariff->service);
        COPY(ret->model, c->ask.model);
        COPY(ret->where, tariff->where);
        COPY(ret->licence, tariff->licence);
        COPY(ret->owner, tariff->owner);
        COPY(ret->attribution, tariff->attribution);
        COPY(ret->terms, tariff->terms);
        COPY(ret->dated, tariff->dated);
        ret->commercial = tariff->commercial;
        ret->seeded = c->ask.flags & NET_ASK_SEED;
        memcpy(ret->currency, tariff->currency, sizeof(Currency));
        ret->price = price;
        ret->reserved = price < 0 ? MONEY_UNKNOWN : price * c->ask.count;
        ret->cost = MONEY_UNKNOWN;
}

void commission_describe(const Service *service, Job *job)
{
        tariff_find(&job->commission->tariff, service->config->provider_tables, &job->commission->server);
        describe(job->provenance, job->commission, MONEY_UNKNOWN);
}

/* What the gate looks at. */
static GateAsk gate_ask(const Job *job, const Commission *c)
{
        return (GateAsk) {
                .prompt = job->request->prompt,
                .negative = job->request->negative_prompt,
                .is_private = c->wish.is_private,
                .has_picture = job->request->inputs != 0,
                .model = c->ask.model,
                .quality = c->ask.draw.quality,
                .width = c->ask.draw.width,
                .height = c->ask.draw.height,
                .pictures = c->ask.count,
                .app = job->app ? job->app->name : "",
                .job = job->id,
        };
}

static int fit(const Job *job, Commission *c, char notes[static 1024], Error *error)
{
        const FittingWish wish = {
                .request = job->request, .model = c->model, .has_seed = c->has_seed, .has_strength = c->has_strength,
                .best_effort = c->wish.best_effort,
        };

        int r = fitting_make(&c->server, &wish, &c->ask, &c->parts, notes, error);
        if (r >= 0 && c->wish.dry_run)
                c->ask.flags |= NET_ASK_DRY_RUN;
        return r;
}

/* As routes and budgets can compare it. */
static int64_t in_budget_money(const Budget *budget, const Tariff *tariff, int64_t price)
{
        return !budget->currency[0] || price == 0 || streq(budget->currency, tariff->currency) ? price : MONEY_UNKNOWN;
}

/* Whether the gate lets it through, and the money for it is there. */
static int admit(const Service *service, const Job *job, Commission *c, int64_t *ret_price, Error *error)
{
        const RemoteRules *rules = service->config->remote;
        const GateAsk ask = gate_ask(job, c);
        int64_t price = tariff_price(&c->tariff, ask.model, ask.quality, ask.width, ask.height);

        int r = c->wish.dry_run ? 0 : gate_check(rules, &c->server, &c->tariff, &ask, &price, error);
        if (r >= 0)
                r = routing_check(c->is_routed ? &c->route : NULL, c->wish.purpose, &c->server, &c->tariff,
                                  in_budget_money(&rules->budget, &c->tariff, price), error);
        if (r >= 0 && !c->wish.dry_run)
                r = gate_reserve(service->ledger, rules, &c->server, &c->tariff, &ask, price, &c->entry, error);
        if (r >= 0)
                *ret_price = price;
        return r;
}

/* Nobody is told of what the private parts of a prompt are but its caller. */
static int try_server(const Service *service, Job *job, const char *name, Error *error)
{
        Commission *c = job->commission;
        const Server *server = service->forward ? config_find_server(service->config->servers, name) : NULL;
        Provenance *provenance = job->provenance;
        char notes[sizeof(provenance->notes)];
        int64_t price = MONEY_UNKNOWN;

        if (!server)
                return error_set(error, REMOTE_NOT_CONFIGURED,
                                 service->forward ? "There is no provider %.63s in the configuration" : "Only a user's instance asks providers such as %.63s",
                                 name);
        c->server = *server;
        COPY(notes, provenance->notes);
        tariff_find(&c->tariff, service->config->provider_tables, server);
        int r = fit(job, c, notes, error);
        if (r >= 0)
                r = admit(service, job, c, &price, error);
        if (r < 0)
                return r;
        *provenance = (Provenance) {};
        COPY(provenance->notes, notes);
        describe(provenance, c, price);
        job->policy.remote = true;
        job->policy.dry = c->wish.dry_run;
        return 1;
}

static int try_local(Service *service, Job *job, Error *error)
{
        Commission *c = job->commission;
        const GateAsk ask = gate_ask(job, c);
        char model[MODEL_NAME_MAX + 1];

        if (c->wish.dry_run)
                return error_set(error, -EINVAL, "dry-run: nothing would be sent, the resident model draws");
        int r = gate_check_words(service->config->remote, PROVIDER_LOCAL, &ask, error);
        if (r >= 0)
                r = catalogue_admit(service, job->request, c->model, model, error);
        if (r < 0)
                return r;
        memcpy(job->policy.model, model, sizeof(model));
        Provenance provenance = { .provider = PROVIDER_LOCAL };
        COPY(provenance.notes, job->provenance->notes);
        *job->provenance = provenance;
        job->policy.remote = false;
        return 0;
}

static int try_one(Service *service, Job *job, const char *name, Error *error)
{
        return streq(name, PROVIDER_LOCAL) ? try_local(service, job, error) : try_server(service, job, name, error);
}

/* --- one after the other --- */

/* Takes the first name out. */
static bool take_name(Words *words, char ret[static PROVIDER_NAME_MAX + 1])
{
        size_t size;
        const char *first = words_first(words, &size);

        if (!first)
                return false;
        (void)snprintf(ret, PROVIDER_NAME_MAX + 1, "%.*s", (int)size, first);
        memmove(words->text, words->text + size + 1, sizeof(words->text) - size - 1);
        return true;
}

int commission_go_on(Service *service, Job *job, Error *error)
{
        Commission *c = job->commission;
        char name[PROVIDER_NAME_MAX + 1];
        int r = -EINVAL;

        while (take_name(&c->rest, name)) {
                Error failure = {};

                if (error->code < 0) /* why it was not the one before */
                        notes_add(job->provenance->notes, "%s", error->text);
                r = try_one(service, job, name, &failure);
                if (r >= 0)
                        return r;
                *error = failure;
                if (failure.code == 0)
                        (void)error_set(error, r, "%s: %s", name, strerror(-r));
        }
        return r < 0 && error->code < 0 ? r : error_set(error, r, "Nobody is left to draw it");
}

int commission_begin(Service *service, Job *job, const Commission *draft, Error *error)
{
        const Route *route;

        job->commission = malloc(sizeof(Commission));
        job->provenance = calloc(1, sizeof(Provenance));
        if (!job->commission || !job->provenance)
                return error_set(error, -ENOMEM, "Out of memory");
        *job->commission = *draft;
        const RoutingWish wish = {
                .provider = draft->wish.provider,
                .purpose = draft->wish.purpose,
                .prompt = job->request->prompt,
                .is_private = draft->wish.is_private,
                .is_local = draft->model[0],
        };
        routing_find(service->config->remote, &wish, &route, &job->commission->rest);
        job->commission->is_routed = route != NULL;
        if (route)
                job->commission->route = *route;
        return commission_go_on(service, job, error);
}

void commission_settle(const Service *service, Job *job, int64_t cost, const char *outcome)
{
        Commission *c = job->commission;
        Provenance *provenance = job->provenance;
        Error error = {};

        if (!c || !provenance)
                return;
        provenance->cost = cost >= 0 ? cost : provenance->reserved;
        if (c->entry == 0)
                return;
        if (ledger_settle(service->ledger, c->entry, provenance->cost, job->n_pictures, outcome, &error) < 0)
                log_warning("%s", error.text);
        c->entry = 0;
}
