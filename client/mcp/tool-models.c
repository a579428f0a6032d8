/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/util.h"
#include "client/mcp/tools.h"
#include "client/models.h"

/* What an assistant can choose by; paths and digests are no concern of its. */
static const char *const shown[] = {
        "name", "resident", "default", "title", "version", "license", "width", "height", "steps", "guidance", "sampler",
};

static json_t *schema(void)
{
        return schema_object(json_object(), NULL);
}

static json_t *pick(json_t *models)
{
        json_t *picked = json_array(), *model;
        size_t i;

        json_array_foreach(models, i, model) {
                json_t *entry = json_object();
                for (size_t k = 0; k < ELEMENTSOF(shown); k++)
                        if (json_object_get(model, shown[k]))
                                (void)json_object_set(entry, shown[k], json_object_get(model, shown[k]));
                (void)json_array_append_new(picked, entry);
        }
        return json_pack("{s:o}", "models", picked);
}

static int fail_bus(Call *call, const sd_bus_error *error, int r)
{
        Client *c = call->state;
        Failure failure;

        failure_take(&failure, c, bus_fail(c, error, r));
        call_fail(call, "%s", failure.message);
        return 0;
}

static int on_models(sd_bus_message *m, void *userdata, sd_bus_error *ret_error)
{
        Call *call = userdata;
        json_t *models = NULL;

        (void)ret_error;
        if (sd_bus_message_is_method_error(m, NULL))
                return fail_bus(call, sd_bus_message_get_error(m), -sd_bus_message_get_errno(m));
        int r = models_read(m, &models);
        if (r < 0)
                return fail_bus(call, NULL, r);
        call->structured = pick(models);
        json_decref(models);
        char *text = json_dumps(call->structured, JSON_INDENT(1));
        call_add_long_text(call, text ? text : "");
        free(text);
        call_end(call);
        return 0;
}

typedef struct Listing {
        Client client; /* first: the state is one */
        sd_bus_slot *slot;
} Listing;

static void stop(Call *call)
{
        Listing *l = call->state;

        if (!l)
                return;
        (void)sd_bus_slot_unref(l->slot);
        link_client_done(&l->client);
        free(l);
        call->state = NULL;
}

static void run(Call *call, json_t *arguments)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Listing *l = calloc(1, sizeof(*l));
        Failure failure = { 0 };

        (void)arguments;
        call->state = l;
        if (!l || link_open(call->link, &l->client, &failure) != CODE_OK) {
                call_fail(call, "%s", l ? failure.message : "out of memory");
                return;
        }
        int r = bus_new_call(&l->client, "ListModels", &m);
        if (r >= 0)
                r = sd_bus_call_async(l->client.bus, &l->slot, m, on_models, call, 0);
        if (r < 0)
                (void)fail_bus(call, NULL, r);
}

const Tool tool_models = {
        .name = "list_models",
        .title = "List models",
        .description = "The models that generate_image can draw with: their names, sizes and usual settings.",
        .only_reads = true,
        .schema = schema,
        .run = run,
        .stop = stop,
};
