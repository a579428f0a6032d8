/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "engine/model/config.h"
#include "engine/model/json-reader.h"

#define CHANNELS_MAX 65536
#define LAYERS_MAX 128
#define SAMPLE_SIZE_MAX 4096

static const char *const down_blocks[] = { "DownEncoderBlock2D", NULL };
static const char *const up_blocks[] = { "UpDecoderBlock2D", NULL };

static void read_levels(JsonReader *json, VaeConfig *c)
{
        c->n_levels = json_u32_list(json, "block_out_channels", 1, CHANNELS_MAX, c->block_out_channels,
                                    CONFIG_LEVELS_MAX);
        if (c->n_levels == 0) {
                c->n_levels = 1;
                c->block_out_channels[0] = 64;
        }

        int blocks[CONFIG_LEVELS_MAX];
        uint32_t down = json_choice_list(json, "down_block_types", down_blocks, blocks, CONFIG_LEVELS_MAX);
        uint32_t up = json_choice_list(json, "up_block_types", up_blocks, blocks, CONFIG_LEVELS_MAX);
        if (MAX(down, 1U) != c->n_levels)
                json_fail(json, -EBADMSG, "down_block_types", "%u blocks for %u levels", MAX(down, 1U),
                          c->n_levels);
        if (MAX(up, 1U) != c->n_levels)
                json_fail(json, -EBADMSG, "up_block_types", "%u blocks for %u levels", MAX(up, 1U),
                          c->n_levels);

        for (uint32_t i = 0; i < c->n_levels; i++)
                if (c->block_out_channels[i] % c->norm_groups != 0)
                        json_fail(json, -EBADMSG, "norm_num_groups", "%u groups do not divide %u channels",
                                  c->norm_groups, c->block_out_channels[i]);
}

/* The levels of AutoencoderTiny, whose halves each have numbers of blocks of their own. */
static void read_tiny_levels(JsonReader *json, VaeConfig *c)
{
        static const char *const channel_keys[] = { "encoder_block_out_channels", "decoder_block_out_channels" },
                                *const block_keys[] = { "num_encoder_blocks", "num_decoder_blocks" };
        static const uint32_t default_blocks[2][4] = { { 1, 3, 3, 3 }, { 3, 3, 3, 1 } };

        for (uint32_t half = 0; half < 2 && json->result >= 0; half++) {
                uint32_t channels[CONFIG_LEVELS_MAX] = { 64, 64, 64, 64 };
                uint32_t n = json_u32_list(json, channel_keys[half], 1, CHANNELS_MAX, channels, CONFIG_LEVELS_MAX);
                uint32_t blocks = json_u32_list(json, block_keys[half], 1, LAYERS_MAX, c->tiny_blocks[half],
                                                CONFIG_LEVELS_MAX);

                n = n ? n : 4;
                if (blocks == 0) {
                        blocks = 4;
                        memcpy(c->tiny_blocks[half], default_blocks[half], sizeof(default_blocks[half]));
                }
                c->n_levels = half == 0 ? n : c->n_levels;
                if (blocks != n || n != c->n_levels)
                        json_fail(json, -EBADMSG, block_keys[half], "%u numbers for %u levels", blocks, c->n_levels);
                c->block_out_channels[0] = half == 0 ? channels[0] : c->block_out_channels[0];
                for (uint32_t i = 0; i < n; i++)
                        if (channels[i] != c->block_out_channels[0])
                                json_fail(json, -EOPNOTSUPP, channel_keys[half], "levels of %u and %u channels are not supported",
                                          c->block_out_channels[0], channels[i]);
        }
}

static int read_tiny(JsonReader *json, VaeConfig *ret)
{
        json_only(json, "act_fn", "\"relu\"");
        json_only(json, "upsampling_scaling_factor", "2");
        json_only(json, "upsample_fn", "\"nearest\"");
        VaeConfig c = {
                .kind = VAE_TINY,
                .in_channels = json_u32(json, "in_channels", 3, 1, CHANNELS_MAX),
                .out_channels = json_u32(json, "out_channels", 3, 1, CHANNELS_MAX),
                .latent_channels = json_u32(json, "latent_channels", 4, 1, CHANNELS_MAX / 2),
                .scaling_factor = (float)json_number(json, "scaling_factor", 1, 1e-6, 1e6),
                .shift_factor = (float)json_number(json, "shift_factor", 0, -1e6, 1e6),
        };
        read_tiny_levels(json, &c);
        if (json->result < 0)
                return json->result;

        *ret = c;
        return 0;
}

int vae_config_read(VaeConfig *ret, const char *path, Error *error)
{
        _cleanup_(json_reader_done) JsonReader json = {};
        int r = json_reader_open(&json, path, error);
        if (r < 0)
                return r;

        if (!json_is(&json, "_class_name", "\"AutoencoderKL\"") &&
            json_is(&json, "_class_name", "\"AutoencoderTiny\""))
                return read_tiny(&json, ret);

        json_only(&json, "act_fn", "\"silu\"");
        json_only(&json, "latents_mean", NULL);
        json_only(&json, "latents_std", NULL);
        VaeConfig c = {
                .in_channels = json_u32(&json, "in_channels", 3, 1, CHANNELS_MAX),
                .out_channels = json_u32(&json, "out_channels", 3, 1, CHANNELS_MAX),
                .latent_channels = json_u32(&json, "latent_channels", 4, 1, CHANNELS_MAX / 2),
                .sample_size = json_u32(&json, "sample_size", 32, 1, SAMPLE_SIZE_MAX),
                .layers_per_block = json_u32(&json, "layers_per_block", 1, 1, LAYERS_MAX),
                .norm_groups = json_u32(&json, "norm_num_groups", 32, 1, CHANNELS_MAX),
                .mid_attention = json_bool(&json, "mid_block_add_attention", true),
                .use_quant_conv = json_bool(&json, "use_quant_conv", true),
                .use_post_quant_conv = json_bool(&json, "use_post_quant_conv", true),
                .scaling_factor = (float)json_number(&json, "scaling_factor", 0.18215, 1e-6, 1e6),
                .shift_factor = (float)json_number(&json, "shift_factor", 0, -1e6, 1e6),
        };
        read_levels(&json, &c);
        if (json.result < 0)
                return json.result;

        *ret = c;
        return 0;
}
