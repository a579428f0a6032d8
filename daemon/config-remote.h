/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The key `remote`: what may leave the machine, for how much, and who draws what.
 *
 *     remote = { budget = { currency = "USD"; picture = 0.10; day = 1; month = 10; };
 *                private = { words = [ "confidential" ]; pictures = true; };
 *                restrictions = ( { words = [ "logo" ]; providers = [ "openai" ]; reason = "our marks are drawn here"; } );
 *                routes = ( { purpose = "photo"; providers = [ "openai", "local" ]; price = 0.05; } ); }; */

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/money.h"
#include "base/words.h"

#define PROVIDER_LOCAL "local" /* the resident model */

typedef struct Budget {
        Currency currency; /* "": there is no budget */
        int64_t picture, day, month; /* that may be spent on one, in one; MONEY_UNKNOWN: any amount */
        bool unknown_prices; /* what has no known price may be asked all the same, and is counted as 0 */
} Budget;

typedef struct Privacy {
        Words words; /* a prompt that mentions one stays here */
        bool pictures; /* pictures to start from, or to be described, stay here */
} Privacy;

/* What is not drawn. */
typedef struct Restriction {
        Words words; /* that a prompt must not mention … */
        Words providers; /* … where it goes to one of these; none: to any, the local one too */
        char reason[160];
} Restriction;

/* Who draws what meets all that it names; the first that fits counts. */
typedef struct Route {
        char purpose[64]; /* of the call; "": any, or none */
        Words words; /* the prompt mentions one: a style; none: any */
        Words providers; /* asked in this order: the next where one cannot be had */
        int64_t price; /* that a picture may cost there; MONEY_UNKNOWN: any */
        bool commercial; /* only where its pictures may be used commercially */
        bool here; /* only on this machine */
} Route;

#define RESTRICTIONS_MAX 16
#define ROUTES_MAX 16

typedef struct RemoteRules {
        Budget budget;
        Privacy privacy;
        size_t n_restrictions, n_routes;
        Restriction restrictions[RESTRICTIONS_MAX];
        Route routes[ROUTES_MAX];
} RemoteRules;

/* New rules in the place of *value. -EINVAL with what is wrong, which may lie in the buffer. */
int config_set_remote(RemoteRules **value, const config_setting_t *setting, const char **why, char buffer[static 256]);

RemoteRules *config_copy_remote(const RemoteRules *rules);
