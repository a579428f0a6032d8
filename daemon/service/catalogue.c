/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/stat.h>

#include "base/util.h"
#include "service/catalogue.h"

static bool engine_is(const Service *service, const char *engine)
{
        return streq(service->config->engine, engine);
}

/* The machine's instance is there, and wanted. */
static bool has_machine(const Service *service)
{
        return service->forward && !engine_is(service, "own") && forward_is_there(service->forward);
}

static bool is_same_place(const char *a, const char *b)
{
        struct stat st, other;

        return streq(a, b) || (stat(a, &st) >= 0 && stat(b, &other) >= 0 && st.st_dev == other.st_dev &&
                               st.st_ino == other.st_ino);
}

/* The user has another model of that name. */
static bool is_own(const Service *service, const char *model, const char *directory_there)
{
        _cleanup_(freep) char *directory = NULL;
        char name[MODEL_NAME_MAX + 1];

        return models_resolve(service->config->models, model, &directory, name, NULL) >= 0 &&
               !is_same_place(directory, directory_there);
}

bool catalogue_forwards(const Service *service, const char *model)
{
        if (!service->forward || engine_is(service, "own"))
                return false;
        if (engine_is(service, "system"))
                return true;
        const ForwardModel *there = has_machine(service) ? forward_find_model(service->forward, model) : NULL;
        return there && !is_own(service, model, there->directory);
}

/* Of the machine's instance; "": it has none. */
static const char *default_there(const Service *service, bool prefers_resident)
{
        const char *resident = forward_resident_model(service->forward);
        size_t n;
        const ForwardModel *models = forward_models(service->forward, &n);

        if (prefers_resident && *resident && forward_find_model(service->forward, resident))
                return resident;
        for (size_t i = 0; i < n; i++)
                if (models[i].by_default)
                        return models[i].files.name;
        return n > 0 ? models[0].files.name : "";
}

/* What stands for "", as far as that is known here; "": the first that is found. */
static void choose_default(const Service *service, bool prefers_resident, char ret_name[static MODEL_NAME_MAX + 1])
{
        _cleanup_(freep) char *directory = NULL;
        const char *choice = prefers_resident ? residency_model(service->residency) : "";

        if (*choice == '\0')
                choice = service->config->default_model;
        (void)snprintf(ret_name, MODEL_NAME_MAX + 1, "%s", choice);
        if (*choice || !has_machine(service))
                return;
        /* A user who has models of his own has put them there for this. */
        if (models_resolve(service->config->models, "", &directory, ret_name, NULL) >= 0 &&
            !catalogue_forwards(service, ret_name))
                return;
        (void)snprintf(ret_name, MODEL_NAME_MAX + 1, "%s", default_there(service, prefers_resident));
}

static int resolve_there(Service *service, const char *name, Error *error)
{
        if (!forward_is_there(service->forward)) {
                forward_look_again(service->forward);
                return error_set(
                                error, -EHOSTUNREACH,
                                "The machine's instance of the service cannot be reached, and the configuration wants "
                                "no other (engine = \"system\")");
        }
        if (forward_find_model(service->forward, name))
                return 0;
        return *name ? error_set(error, -ENOPKG, "No model %.64s is installed", name)
                     : error_set(error, -ENOPKG, "No model is installed");
}

static int resolve(
                Service *service, const char *wanted, bool prefers_resident, char ret_name[static MODEL_NAME_MAX + 1],
                Error *error)
{
        _cleanup_(freep) char *directory = NULL;
        char name[MODEL_NAME_MAX + 1];

        if (*wanted)
                (void)snprintf(name, sizeof(name), "%s", wanted);
        else
                choose_default(service, prefers_resident, name);
        int r = catalogue_forwards(service, name)
                                ? resolve_there(service, name, error)
                                : models_resolve(service->config->models, *wanted ? wanted : name, &directory, name, error);
        if (r >= 0)
                memcpy(ret_name, name, sizeof(name));
        return r;
}

int catalogue_resolve(Service *service, const char *wanted, char ret_name[static MODEL_NAME_MAX + 1], Error *error)
{
        return resolve(service, wanted, false, ret_name, error);
}

int catalogue_resolve_request(Service *service, const char *wanted, char ret_name[static MODEL_NAME_MAX + 1], Error *error)
{
        return resolve(service, wanted, true, ret_name, error);
}

int catalogue_admit(Service *service, const Request *request, const char *wanted, char ret_name[static MODEL_NAME_MAX + 1], Error *error)
{
        int r = resolve(service, wanted, true, ret_name, error);

        if (r < 0 || catalogue_forwards(service, ret_name))
                return r; /* there it is checked again whether it fits */
        return appetite_check(&service->appetite, ret_name, request->width, request->height, service->config->memory_max, error);
}

const ModelReady *catalogue_ready(const Service *service, const char *model)
{
        if (!catalogue_forwards(service, model))
                return residency_info(service->residency, model);
        const ForwardModel *there = forward_find_model(service->forward, model);
        return there && there->ready.width > 0 ? &there->ready : NULL;
}

const char *catalogue_state(const Service *service)
{
        ResidencyState state = residency_state(service->residency);
        return state == RESIDENCY_UNLOADED && has_machine(service) ? forward_state(service->forward)
                                                                   : residency_state_to_string(state);
}

const char *catalogue_resident(const Service *service)
{
        return residency_state(service->residency) == RESIDENCY_UNLOADED && has_machine(service)
                        ? forward_resident_model(service->forward)
                        : residency_model(service->residency);
}

const char *catalogue_engine(const Service *service)
{
        return has_machine(service) ? "system" : "own";
}

/* --- all of them --- */

static void add_own(const Service *service, Catalogue *catalogue, const Model *model, const char *by_default)
{
        catalogue->entries[catalogue->n++] = (CatalogueEntry) {
                .name = model->name,
                .directory = model->directory,
                .resident = residency_is_ready(service->residency, model->name),
                .by_default = streq(model->name, by_default),
                .files = digests_find(service->digests, model->name),
                .ready = residency_info(service->residency, model->name),
        };
}

static void add_there(Catalogue *catalogue, const ForwardModel *model, const char *by_default)
{
        catalogue->entries[catalogue->n++] = (CatalogueEntry) {
                .name = model->files.name,
                .directory = model->directory,
                .resident = model->resident,
                .by_default = streq(model->files.name, by_default),
                .files = &model->files,
                .ready = model->ready.width > 0 ? &model->ready : NULL,
        };
}

static int compare(const void *a, const void *b)
{
        const CatalogueEntry *p = a, *q = b;
        return strcmp(p->name, q->name);
}

int catalogue_read(Service *service, Catalogue *ret)
{
        Catalogue catalogue = {};
        char by_default[MODEL_NAME_MAX + 1] = "";
        size_t n = 0;

        int r = models_find(&catalogue.own, service->config->models);
        if (r < 0)
                return r;
        digests_look(service->digests, &catalogue.own);
        const ForwardModel *there = has_machine(service) ? forward_models(service->forward, &n) : NULL;
        catalogue.entries = calloc(catalogue.own.n + n + 1, sizeof(CatalogueEntry));
        if (!catalogue.entries) {
                catalogue_clear(&catalogue);
                return -ENOMEM;
        }
        (void)catalogue_resolve(service, "", by_default, NULL);
        for (size_t i = 0; i < catalogue.own.n; i++)
                if (!catalogue_forwards(service, catalogue.own.items[i].name))
                        add_own(service, &catalogue, &catalogue.own.items[i], by_default);
        for (size_t i = 0; i < n; i++)
                if (catalogue_forwards(service, there[i].files.name))
                        add_there(&catalogue, &there[i], by_default);
        if (catalogue.n > 0)
                qsort(catalogue.entries, catalogue.n, sizeof(CatalogueEntry), compare);
        *ret = catalogue;
        return 0;
}

void catalogue_clear(Catalogue *catalogue)
{
        models_clear(&catalogue->own);
        free(catalogue->entries);
        *catalogue = (Catalogue) {};
}
