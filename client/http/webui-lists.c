/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/memfd.h"
#include "base/util.h"
#include "client/http/listing.h"
#include "client/http/routes.h"
#include "client/http/webui.h"
#include "client/models.h"
#include "client/settings.h"

#define CHOICE_MAX 127 /* bytes of a model's name */

/* --- which model an app has chosen --- */

struct Choice {
        struct Choice *next;
        char app[TOKEN_NAME_MAX + 1];
        char model[CHOICE_MAX + 1];
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

void webui_set_options(Exchange *x)
{
        json_t *asked = exchange_body(x);
        const char *model = json_string_value(json_object_get(asked, "sd_model_checkpoint"));

        if (!asked)
                return;
        /* "NAME [HASH]", as sd-models has it for a title, is NAME. */
        const size_t length = model ? strcspn(model, "[") : 0;
        if (length > CHOICE_MAX)
                exchange_refuse(x, 422, NULL, "sd_model_checkpoint: that name is too long");
        else if (model) {
                char name[CHOICE_MAX + 1];
                (void)snprintf(name, sizeof(name), "%.*s", (int)(length > 0 && model[length] && model[length - 1] == ' ' ? length - 1 : length), model);
                if (choose(x->bridge, x->app, name))
                        exchange_answer(x, 200, NULL);
                else
                        exchange_refuse(x, 503, NULL, "out of memory");
        } else {
                exchange_answer(x, 200, NULL); /* others have no meaning here */
        }
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

        exchange_answer(x, 200, json_pack("{s:s, s:s, s:i, s:s, s:s}", "sd_model_checkpoint", chosen ? chosen : model ? string_of(model, "name") : "",
                                          "sd_checkpoint_hash", model ? string_of(model, "digest") : "", "CLIP_stop_at_last_layers", 1,
                                          "samples_format", "png", "sd_vae", "Automatic"));
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

/* --- how a picture was made, as it stands in it --- */

void webui_png_info(Exchange *x)
{
        json_t *asked = exchange_body(x);
        const char *image = json_string_value(json_object_get(asked, "image"));
        Settings settings = { 0 };

        if (!asked)
                return;
        const char *comma = image && strncmp(image, "data:", 5) == 0 ? strchr(image, ',') : NULL;
        char *copy = image ? strdup(comma ? comma + 1 : image) : NULL;
        ssize_t size = copy ? base64_decode(copy, strlen(copy)) : -1;
        json_decref(asked);
        if (size <= 0)
                exchange_refuse(x, 422, NULL, "image is no picture in base64");
        else if (settings_find(copy, (size_t)size, &settings) > 0)
                exchange_answer(x, 200, json_pack("{s:s, s:{s:s}, s:{s:s, s:s}}", "info", settings.text, "items", "parameters",
                                                  settings.text, "parameters", "Prompt", settings.prompt, "Negative prompt",
                                                  settings.negative));
        else
                exchange_answer(x, 200, json_pack("{s:s, s:{}, s:{}}", "info", "", "items", "parameters"));
        settings_done(&settings);
        free(copy);
}
