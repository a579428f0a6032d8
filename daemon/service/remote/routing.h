/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who is asked to draw, in which order: the one that the call names, else those of the first route of the configuration that
 * fits (config-remote.h), else the resident model. */

#include "base/error.h"
#include "config-remote.h"
#include "config-servers.h"
#include "service/remote/tariff.h"

typedef struct RoutingWish {
        const char *provider; /* "": by the routes */
        const char *purpose; /* "": none */
        const char *prompt;
        bool is_private; /* without a provider it is drawn here */
        bool is_local; /* it asks for what only the resident model can be asked, such as a model of ours */
} RoutingWish;

/* *ret_route: the one that decides; NULL: none does. *ret: names, at least one. */
void routing_find(const RemoteRules *rules, const RoutingWish *wish, const Route **ret_route, Words *ret);

/* Whether the route takes this server: -ENOTSUP with a sentence that says why not. route may be NULL. */
int routing_check(const Route *route, const char *purpose, const Server *server, const Tariff *tariff, int64_t price, Error *error);
