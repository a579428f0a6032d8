/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "service/options-private.h"

int options_read_loras(sd_bus_message *message, Options *options, const Option *option, Error *error)
{
        Request *q = &options->request;
        const char *name;
        double weight;

        int r = sd_bus_message_enter_container(message, 'a', "(sd)");
        while (r >= 0 && (r = sd_bus_message_read(message, "(sd)", &name, &weight)) > 0) {
                if (q->n_loras == REQUEST_LORAS_MAX)
                        return error_set(error, -EINVAL, "%s: more than %d", option->name, REQUEST_LORAS_MAX);
                if (!request_lora_name_is_valid(name))
                        return error_set(error, -EINVAL, "%s: \"%.64s\" cannot be the name of an adapter", option->name, name);
                memcpy(q->loras[q->n_loras].name, name, strlen(name) + 1);
                q->loras[q->n_loras++].weight = weight;
        }
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

int options_read_outpaint(sd_bus_message *message, Options *options, const Option *option, Error *error)
{
        uint32_t *sides = options->request.outpaint;

        int r = sd_bus_message_read(message, "(uuuu)", &sides[SIDE_LEFT], &sides[SIDE_RIGHT], &sides[SIDE_UP],
                                    &sides[SIDE_DOWN]);
        for (size_t i = 0; r >= 0 && i < SIDE_MAX; i++)
                if (sides[i] > REQUEST_SIZE_MAX)
                        return error_set(error, -EINVAL, "%s: %u is not between 0 and %d", option->name, sides[i],
                                         REQUEST_SIZE_MAX);
        return r;
}

bool options_has_loras(const Options *options, Value *ret)
{
        (void)ret;
        return options->request.n_loras > 0;
}

int options_append_loras(sd_bus_message *message, const Options *options)
{
        const Request *q = &options->request;

        int r = sd_bus_message_open_container(message, 'a', "(sd)");
        for (uint32_t i = 0; i < q->n_loras && r >= 0; i++)
                r = sd_bus_message_append(message, "(sd)", q->loras[i].name, q->loras[i].weight);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

json_t *options_loras_to_json(const Options *options)
{
        const Request *q = &options->request;
        json_t *loras = json_array();

        for (uint32_t i = 0; i < q->n_loras; i++)
                (void)json_array_append_new(loras, json_pack("[s, f]", q->loras[i].name, q->loras[i].weight));
        return loras;
}

bool options_has_outpaint(const Options *options, Value *ret)
{
        (void)ret;
        return request_outpaints(&options->request);
}

int options_append_outpaint(sd_bus_message *message, const Options *options)
{
        const uint32_t *sides = options->request.outpaint;

        return sd_bus_message_append(message, "(uuuu)", sides[SIDE_LEFT], sides[SIDE_RIGHT], sides[SIDE_UP],
                                     sides[SIDE_DOWN]);
}

json_t *options_outpaint_to_json(const Options *options)
{
        const uint32_t *sides = options->request.outpaint;

        return json_pack("[I, I, I, I]", (json_int_t)sides[SIDE_LEFT], (json_int_t)sides[SIDE_RIGHT],
                         (json_int_t)sides[SIDE_UP], (json_int_t)sides[SIDE_DOWN]);
}
