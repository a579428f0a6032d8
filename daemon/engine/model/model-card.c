/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "engine/model/config.h"
#include "engine/model/json-reader.h"

#define ENLARGE_MAX 8

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
                .enlarge = json_u32(&json, "enlarge", 1, 1, ENLARGE_MAX),
        };
        static const char *const predictions[] = { [PREDICTION_EPSILON] = "epsilon",
                                                   [PREDICTION_V] = "v_prediction",
                                                   [PREDICTION_SAMPLE] = "sample",
                                                   NULL };
        card.prediction = json_choice(&json, "prediction_type", -1, predictions);
        json_text(&json, "vae", "", card.vae, sizeof(card.vae));
        if (card.vae[0] == '.' || strchr(card.vae, '/'))
                json_fail(&json, -EBADMSG, "vae", "\"%s\" is not a file beside the model", card.vae);
        read_name(&json, &card);
        json_text(&json, "version", "", card.version, sizeof(card.version));
        json_text(&json, "license", "", card.license, sizeof(card.license));
        read_sampler(&json, &card);
        if (json.result < 0)
                return json.result;

        *ret = card;
        return 0;
}
