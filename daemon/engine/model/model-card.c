/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "engine/model/config.h"
#include "engine/model/json-reader.h"

#define ENLARGE_FACTOR_MAX 8

static void read_sampler(JsonReader *json, ModelCard *card)
{
        char name[32];

        json_text(json, "sampler", "", name, sizeof(name));
        if (json->result < 0 || name[0] == '\0')
                return;
        int r = sampler_from_string(name, &card->schedule);
        if (r < 0)
                json_fail(json, -EOPNOTSUPP, "sampler", "\"%s\" is not supported", name);
        else
                card->sampler = (Sampler)r;
}

/* The name travels on the bus and stands in file names. */
static void read_name(JsonReader *json, ModelCard *card)
{
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

        json_text(json, "name", "", card->name, sizeof(card->name));
        if (card->name[strspn(card->name, plain)] != '\0')
                json_fail(json, -EBADMSG, "name", "\"%s\" has other characters than letters, digits, . _ -",
                          card->name);
}

static void read_precision(JsonReader *json, ModelCard *card)
{
        static const char *const names[] = {
                [PRECISION_AUTO] = "auto", [PRECISION_F32] = "f32", [PRECISION_BF16] = "bf16", [PRECISION_INT8] = "int8", NULL
        };

        card->precision = (Precision)json_choice(json, "precision", PRECISION_AUTO, names);
}

static void read_enlarge(JsonReader *json, ModelCard *card)
{
        static const char *const names[] = { "lanczos", "network", NULL };
        static const Enlarge ways[] = { ENLARGE_LANCZOS, ENLARGE_NETWORK, ENLARGE_DEFAULT };

        card->enlarge = json_u32(json, "enlarge", 1, 1, ENLARGE_FACTOR_MAX);
        card->enlarge_with = ways[json_choice(json, "enlarge_with", 2, names)];
}

/* Touches that the list leaves out come after it, in their own order. */
static void read_touch_order(JsonReader *json, ModelCard *card)
{
        static const char *const names[TOUCH_MAX + 1] = {
                [TOUCH_REMOVE_ARTEFACTS] = "remove_artefacts",
                [TOUCH_ENLARGE] = "enlarge",
                [TOUCH_SMOOTH_EDGES] = "smooth_edges",
                [TOUCH_SHARPEN] = "sharpen",
        };
        bool seen[TOUCH_MAX] = {};
        int found[TOUCH_MAX];
        uint32_t n = json_choice_list(json, "touch_order", names, found, TOUCH_MAX), rest = n;

        for (uint32_t i = 0; i < n; i++) {
                if (seen[found[i]]) {
                        json_fail(json, -EBADMSG, "touch_order", "\"%s\" stands there twice", names[found[i]]);
                        return;
                }
                seen[found[i]] = true;
                card->touch_order[i] = (Touch)found[i];
        }
        for (int i = 0; i < TOUCH_MAX; i++)
                if (!seen[i])
                        card->touch_order[rest++] = (Touch)i;
}

void model_card_init(ModelCard *card)
{
        *card = (ModelCard) { .guidance = -1, .enlarge = 1, .prediction = -1 };
        for (int i = 0; i < TOUCH_MAX; i++)
                card->touch_order[i] = (Touch)i;
}

int model_card_read(ModelCard *ret, const char *path, Error *error)
{
        _cleanup_(json_reader_done) JsonReader json = {};
        int r = json_reader_open(&json, path, error);
        if (r < 0)
                return r;

        ModelCard card = {
                .steps = json_u32(&json, "steps", 0, 1, REQUEST_STEPS_MAX),
                .guidance = json_number(&json, "guidance", -1, 0, REQUEST_GUIDANCE_MAX),
                .guidance_rescale = json_number(&json, "guidance_rescale", 0, 0, 1),
                .fast_steps = json_u32(&json, "fast_steps", 0, 1, REQUEST_STEPS_MAX),
                .fast_guidance = json_number(&json, "fast_guidance", 1, 0, REQUEST_GUIDANCE_MAX),
                .native_size = json_u32(&json, "native_size", 0, 1, REQUEST_SIZE_MAX),
                .prompt_chunks = json_u32(&json, "prompt_chunks", 0, 1, REQUEST_CHUNKS_MAX),
                .remove_artefacts = json_number(&json, "remove_artefacts", 0, 0, 1),
                .smooth_edges = json_number(&json, "smooth_edges", 0, 0, 1),
                .sharpen = json_number(&json, "sharpen", 0, 0, 1),
        };
        read_enlarge(&json, &card);
        read_precision(&json, &card);
        read_touch_order(&json, &card);
        static const char *const predictions[] = { [PREDICTION_EPSILON] = "epsilon",
                                                   [PREDICTION_V] = "v_prediction",
                                                   [PREDICTION_SAMPLE] = "sample",
                                                   NULL };
        card.prediction = json_choice(&json, "prediction_type", -1, predictions);
        json_text(&json, "vae", "", card.vae, sizeof(card.vae));
        if (card.vae[0] == '.' || strchr(card.vae, '/'))
                json_fail(&json, -EBADMSG, "vae", "\"%s\" is not a file beside the model", card.vae);
        read_name(&json, &card);
        json_text(&json, "empty_prompt", "", card.empty_prompt, sizeof(card.empty_prompt));
        json_text(&json, "version", "", card.version, sizeof(card.version));
        json_text(&json, "license", "", card.license, sizeof(card.license));
        read_sampler(&json, &card);
        if (json.result < 0)
                return json.result;

        *ret = card;
        return 0;
}
