/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <strings.h>

#include "client/review/rights.h"
#include "marks/licence.h"

static const char *or_null(const char *text)
{
        return text && *text ? text : NULL;
}

Rights rights_of(const Subject *subject)
{
        const json_t *terms = json_object_get(subject->record, "terms"), *credit = json_object_get(terms, "attribution"),
                     *commercial = json_object_get(terms, "commercial");
        Rights rights = {
                .licence = or_null(subject_text(subject, "license")),
                .address = or_null(json_string_value(json_object_get(terms, "address"))),
                .credit = or_null(json_string_value(credit)),
                .is_commercial_refused = json_is_false(commercial),
        };

        if (rights.licence && !rights.address)
                rights.address = licence_address(rights.licence);
        rights.needs_credit = rights.credit || json_is_true(credit);
        if (rights.licence && strncasecmp(rights.licence, "CC-BY", 5) == 0) {
                rights.needs_credit = true;
                rights.is_commercial_refused = rights.is_commercial_refused || strcasestr(rights.licence, "-NC");
        }
        return rights;
}
