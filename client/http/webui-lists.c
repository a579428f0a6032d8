/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "client/http/listing.h"
#include "client/http/routes.h"
#include "client/http/webui-request.h"
#include "client/http/webui.h"
#include "client/models.h"

/* --- which model an app has chosen --- */

struct Choice {
        struct Choice *next;
        char app[TOKEN_NAME_MAX + 1];
        char model[WEBUI_MODEL_MAX + 1];
};

const char *choice_of(const Bridge *bridge, const char *app)
{
        for (const struct Choice *c = bridge->choices; c; c = c->next)
                if (streq(c->app, app))
                        return c->model[0] ? c->model : NULL;
        return NULL;
}

static bool choose(Bridge *bridge, const char *app, const char *model)
{
        struct Choice *c = bridge->choices;

        while (c && !streq(c->app, app))
                c = c->next;
        if (!c) {
                c = calloc(1, sizeof(*c));
                if (!c)
                        return false;
                c->next = bridge->choices;
                bridge->choices = c;
        }
        (void)snprintf(c->app, sizeof(c->app), "%s", app);
        (void)snprintf(c->model, sizeof(c->model), "%s", model);
        return true;
}

void choices_free(Bridge *bridge)
{
        while (bridge->choices) {
                struct Choice *next = bridge->choices->next;
                free(bridge->choices);
                bridge->choices = next;
        }
}

/* Others have no meaning here. */
void webui_set_options(Exchange *x)
{
        json_t *asked = exchange_body(x);
        const char *title = json_string_value(json_object_get(asked, "sd_model_checkpoint"));
        char name[WEBUI_MODEL_MAX + 1];

        if (!asked)
                return;
        if (title && !webui_model_name(title, name))
                exchange_refuse(x, 422, NULL, "sd_model_checkpoint: that name is too long");
        else if (title && !choose(x->bridge, x->app, name))
                exchange_refuse(x, 503, NULL, "out of memory");
        else
                exchange_answer(x, 200, json_null());
        json_decref(asked);
}

/* --- models --- */

static const char *string_of(json_t *model, const char *key)
{
        const char *text = json_string_value(json_object_get(model, key));

        return text ? text : "";
}

static void answer_options(Exchange *x, json_t *models)
{
        const char *chosen = choice_of(x->bridge, x->app);
        json_t *model = models_pick(models, NULL);

        exchange_answer(x, 200, json_pack("{s:s, s:s, s:i, s:s, s:s, s:b}", "sd_model_checkpoint", chosen ? chosen : model ? string_of(model, "name") : "",
                                          "sd_checkpoint_hash", model ? string_of(model, "digest") : "", "CLIP_stop_at_last_layers", 1,
                                          "samples_format", "png", "sd_vae", "Automatic",
                                          "deepbooru_sort_alpha", false)); /* a page of Cyanic SD needs it */
}

void webui_options(Exchange *x)
{
        listing_begin(x, answer_options);
}

static void answer_webui_models(Exchange *x, json_t *models)
{
        json_t *list = json_array(), *model;
        size_t i;

        json_array_foreach(models, i, model) {
                const char *name = string_of(model, "name"), *digest = string_of(model, "digest");
                char hash[11];
                (void)snprintf(hash, sizeof(hash), "%.10s", digest);
                (void)json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:n}", "title", name, "model_name", name, "hash",
                                                            hash, "sha256", digest, "filename", name, "config"));
        }
        exchange_answer(x, 200, list);
}

void webui_models(Exchange *x)
{
        listing_begin(x, answer_webui_models);
}

static void answer_openai_models(Exchange *x, json_t *models)
{
        json_t *list = json_array(), *model;
        size_t i;

        json_array_foreach(models, i, model)
                (void)json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:s}", "id", string_of(model, "name"), "object", "model",
                                                            "created", 0, "owned_by", "imagined"));
        exchange_answer(x, 200, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

void openai_models(Exchange *x)
{
        listing_begin(x, answer_openai_models);
}

/* --- samplers and schedules, as web UIs call them --- */

static const char *const sampler_labels[SAMPLER_MAX] = {
        [SAMPLER_DDIM] = "DDIM",
        [SAMPLER_EULER] = "Euler",
        [SAMPLER_EULER_A] = "Euler a",
        [SAMPLER_HEUN] = "Heun",
        [SAMPLER_DPM2] = "DPM2",
        [SAMPLER_DPM2_A] = "DPM2 a",
        [SAMPLER_DPMPP_2S_A] = "DPM++ 2S a",
        [SAMPLER_DPMPP_2M] = "DPM++ 2M",
        [SAMPLER_DPMPP_2M_SDE] = "DPM++ 2M SDE",
        [SAMPLER_DPMPP_SDE] = "DPM++ SDE",
        [SAMPLER_LMS] = "LMS",
        [SAMPLER_DDPM] = "DDPM",
        [SAMPLER_PNDM] = "PLMS",
        [SAMPLER_UNIPC] = "UniPC",
        [SAMPLER_LCM] = "LCM",
};

void webui_samplers(Exchange *x)
{
        json_t *list = json_array();

        for (int i = SAMPLER_DEFAULT + 1; i < SAMPLER_MAX; i++) {
                const char *name = sampler_to_string((Sampler)i), *label = sampler_labels[i] ? sampler_labels[i] : name;
                /* Only by names that are understood. */
                label = sampler_from_string(label, NULL) == i ? label : name;
                (void)json_array_append_new(list, json_pack("{s:s, s:[s], s:{}}", "name", label, "aliases", name, "options"));
        }
        exchange_answer(x, 200, list);
}

void webui_schedulers(Exchange *x)
{
        json_t *list = json_pack("[{s:s, s:s, s:n, s:i, s:b}]", "name", "automatic", "label", "Automatic", "aliases", "default_rho", -1,
                                 "need_inner_model", 0);

        for (int i = SIGMA_SCHEDULE_DEFAULT + 1; i < SIGMA_SCHEDULE_MAX; i++) {
                const char *name = sigma_schedule_to_string((SigmaSchedule)i);
                (void)json_array_append_new(list, json_pack("{s:s, s:s, s:n, s:i, s:b}", "name", name, "label", name, "aliases",
                                                            "default_rho", -1, "need_inner_model", 0));
        }
        exchange_answer(x, 200, list);
}
