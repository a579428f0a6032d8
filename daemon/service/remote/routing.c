/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "base/util.h"
#include "service/remote/mention.h"
#include "service/remote/routing.h"

static bool fits(const Route *route, const RoutingWish *wish)
{
        char word[64];

        return (!route->purpose[0] || streq(route->purpose, wish->purpose)) &&
               (!route->words.text[0] || mentions(&route->words, &wish->prompt, 1, word));
}

void routing_find(const RemoteRules *rules, const RoutingWish *wish, const Route **ret_route, Words *ret)
{
        *ret = (Words) {};
        *ret_route = NULL;
        if (*wish->provider) {
                (void)words_add(ret, wish->provider);
                return;
        }
        for (size_t i = 0; i < rules->n_routes && !wish->is_private && !wish->is_local; i++)
                if (fits(&rules->routes[i], wish)) {
                        *ret_route = &rules->routes[i];
                        *ret = rules->routes[i].providers;
                        return;
                }
        (void)words_add(ret, PROVIDER_LOCAL);
}

int routing_check(const Route *route, const char *purpose, const Server *server, const Tariff *tariff, int64_t price, Error *error)
{
        char text[MONEY_TEXT_MAX], limit[MONEY_TEXT_MAX];

        if (!route)
                return 0;
        if (*purpose && server->purposes.text[0] && !words_have(&server->purposes, purpose))
                return error_set(error, -ENOTSUP, "%s is not for the purpose %.63s", server->name, purpose);
        if (route->here && !server_is_here(server))
                return error_set(error, -ENOTSUP, "%s is not on this machine", server->name);
        if (route->commercial && !tariff->commercial)
                return error_set(error, -ENOTSUP, "%s: commercial use of its pictures is not known to be permitted", server->name);
        if (route->price < 0 || (price >= 0 && price <= route->price))
                return 0;
        money_format(text, price, tariff->currency);
        money_format(limit, route->price, "");
        return error_set(error, -ENOTSUP, "%s: a picture costs %s, the route takes up to %s", server->name, text, limit);
}
