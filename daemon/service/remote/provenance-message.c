/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "base/cleanup.h"
#include "base/util.h"
#include "service/remote/provenance-message.h"

static int append_texts(const Provenance *p, sd_bus_message *reply)
{
        const struct {
                const char *key, *text;
        } texts[] = {
                { "provider", p->provider }, { "dialect", p->dialect }, { "url", p->url },
                { "service", p->service },   { "model", p->model },     { "where", p->where },
                { "licence", p->licence },   { "owner", p->owner },     { "attribution", p->attribution },
                { "terms", p->terms },       { "dated", p->dated },     { "currency", p->currency },
                { "revised-prompt", p->revised },
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(texts) && r >= 0; i++)
                if (texts[i].text[0])
                        r = sd_bus_message_append(reply, "{sv}", texts[i].key, "s", texts[i].text);
        return r;
}

static int append_amounts(const Provenance *p, sd_bus_message *reply)
{
        const struct {
                const char *key;
                int64_t amount;
        } amounts[] = { { "price", p->price }, { "reserved", p->reserved }, { "cost", p->cost } };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(amounts) && r >= 0 && p->currency[0]; i++)
                if (amounts[i].amount >= 0)
                        r = sd_bus_message_append(reply, "{sv}", amounts[i].key, "x", amounts[i].amount);
        return r;
}

static int append_notes(const Provenance *p, sd_bus_message *reply)
{
        _cleanup_(freep) char *copy = strdup(p->notes);
        char *rest = copy, *note;

        int r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "notes");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        while (r >= 0 && (note = strsep(&rest, "\n")))
                if (*note)
                        r = sd_bus_message_append(reply, "s", note);
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

int provenance_append(const Provenance *provenance, sd_bus_message *reply)
{
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0 && provenance)
                r = append_texts(provenance, reply);
        if (r >= 0 && provenance && provenance->dialect[0])
                r = sd_bus_message_append(reply, "{sv}", "commercial", "b", (int)provenance->commercial);
        if (r >= 0 && provenance)
                r = append_amounts(provenance, reply);
        if (r >= 0 && provenance && provenance->notes[0])
                r = append_notes(provenance, reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
