/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "engine/model/original-names.h"

typedef struct Rename {
        const char *from, *to; /* beginnings of a key; to NULL: none */
} Rename;

/* The key with the beginning that is found in the table replaced. False if none is. */
static bool rename_start(const Rename *renames, size_t n, const char *key, char *ret, size_t size)
{
        for (size_t i = 0; i < n; i++) {
                const size_t length = strlen(renames[i].from);

                if (strncmp(key, renames[i].from, length) == 0 && (key[length] == '.' || key[length] == '\0'))
                        return (size_t)snprintf(ret, size, "%s%s", renames[i].to, key + length) < size;
        }
        return false;
}

static const Rename resnet_names[] = {
        { "norm1", "in_layers.0" },    { "conv1", "in_layers.2" },         { "time_emb_proj", "emb_layers.1" },
        { "norm2", "out_layers.0" },   { "conv2", "out_layers.3" },        { "conv_shortcut", "skip_connection" },
};

static const Rename unet_names[] = {
        { "conv_in", "input_blocks.0.0" },
        { "time_embedding.linear_1", "time_embed.0" },
        { "time_embedding.linear_2", "time_embed.2" },
        { "time_embedding.cond_proj", "time_embed.cond_proj" },
        { "add_embedding.linear_1", "label_emb.0.0" },
        { "add_embedding.linear_2", "label_emb.0.2" },
        { "mid_block.attentions.0", "middle_block.1" },
        { "conv_norm_out", "out.0" },
        { "conv_out", "out.2" },
};

/* Blocks are numbered through all levels: conv_in, then each level's resnets and what resamples after them. */
static uint32_t blocks_before(const UNetConfig *c, bool down, uint32_t level)
{
        uint32_t n = down ? 1 : 0;

        for (uint32_t i = 0; i < level; i++)
                n += c->layers_per_block[down ? i : c->n_levels - 1 - i] + 1;
        return n;
}

static bool print(char *ret, const char *half, uint32_t block, const char *rest)
{
        return (size_t)snprintf(ret, ORIGINAL_KEY_MAX, "%s.%u.%s", half, block, rest) < ORIGINAL_KEY_MAX;
}

static bool unet_level_key(const UNetConfig *c, bool down, uint32_t level, const char *rest, char *ret)
{
        const char *half = down ? "input_blocks" : "output_blocks";
        uint32_t block, layer;
        char name[ORIGINAL_KEY_MAX], inner[ORIGINAL_KEY_MAX];
        int at = 0;

        if (level >= c->n_levels)
                return false;
        block = blocks_before(c, down, level);
        if (sscanf(rest, "resnets.%u.%n", &layer, &at) == 1 && at > 0) {
                if (!rename_start(resnet_names, ELEMENTSOF(resnet_names), rest + at, inner, sizeof(inner)))
                        return false;
                return snprintf(name, sizeof(name), "0.%.200s", inner) > 0 && print(ret, half, block + layer, name);
        }
        if (sscanf(rest, "attentions.%u.%n", &layer, &at) == 1 && at > 0)
                return snprintf(name, sizeof(name), "1.%.200s", rest + at) > 0 && print(ret, half, block + layer, name);
        if (down && sscanf(rest, "downsamplers.0.conv.%n", &at) == 0 && at > 0)
                return snprintf(name, sizeof(name), "0.op.%.200s", rest + at) > 0 &&
                       print(ret, half, block + c->layers_per_block[level], name);
        if (!down && sscanf(rest, "upsamplers.0.conv.%n", &at) == 0 && at > 0)
                return snprintf(name, sizeof(name), "%d.conv.%.200s", c->up_attention[level] ? 2 : 1, rest + at) > 0 &&
                       print(ret, half, block + c->layers_per_block[c->n_levels - 1 - level], name);
        return false;
}

static bool unet_key(const UNetConfig *c, const char *key, char *ret)
{
        uint32_t i;
        int at = 0;
        char inner[ORIGINAL_KEY_MAX];

        if (sscanf(key, "down_blocks.%u.%n", &i, &at) == 1 && at > 0)
                return unet_level_key(c, true, i, key + at, ret);
        if (sscanf(key, "up_blocks.%u.%n", &i, &at) == 1 && at > 0)
                return unet_level_key(c, false, i, key + at, ret);
        if (sscanf(key, "mid_block.resnets.%u.%n", &i, &at) == 1 && at > 0)
                return rename_start(resnet_names, ELEMENTSOF(resnet_names), key + at, inner, sizeof(inner)) &&
                       print(ret, "middle_block", 2 * i, inner);
        return rename_start(unet_names, ELEMENTSOF(unet_names), key, ret, ORIGINAL_KEY_MAX);
}

static const Rename vae_names[] = {
        { "conv_in", "conv_in" },
        { "conv_norm_out", "norm_out" },
        { "conv_out", "conv_out" },
        { "mid_block.resnets.0.conv_shortcut", "mid.block_1.nin_shortcut" },
        { "mid_block.resnets.1.conv_shortcut", "mid.block_2.nin_shortcut" },
        { "mid_block.resnets.0", "mid.block_1" },
        { "mid_block.resnets.1", "mid.block_2" },
        { "mid_block.attentions.0.group_norm", "mid.attn_1.norm" },
        { "mid_block.attentions.0.to_q", "mid.attn_1.q" },
        { "mid_block.attentions.0.to_k", "mid.attn_1.k" },
        { "mid_block.attentions.0.to_v", "mid.attn_1.v" },
        { "mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out" },
};

static const Rename vae_resnet_names[] = {
        { "norm1", "norm1" }, { "conv1", "conv1" }, { "norm2", "norm2" }, { "conv2", "conv2" }, { "conv_shortcut", "nin_shortcut" },
};

/* rest: what follows "decoder." or "encoder.". The decoder's levels are numbered from the largest picture here, from the
 * smallest there. */
static bool vae_half_key(const VaeConfig *c, bool decoder, const char *rest, char *ret, size_t size)
{
        const char *blocks = decoder ? "up" : "down";
        uint32_t level, layer;
        int at = 0;
        char inner[ORIGINAL_KEY_MAX];

        if (sscanf(rest, decoder ? "up_blocks.%u.%n" : "down_blocks.%u.%n", &level, &at) != 1 || at == 0)
                return rename_start(vae_names, ELEMENTSOF(vae_names), rest, ret, size);
        if (level >= c->n_levels)
                return false;
        level = decoder ? c->n_levels - 1 - level : level;
        rest += at;
        at = 0;
        if (sscanf(rest, "resnets.%u.%n", &layer, &at) == 1 && at > 0)
                return rename_start(vae_resnet_names, ELEMENTSOF(vae_resnet_names), rest + at, inner, sizeof(inner)) &&
                       (size_t)snprintf(ret, size, "%s.%u.block.%u.%.200s", blocks, level, layer, inner) < size;
        if (sscanf(rest, decoder ? "upsamplers.0.conv.%n" : "downsamplers.0.conv.%n", &at) == 0 && at > 0)
                return (size_t)snprintf(ret, size, "%s.%u.%ssample.conv.%.200s", blocks, level, blocks, rest + at) < size;
        return false;
}

static bool vae_key(const VaeConfig *c, const char *key, char *ret)
{
        const bool decoder = strncmp(key, "decoder.", 8) == 0;
        char inner[ORIGINAL_KEY_MAX];

        if (!decoder && strncmp(key, "encoder.", 8) != 0) /* quant_conv, post_quant_conv */
                return (size_t)snprintf(ret, ORIGINAL_KEY_MAX, "%s", key) < ORIGINAL_KEY_MAX;
        return vae_half_key(c, decoder, key + 8, inner, sizeof(inner)) &&
               (size_t)snprintf(ret, ORIGINAL_KEY_MAX, "%.8s%.240s", key, inner) < ORIGINAL_KEY_MAX;
}

static const Rename open_clip_names[] = {
        { "text_model.embeddings.token_embedding", "token_embedding" },
        { "text_model.embeddings.position_embedding.weight", "positional_embedding" },
        { "text_model.final_layer_norm", "ln_final" },
        { "text_projection.weight", "text_projection" },
};

static const Rename open_clip_layer_names[] = {
        { "layer_norm1", "ln_1" },
        { "layer_norm2", "ln_2" },
        { "self_attn.out_proj", "attn.out_proj" },
        { "mlp.fc1", "mlp.c_fc" },
        { "mlp.fc2", "mlp.c_proj" },
        /* Queries, keys and values lie in one. */
        { "self_attn.q_proj.weight", "attn.in_proj_weight" },
        { "self_attn.q_proj.bias", "attn.in_proj_bias" },
        { "self_attn.k_proj.weight", "attn.in_proj_weight" },
        { "self_attn.k_proj.bias", "attn.in_proj_bias" },
        { "self_attn.v_proj.weight", "attn.in_proj_weight" },
        { "self_attn.v_proj.bias", "attn.in_proj_bias" },
};

static uint32_t part_of(char letter)
{
        return letter == 'q' ? 0 : letter == 'k' ? 1 : 2;
}

static bool open_clip_key(const char *key, OriginalKey *ret, char *name)
{
        uint32_t layer;
        int at = 0;
        char inner[ORIGINAL_KEY_MAX];

        ret->transposed = streq(key, "text_projection.weight");
        if (sscanf(key, "text_model.encoder.layers.%u.%n", &layer, &at) != 1 || at == 0)
                return rename_start(open_clip_names, ELEMENTSOF(open_clip_names), key, name, ORIGINAL_KEY_MAX);

        const char *rest = key + at;
        if (!rename_start(open_clip_layer_names, ELEMENTSOF(open_clip_layer_names), rest, inner, sizeof(inner)))
                return false;
        if (strncmp(inner, "attn.in_proj", 12) == 0) {
                ret->parts = 3;
                ret->part = part_of(rest[10]);
        }
        return print(name, "transformer.resblocks", layer, inner);
}

static bool stable_cpp_key(const char *key, bool fused, OriginalKey *ret, char *name)
{
        uint32_t layer;
        int at = 0, end = 0;
        char letter;

        ret->transposed = streq(key, "text_projection.weight");
        if (fused && sscanf(key, "text_model.encoder.layers.%u.self_attn.%n%c_proj.%n", &layer, &at, &letter, &end) == 2 && end > 0 &&
            letter != 'o') {
                ret->parts = 3;
                ret->part = part_of(letter);
                return (size_t)snprintf(name, ORIGINAL_KEY_MAX, "%.*sin_proj.%s", at, key, key + end) < ORIGINAL_KEY_MAX;
        }
        return (size_t)snprintf(name, ORIGINAL_KEY_MAX, "%s", ret->transposed ? "text_model.text_projection" : key) < ORIGINAL_KEY_MAX;
}

bool original_key(const KeyMap *map, const char *key, OriginalKey *ret)
{
        OriginalKey found = { .parts = 1 };
        char name[ORIGINAL_KEY_MAX];
        bool known = true;

        switch (map->layout) {
        case KEYS_SAME:
                known = (size_t)snprintf(name, sizeof(name), "%s", key) < sizeof(name);
                break;
        case KEYS_UNET:
                known = unet_key(map->unet, key, name);
                break;
        case KEYS_VAE:
                known = vae_key(map->vae, key, name);
                break;
        case KEYS_STABLE_CPP:
        case KEYS_STABLE_CPP_FUSED:
                known = stable_cpp_key(key, map->layout == KEYS_STABLE_CPP_FUSED, &found, name);
                break;
        case KEYS_OPEN_CLIP:
                known = open_clip_key(key, &found, name);
                break;
        }
        if (!known || (size_t)snprintf(found.name, sizeof(found.name), "%s%s", map->prefix, name) >= sizeof(found.name))
                return false;
        *ret = found;
        return true;
}
