/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which models can be had here: those that this instance finds, and for a user's instance those of the machine's, which its
 * jobs are forwarded to (`engine` in the configuration). */

#include "service/models.h"
#include "service/service.h"

typedef struct CatalogueEntry {
        const char *name, *directory;
        bool resident, by_default;
        const ModelFiles *files; /* NULL: nothing is known */
        const ModelReady *ready; /* NULL: it was not loaded yet */
} CatalogueEntry;

/* By name. Valid until the event loop is reached again. */
typedef struct Catalogue {
        Models own;
        CatalogueEntry *entries;
        size_t n;
} Catalogue;

int catalogue_read(Service *service, Catalogue *ret);
void catalogue_clear(Catalogue *catalogue);

/* Whether jobs with that model go to the machine's instance. With auto: if it has it, and this user has not got another one
 * of the same name. */
bool catalogue_forwards(const Service *service, const char *model);

/* The model of that name, or the default one (""). -ENOPKG with a sentence: there is none; -EHOSTUNREACH: there is no
 * machine's instance to ask. */
int catalogue_resolve(Service *service, const char *wanted, char ret_name[static MODEL_NAME_MAX + 1], Error *error);

/* For requests, where "" is the resident one, if there is one. */
int catalogue_resolve_request(Service *service, const char *wanted, char ret_name[static MODEL_NAME_MAX + 1], Error *error);

/* The same for a request that is to be drawn: also whether its picture fits into memory, as far as that is known here. */
int catalogue_admit(Service *service, const Request *request, const char *wanted, char ret_name[static MODEL_NAME_MAX + 1], Error *error);

/* What is known of a model that was loaded; NULL: nothing. */
const ModelReady *catalogue_ready(const Service *service, const char *model);

/* What the manager tells: of the worker of this instance where it has one, else of the machine's. */
const char *catalogue_state(const Service *service);
const char *catalogue_resident(const Service *service);

/* "own" or "system": where jobs go. */
const char *catalogue_engine(const Service *service);
