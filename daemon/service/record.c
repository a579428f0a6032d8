/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/cpu.h"
#include "base/util.h"
#include "queue/users.h"
#include "service/catalogue.h"
#include "service/options.h"
#include "service/record.h"

static void set_text(json_t *record, const char *key, const char *text)
{
        if (text && *text)
                (void)json_object_set_new(record, key, json_string(text));
}

/* What the model made of what was left open is asked for by name, so that it does not depend on it any more. */
static json_t *settings_of(const Job *job, const Picture *picture, uint32_t index)
{
        const Resolved *r = &job->resolved;
        Options options = { .request = *job->request, .has_seed = true };
        Request *q = &options.request;

        q->seed = picture->seed;
        q->variation_seed = request_variation_seed(q, index);
        options.has_variation_seed = q->variation_strength > 0;
        q->width = picture->width;
        q->height = picture->height;
        q->steps = r->steps ? r->steps : q->steps;
        q->sampler = r->sampler;
        q->schedule = r->schedule;
        q->guidance = r->guidance;
        if (picture->precision != PRECISION_AUTO)
                q->precision = (uint8_t)picture->precision;
        if (r->precision != PRECISION_AUTO) { /* of what another instance draws it is not told, nor are these */
                q->guidance_rescale = r->guidance_rescale;
                q->remove_artefacts = r->remove_artefacts;
                q->smooth_edges = r->smooth_edges;
                q->sharpen = r->sharpen;
        }
        return options_to_json(&options);
}

static json_t *made_with(const Job *job, const Picture *picture)
{
        const Resolved *r = &job->resolved;

        json_t *with = json_pack("{s:s, s:s, s:I, s:I, s:I}", "engine", "imagined " VERSION, "isa", cpu_isa_to_string(cpu_isa()),
                                 "prompt_tokens", (json_int_t)r->prompt_tokens, "prompt_chunks", (json_int_t)r->prompt_chunks,
                                 "truncated_tokens", (json_int_t)r->truncated_tokens);
        if (with && picture->precision != PRECISION_AUTO)
                (void)json_object_set_new(with, "precision", json_string(precision_to_string((Precision)picture->precision)));
        set_text(with, "tokenizer", picture->tokenizer);
        return with;
}

bool record_set_model(json_t *record, Service *service, const char *name)
{
        Catalogue catalogue = {};

        set_text(record, "model", name);
        if (catalogue_read(service, &catalogue) < 0)
                return false;
        for (size_t i = 0; i < catalogue.n; i++) {
                const CatalogueEntry *entry = &catalogue.entries[i];
                if (!streq(entry->name, name))
                        continue;
                if (entry->files)
                        set_text(record, "model_digest", entry->files->info.digest);
                if (entry->files && entry->files->digests)
                        (void)json_object_set(record, "model_files", entry->files->digests);
                set_text(record, "model_version", entry->ready ? entry->ready->version : entry->files ? entry->files->info.version : NULL);
                set_text(record, "license", entry->ready ? entry->ready->license : entry->files ? entry->files->info.license : NULL);
        }
        catalogue_clear(&catalogue);
        return json_object_get(record, "model_digest") != NULL;
}

/* Of a picture that another generator drew. */
static void set_provenance(json_t *record, const Provenance *p)
{
        json_t *terms = json_pack("{s:b}", "commercial", (int)p->commercial);

        set_text(terms, "address", p->terms);
        set_text(terms, "date", p->dated);
        set_text(terms, "owner", p->owner);
        set_text(terms, "attribution", p->attribution);
        (void)json_object_set_new(record, "terms", terms);
        set_text(record, "provider", p->provider);
        set_text(record, "model", p->model);
        set_text(record, "license", p->licence);
        if (p->price < 0)
                return;
        (void)json_object_set_new(record, "price", json_real((double)p->price / (double)MONEY_UNIT));
        set_text(record, "currency", p->currency);
}

json_t *record_new(Service *service, const Job *job, uint32_t index, double seconds)
{
        const Picture *picture = &job->pictures[index];

        json_t *record = json_pack("{s:s, s:I, s:o, s:I, s:I, s:o, s:f}", "id", picture->record, "time",
                                   (json_int_t)clock_usec(CLOCK_REALTIME), "settings", settings_of(job, picture, index), "width",
                                   (json_int_t)picture->width, "height", (json_int_t)picture->height, "made_with",
                                   made_with(job, picture), "seconds", seconds);
        if (!record)
                return NULL;
        if (service->config->record_prompts) {
                (void)json_object_set_new(record, "prompt", json_string(job->request->prompt));
                set_text(record, "negative", job->request->negative_prompt);
                set_text(record, "alt", job->request->alt_text);
        }
        if (job->policy.remote)
                set_provenance(record, job->provenance);
        else
                (void)record_set_model(record, service, job->policy.model);
        set_text(record, "pixels", picture->pixels);
        set_text(record, "app", job->app ? job->app->name : NULL);
        return record;
}
