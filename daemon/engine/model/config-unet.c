/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/model/config.h"
#include "engine/model/json-reader.h"

#define CHANNELS_MAX 65536
#define LAYERS_MAX 128
#define SAMPLE_SIZE_MAX 2048

/* Variants of UNet2DConditionModel that are not computed here: each key may only have the value it has in
 * Stable Diffusion 1 and 2 (NULL: none). */
static const struct {
        const char *key, *only;
} fixed[] = {
        { "act_fn", "\"silu\"" },
        { "attention_type", "\"default\"" },
        { "center_input_sample", "false" },
        { "class_embed_type", NULL },
        { "class_embeddings_concat", "false" },
        { "conv_in_kernel", "3" },
        { "conv_out_kernel", "3" },
        { "cross_attention_norm", NULL },
        { "downsample_padding", "1" },
        { "dual_cross_attention", "false" },
        { "encoder_hid_dim", NULL },
        { "encoder_hid_dim_type", NULL },
        { "mid_block_only_cross_attention", "false" },
        { "mid_block_scale_factor", "1" },
        { "mid_block_type", "\"UNetMidBlock2DCrossAttn\"" },
        { "num_class_embeds", NULL },
        { "only_cross_attention", "false" },
        { "resnet_out_scale_factor", "1" },
        { "resnet_skip_time_act", "false" },
        { "resnet_time_scale_shift", "\"default\"" },
        { "reverse_transformer_layers_per_block", NULL },
        { "time_embedding_act_fn", NULL },
        { "time_embedding_dim", NULL },
        { "time_embedding_type", "\"positional\"" },
        { "timestep_post_act", NULL },
};

/* The second of each pair has cross-attention. */
static const char *const down_blocks[] = { "DownBlock2D", "CrossAttnDownBlock2D", NULL };
static const char *const up_blocks[] = { "UpBlock2D", "CrossAttnUpBlock2D", NULL };

static void read_blocks(JsonReader *json, UNetConfig *c, const char *key, const char *const *names,
                        const char *plain_at, bool ret[static CONFIG_LEVELS_MAX])
{
        int blocks[CONFIG_LEVELS_MAX] = {};
        uint32_t n = json_choice_list(json, key, names, blocks, CONFIG_LEVELS_MAX);

        if (n == 0 && json->result >= 0) { /* absent */
                n = 4;
                for (uint32_t i = 0; i < n; i++)
                        blocks[i] = plain_at[i] == 'a';
        }
        if (json->result >= 0 && n != c->n_levels)
                json_fail(json, -EBADMSG, key, "%u blocks for %u levels", n, c->n_levels);
        for (uint32_t i = 0; i < CONFIG_LEVELS_MAX; i++)
                ret[i] = blocks[i];
}

/* SDXL's: the pooled text and six numbers about sizes, which are added to the time embedding. */
static void read_added(JsonReader *json, UNetConfig *c)
{
        if (json_is(json, "addition_embed_type", NULL))
                return;
        json_only(json, "addition_embed_type", "\"text_time\"");
        c->sizes_width = json_u32(json, "addition_time_embed_dim", 256, 2, CHANNELS_MAX);
        c->added_width = json_u32(json, "projection_class_embeddings_input_dim", 2816, 1, CHANNELS_MAX);
        if (json->result >= 0 && (c->sizes_width % 2 != 0 || c->added_width <= CONFIG_SIZES * c->sizes_width))
                json_fail(json, -EOPNOTSUPP, "projection_class_embeddings_input_dim",
                          "%u with six sizes of %u numbers each is not supported", c->added_width,
                          c->sizes_width);
}

static void read_levels(JsonReader *json, UNetConfig *c)
{
        static const uint32_t default_channels[] = { 320, 640, 1280, 1280 };

        c->n_levels = json_u32_list(json, "block_out_channels", 1, CHANNELS_MAX, c->block_out_channels,
                                    CONFIG_LEVELS_MAX);
        if (c->n_levels == 0) {
                c->n_levels = ELEMENTSOF(default_channels);
                memcpy(c->block_out_channels, default_channels, sizeof(default_channels));
        }
        read_blocks(json, c, "down_block_types", down_blocks, "aaa-", c->down_attention);
        read_blocks(json, c, "up_block_types", up_blocks, "-aaa", c->up_attention);
        json_u32_each(json, "layers_per_block", 2, 1, LAYERS_MAX, c->layers_per_block, c->n_levels);
        json_u32_each(json, "transformer_layers_per_block", 1, 1, LAYERS_MAX, c->transformer_layers,
                      c->n_levels);
        /* attention_head_dim is the number of heads unless num_attention_heads is given: a misnomer that
         * diffusers keeps. */
        json_u32_each(json, "attention_head_dim", 8, 1, CHANNELS_MAX, c->n_heads, c->n_levels);
        if (!json_is(json, "num_attention_heads", NULL))
                json_u32_each(json, "num_attention_heads", c->n_heads[0], 1, CHANNELS_MAX, c->n_heads,
                              c->n_levels);
}

static void check_levels(JsonReader *json, const UNetConfig *c)
{
        for (uint32_t i = 0; i < c->n_levels && json->result >= 0; i++) {
                uint32_t channels = c->block_out_channels[i];

                if (channels % c->norm_groups != 0)
                        json_fail(json, -EBADMSG, "norm_num_groups", "%u groups do not divide %u channels",
                                  c->norm_groups, channels);
                bool attention = c->down_attention[i] || c->up_attention[c->n_levels - 1 - i] ||
                                 i == c->n_levels - 1;
                if (attention && channels % c->n_heads[i] != 0)
                        json_fail(json, -EBADMSG, "attention_head_dim", "%u heads do not divide %u channels",
                                  c->n_heads[i], channels);
        }
        if (c->block_out_channels[0] % 2 != 0)
                json_fail(json, -EOPNOTSUPP, "block_out_channels",
                          "%u, an odd number, is not supported first", c->block_out_channels[0]);
}

int unet_config_read(UNetConfig *ret, const char *path, Error *error)
{
        _cleanup_(json_reader_done) JsonReader json = {};
        int r = json_reader_open(&json, path, error);
        if (r < 0)
                return r;

        for (size_t i = 0; i < ELEMENTSOF(fixed); i++)
                json_only(&json, fixed[i].key, fixed[i].only);
        UNetConfig c = {
                .in_channels = json_u32(&json, "in_channels", 4, 1, CHANNELS_MAX),
                .out_channels = json_u32(&json, "out_channels", 4, 1, CHANNELS_MAX),
                .sample_size = json_u32(&json, "sample_size", 64, 1, SAMPLE_SIZE_MAX),
                .cross_attention_dim = json_u32(&json, "cross_attention_dim", 1280, 1, CHANNELS_MAX),
                .norm_groups = json_u32(&json, "norm_num_groups", 32, 1, CHANNELS_MAX),
                .norm_eps = (float)json_number(&json, "norm_eps", 1e-5, 1e-12, 1),
                .use_linear_projection = json_bool(&json, "use_linear_projection", false),
                .flip_sin_to_cos = json_bool(&json, "flip_sin_to_cos", true),
                .freq_shift = (float)json_number(&json, "freq_shift", 0, -16, 16),
                .guidance_width = json_u32(&json, "time_cond_proj_dim", 0, 4, CHANNELS_MAX),
        };
        if (json.result >= 0 && c.guidance_width % 2 != 0)
                json_fail(&json, -EOPNOTSUPP, "time_cond_proj_dim", "%u, an odd number, is not supported",
                          c.guidance_width);
        read_added(&json, &c);
        read_levels(&json, &c);
        check_levels(&json, &c);
        if (json.result < 0)
                return json.result;

        *ret = c;
        return 0;
}
