/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>

#include "engine/model/config.h"
#include "engine/model/json-reader.h"

#define WIDTH_MAX 65536
#define LAYERS_MAX 128
#define POSITIONS_MAX 1024
#define VOCAB_MAX (1U << 20)

static const char *const activations[] = {
        [ACTIVATION_SILU] = "silu",
        [ACTIVATION_GELU] = "gelu",
        [ACTIVATION_QUICK_GELU] = "quick_gelu",
        NULL,
};

int text_encoder_config_read(TextEncoderConfig *ret, const char *path, Error *error)
{
        _cleanup_(json_reader_done) JsonReader json = {};
        int r = json_reader_open(&json, path, error);
        if (r < 0)
                return r;

        json_only(&json, "model_type", "\"clip_text_model\"");
        TextEncoderConfig c = {
                .vocab_size = json_u32(&json, "vocab_size", 49408, 3, VOCAB_MAX),
                .hidden_size = json_u32(&json, "hidden_size", 512, 1, WIDTH_MAX),
                .intermediate_size = json_u32(&json, "intermediate_size", 2048, 1, WIDTH_MAX),
                .n_layers = json_u32(&json, "num_hidden_layers", 12, 1, LAYERS_MAX),
                .n_heads = json_u32(&json, "num_attention_heads", 8, 1, WIDTH_MAX),
                .max_positions = json_u32(&json, "max_position_embeddings", 77, 3, POSITIONS_MAX),
                .activation = (Activation)json_choice(&json, "hidden_act", ACTIVATION_QUICK_GELU,
                                                      activations),
                .layer_norm_eps = (float)json_number(&json, "layer_norm_eps", 1e-5, 1e-12, 1),
                .projection = json_u32(&json, "projection_dim", 512, 1, WIDTH_MAX),
                .eos_token = json_u32(&json, "eos_token_id", CONFIG_EOS_LARGEST, 0, VOCAB_MAX),
        };
        /* OpenCLIP's ViT-H has 24. */
        c.left_out = c.n_layers == 23 && c.activation == ACTIVATION_GELU;
        if (json.result >= 0 && c.hidden_size % c.n_heads != 0)
                json_fail(&json, -EBADMSG, "num_attention_heads", "%u heads do not divide hidden_size %u",
                          c.n_heads, c.hidden_size);
        if (json.result < 0)
                return json.result;

        *ret = c;
        return 0;
}
