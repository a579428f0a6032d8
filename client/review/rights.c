/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <strings.h>

#include "client/review/rights.h"
#include "marks/licence.h"

static const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));
        return text && *text ? text : NULL;
}

/* What follows from the licence where nothing else is said. */
static Rights complete(Rights rights)
{
        const char *licence = rights.licence;

        rights.needs_credit = rights.needs_credit || rights.credit;
        if (!licence)
                return rights;
        if (!rights.address)
                rights.address = licence_address(licence);
        if (strncasecmp(licence, "CC-BY", 5) == 0) {
                rights.needs_credit = true;
                rights.is_commercial_refused = rights.is_commercial_refused || strcasestr(licence, "-NC");
        }
        rights.is_commercial_permitted = !rights.is_commercial_refused && (rights.is_commercial_permitted || licence_permits_commerce(licence));
        return rights;
}

Rights rights_of(const json_t *record)
{
        const json_t *terms = json_object_get(record, "terms"), *commercial = json_object_get(terms, "commercial");

        return complete((Rights) {
                .licence = text_of(record, "license"),
                .address = text_of(terms, "address"),
                .dated = text_of(terms, "date"),
                .owner = text_of(terms, "owner"),
                .credit = text_of(terms, "attribution"),
                .needs_credit = json_is_true(json_object_get(terms, "attribution")),
                .is_commercial_refused = json_is_false(commercial),
                .is_commercial_permitted = json_is_true(commercial),
        });
}

/* Our own engine says "Drawn by a model under LICENCE". */
Rights rights_of_marks(const Marks *marks)
{
        static const char drawn[] = "Drawn by a model under ";
        const char *usage = marks->values[MARK_USAGE_TERMS];

        return complete((Rights) {
                .licence = usage && strncmp(usage, drawn, sizeof(drawn) - 1) == 0 ? usage + sizeof(drawn) - 1 : usage,
                .address = marks->values[MARK_WEB_STATEMENT],
                .credit = marks->values[MARK_CREDIT],
        });
}
