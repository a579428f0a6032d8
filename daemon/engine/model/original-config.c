/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/util.h"
#include "engine/model/original-config.h"

#define LAYERS_MAX 128
#define WIDTH_MAX 65536
#define HEAD_SIZE 64 /* of the text encoders, and of the denoisers since Stable Diffusion 2 */
#define HEADS_BEFORE 8 /* Stable Diffusion 1 has so many of any size */
#define GROUPS 32
#define UNET_PREFIX "model.diffusion_model."
#define VAE_PREFIX "first_stage_model."

_printf_(2, 3) static const StoredTensor *find(const Safetensors *file, const char *format, ...)
{
        char name[ORIGINAL_KEY_MAX];
        va_list ap;
        va_start(ap, format);
        (void)vsnprintf(name, sizeof(name), format, ap);
        va_end(ap);
        return safetensors_find(file, name);
}

/* A size of a tensor's shape; 0 if there is no such tensor, or it is absurd. */
static uint32_t size_of(const StoredTensor *t, uint32_t dim)
{
        return t && dim < t->n_dims && t->shape[dim] <= WIDTH_MAX * 16 ? (uint32_t)t->shape[dim] : 0;
}

static int missing(Error *error, const char *path, const char *prefix, const char *name)
{
        return error_set(error, -EBADMSG, "%s: no proper tensor \"%s%s\"", path, prefix, name);
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
        return b == 0 ? a : common_divisor(b, a % b);
}

/* 32, or, where channels are few, what divides them all. */
static uint32_t norm_groups(const uint32_t *channels, uint32_t n)
{
        uint32_t divisor = GROUPS;

        for (uint32_t i = 0; i < n; i++)
                divisor = common_divisor(divisor, channels[i]);
        return divisor;
}

static uint32_t count_transformer_blocks(const Safetensors *file, const char *prefix, const char *block)
{
        uint32_t n = 0;

        while (n < LAYERS_MAX && find(file, "%s%s.transformer_blocks.%u.norm1.weight", prefix, block, n))
                n++;
        return n;
}

/* Walks down the denoiser: resnets until a level ends with something that halves the size. False if there is nothing to
 * walk, or too much. */
static bool infer_down(const Safetensors *file, UNetConfig *c)
{
        uint32_t level = 0;

        for (uint32_t n = 1; n < LAYERS_MAX; n++) {
                const StoredTensor *conv = find(file, UNET_PREFIX "input_blocks.%u.0.in_layers.2.weight", n);
                char block[64];

                if (find(file, UNET_PREFIX "input_blocks.%u.0.op.weight", n)) {
                        if (c->layers_per_block[level] == 0 || ++level == CONFIG_LEVELS_MAX)
                                return false;
                        continue;
                }
                if (!conv)
                        break;
                c->block_out_channels[level] = size_of(conv, 0);
                c->layers_per_block[level]++;
                (void)snprintf(block, sizeof(block), "input_blocks.%u.1", n);
                c->transformer_layers[level] = count_transformer_blocks(file, UNET_PREFIX, block);
                c->down_attention[level] = c->transformer_layers[level] > 0;
        }
        c->n_levels = level + 1;
        return c->layers_per_block[level] > 0;
}

static void infer_up(const Safetensors *file, UNetConfig *c)
{
        uint32_t first = 0; /* block of the level */

        for (uint32_t i = 0; i < c->n_levels; i++) {
                const uint32_t level = c->n_levels - 1 - i;
                char block[64];

                (void)snprintf(block, sizeof(block), "output_blocks.%u.1", first);
                uint32_t n = count_transformer_blocks(file, UNET_PREFIX, block);
                c->up_attention[i] = n > 0;
                if (c->transformer_layers[level] == 0)
                        c->transformer_layers[level] = n;
                first += c->layers_per_block[level] + 1;
        }
}

static bool sizes_are_sane(const UNetConfig *c)
{
        for (uint32_t i = 0; i < c->n_levels; i++)
                if (c->block_out_channels[i] == 0 || c->block_out_channels[i] > WIDTH_MAX ||
                    c->block_out_channels[i] % c->norm_groups != 0)
                        return false;
        return c->in_channels > 0 && c->in_channels <= WIDTH_MAX && c->out_channels > 0 && c->out_channels <= WIDTH_MAX &&
               c->cross_attention_dim > 0 && c->cross_attention_dim <= WIDTH_MAX && c->block_out_channels[0] % 2 == 0 &&
               c->guidance_width % 2 == 0 && c->guidance_width <= WIDTH_MAX;
}

static void infer_heads(UNetConfig *c)
{
        for (uint32_t i = 0; i < c->n_levels; i++) {
                const uint32_t channels = c->block_out_channels[i];

                if (c->use_linear_projection)
                        c->n_heads[i] = channels % HEAD_SIZE == 0 ? channels / HEAD_SIZE : 1;
                else
                        c->n_heads[i] = channels % HEADS_BEFORE == 0 ? HEADS_BEFORE : 1;
        }
}

/* pooled: the width of the pooled text. */
static int infer_unet(UNetConfig *ret, const Safetensors *file, uint32_t pooled, const char *path, Error *error)
{
        const StoredTensor *middle = find(file, UNET_PREFIX "middle_block.1.transformer_blocks.0.attn2.to_k.weight");
        const StoredTensor *projection = find(file, UNET_PREFIX "middle_block.1.proj_in.weight");
        UNetConfig c = {
                .in_channels = size_of(find(file, UNET_PREFIX "input_blocks.0.0.weight"), 1),
                .out_channels = size_of(find(file, UNET_PREFIX "out.2.weight"), 0),
                .cross_attention_dim = size_of(middle, 1),
                .norm_eps = 1e-5F,
                .use_linear_projection = projection && projection->n_dims == 2,
                .flip_sin_to_cos = true,
                .guidance_width = size_of(find(file, UNET_PREFIX "time_embed.cond_proj.weight"), 1),
                .added_width = size_of(find(file, UNET_PREFIX "label_emb.0.0.weight"), 1),
        };

        if (!infer_down(file, &c))
                return missing(error, path, UNET_PREFIX, "input_blocks.1.0.in_layers.2.weight");
        infer_up(file, &c);
        const uint32_t last = c.n_levels - 1;
        c.transformer_layers[last] = count_transformer_blocks(file, UNET_PREFIX, "middle_block.1");
        if (c.transformer_layers[last] == 0)
                return missing(error, path, UNET_PREFIX, "middle_block.1.transformer_blocks.0.norm1.weight");
        c.norm_groups = norm_groups(c.block_out_channels, c.n_levels);
        infer_heads(&c);
        if (!sizes_are_sane(&c))
                return error_set(error, -EBADMSG, "%s: the denoiser's shapes are none of Stable Diffusion's", path);
        if (c.added_width > 0) {
                if (c.added_width <= pooled || (c.added_width - pooled) % (2 * CONFIG_SIZES) != 0)
                        return error_set(error, -EOPNOTSUPP,
                                         "%s: a denoiser that wants %u numbers beside a pooled text of %u (a refiner?) is "
                                         "not supported",
                                         path, c.added_width, pooled);
                c.sizes_width = (c.added_width - pooled) / CONFIG_SIZES;
        }
        *ret = c;
        return 0;
}

int original_vae_infer(VaeConfig *ret, KeyMap *ret_map, const Safetensors *file, const char *path, Error *error)
{
        const char *prefix = find(file, VAE_PREFIX "decoder.conv_in.weight") ? VAE_PREFIX : "";
        VaeConfig c = {
                .in_channels = 3,
                .out_channels = size_of(find(file, "%sdecoder.conv_out.weight", prefix), 0),
                .latent_channels = size_of(find(file, "%sdecoder.conv_in.weight", prefix), 1),
                .mid_attention = find(file, "%sdecoder.mid.attn_1.norm.weight", prefix),
                .use_quant_conv = find(file, "%squant_conv.weight", prefix),
                .use_post_quant_conv = find(file, "%spost_quant_conv.weight", prefix),
                .scaling_factor = 0.18215F,
        };

        for (uint32_t i = 0; i < CONFIG_LEVELS_MAX; i++) {
                c.block_out_channels[i] = size_of(find(file, "%sdecoder.up.%u.block.0.conv2.weight", prefix, i), 0);
                if (c.block_out_channels[i] == 0)
                        break;
                c.n_levels++;
        }
        uint32_t blocks = 0;
        while (blocks < LAYERS_MAX && find(file, "%sdecoder.up.0.block.%u.conv2.weight", prefix, blocks))
                blocks++;
        c.layers_per_block = blocks > 0 ? blocks - 1 : 0;
        if (c.n_levels == 0 || c.layers_per_block == 0)
                return missing(error, path, prefix, "decoder.up.0.block.1.conv2.weight");
        c.norm_groups = norm_groups(c.block_out_channels, c.n_levels);
        c.sample_size = 512;
        if (c.out_channels == 0 || c.out_channels > WIDTH_MAX || c.latent_channels == 0 || c.latent_channels > WIDTH_MAX / 2)
                return missing(error, path, prefix, "decoder.conv_in.weight");
        for (uint32_t i = 0; i < c.n_levels; i++)
                if (c.block_out_channels[i] > WIDTH_MAX)
                        return error_set(error, -EBADMSG, "%s: the autoencoder's shapes are absurd", path);

        *ret = c;
        *ret_map = (KeyMap) { .layout = KEYS_VAE };
        (void)snprintf(ret_map->prefix, sizeof(ret_map->prefix), "%s", prefix);
        return 0;
}

/* Blocks of three convolutions, the only layers with a "conv"; each level ends with a convolution of its own. */
static uint32_t infer_tiny_levels(const Safetensors *file, const char *half, uint32_t blocks[static CONFIG_LEVELS_MAX])
{
        uint32_t n = 0, count = 0;

        for (uint32_t i = 0; n < CONFIG_LEVELS_MAX && count <= LAYERS_MAX && i < CONFIG_LEVELS_MAX * (LAYERS_MAX + 2); i++)
                if (find(file, "%s.layers.%u.conv.0.weight", half, i))
                        count++;
                else if (count > 0 && find(file, "%s.layers.%u.weight", half, i)) {
                        blocks[n++] = count;
                        count = 0;
                }
        return n;
}

bool original_vae_is_tiny(const Safetensors *file)
{
        return find(file, "decoder.layers.0.weight");
}

int original_tiny_vae_infer(VaeConfig *ret, const Safetensors *file, const char *path, Error *error)
{
        const StoredTensor *first = find(file, "decoder.layers.0.weight");
        VaeConfig c = {
                .kind = VAE_TINY,
                .in_channels = 3,
                .out_channels = 3,
                .latent_channels = size_of(first, 1),
                .block_out_channels = { size_of(first, 0) },
                .scaling_factor = 1,
        };

        c.n_levels = infer_tiny_levels(file, "decoder", c.tiny_blocks[1]);
        if (c.n_levels == 0 || infer_tiny_levels(file, "encoder", c.tiny_blocks[0]) != c.n_levels)
                return error_set(error, -EBADMSG, "%s: the tiny autoencoder's halves do not fit each other", path);
        if (c.latent_channels == 0 || c.latent_channels > WIDTH_MAX / 2 || c.block_out_channels[0] == 0 ||
            c.block_out_channels[0] > WIDTH_MAX)
                return missing(error, path, "", "decoder.layers.0.weight");
        *ret = c;
        return 0;
}

/* Where text encoders lie, and in which layout; later tools write others than the first. */
static const struct {
        uint32_t encoder;
        bool xl; /* only in Stable Diffusion XL */
        KeyLayout layout;
        const char *prefix;
} places[] = {
        { 0, true, KEYS_SAME, "conditioner.embedders.0.transformer." },
        { 0, false, KEYS_SAME, "cond_stage_model.transformer." },
        { 0, false, KEYS_SAME, "cond_stage_model.0.transformer." },
        { 0, false, KEYS_STABLE_CPP_FUSED, "cond_stage_model.transformer." },
        { 0, false, KEYS_OPEN_CLIP, "cond_stage_model.model." },
        { 1, true, KEYS_OPEN_CLIP, "conditioner.embedders.1.model." },
        { 1, true, KEYS_OPEN_CLIP, "cond_stage_model.1.model." },
        { 1, true, KEYS_STABLE_CPP, "cond_stage_model.1.transformer." },
        { 1, true, KEYS_STABLE_CPP_FUSED, "cond_stage_model.1.transformer." },
        { 1, true, KEYS_SAME, "cond_stage_model.1.transformer." },
};

static const StoredTensor *find_mapped(const Safetensors *file, const KeyMap *map, const char *key)
{
        OriginalKey original;
        return original_key(map, key, &original) ? safetensors_find(file, original.name) : NULL;
}

static uint32_t count_text_layers(const Safetensors *file, const KeyMap *map)
{
        char key[ORIGINAL_KEY_MAX];
        uint32_t n = 0;

        for (; n < LAYERS_MAX; n++) {
                (void)snprintf(key, sizeof(key), "text_model.encoder.layers.%u.layer_norm1.weight", n);
                if (!find_mapped(file, map, key))
                        break;
        }
        return n;
}

static bool infer_text_at(OriginalText *ret, const Safetensors *file, const KeyMap *map, uint32_t encoder)
{
        const StoredTensor *tokens = find_mapped(file, map, "text_model.embeddings.token_embedding.weight");
        const StoredTensor *projection = find_mapped(file, map, "text_projection.weight");
        TextEncoderConfig c = {
                .vocab_size = size_of(tokens, 0),
                .hidden_size = size_of(tokens, 1),
                .intermediate_size = size_of(find_mapped(file, map, "text_model.encoder.layers.0.mlp.fc1.weight"), 0),
                .n_layers = count_text_layers(file, map),
                .max_positions = size_of(find_mapped(file, map, "text_model.embeddings.position_embedding.weight"), 0),
                .layer_norm_eps = 1e-5F,
                .projection = size_of(projection, map->layout == KEYS_SAME ? 0 : 1),
                .eos_token = CONFIG_EOS_LARGEST,
        };
        /* OpenCLIP's ViT-H and ViT-bigG, even under the names of transformers. */
        const bool open_clip = map->layout == KEYS_OPEN_CLIP || map->layout == KEYS_STABLE_CPP_FUSED || encoder > 0 || c.hidden_size == 1024;

        if ((encoder > 0 && c.projection == 0) || !find_mapped(file, map, "text_model.encoder.layers.0.self_attn.q_proj.weight") ||
            c.vocab_size < 3 || c.hidden_size == 0 || c.hidden_size > WIDTH_MAX || c.intermediate_size == 0 ||
            c.intermediate_size > WIDTH_MAX || c.n_layers == 0 || c.max_positions < 3 || c.max_positions > 1024)
                return false;
        c.n_heads = c.hidden_size % HEAD_SIZE == 0 ? c.hidden_size / HEAD_SIZE : 1;
        c.activation = open_clip ? ACTIVATION_GELU : ACTIVATION_QUICK_GELU;
        *ret = (OriginalText) { .map = *map, .config = c };
        return true;
}

static int infer_text(OriginalModel *m, const Safetensors *file, uint32_t encoder, bool xl, const char *path, Error *error)
{
        for (size_t i = 0; i < ELEMENTSOF(places); i++) {
                KeyMap map = { .layout = places[i].layout };

                if (places[i].encoder != encoder || (places[i].xl && !xl))
                        continue;
                (void)snprintf(map.prefix, sizeof(map.prefix), "%s", places[i].prefix);
                if (infer_text_at(&m->texts[encoder], file, &map, encoder)) {
                        m->n_texts = encoder + 1;
                        return 0;
                }
        }
        return error_set(error, -EBADMSG, "%s: no text encoder%s; files that hold a denoiser alone are not models", path,
                         encoder > 0 ? " of the second kind" : "");
}

/* Files that people take for models. */
static int refuse_others(const Safetensors *file, const char *path, Error *error)
{
        for (size_t i = 0; i < safetensors_count(file); i++) {
                const char *name = safetensors_at(file, i)->name;

                if (strstr(name, "lora_down") || strstr(name, "lora_A") || strstr(name, "lora.down") ||
                    strstr(name, "hada_w1"))
                        return error_set(error, -EOPNOTSUPP, "%s: an adapter (LoRA), which is used with a model", path);
                if (strstr(name, "double_blocks.") || strstr(name, "joint_blocks.") || strstr(name, "transformer_blocks.0.ff_context"))
                        return error_set(error, -EOPNOTSUPP, "%s: models of the families of Flux and Stable Diffusion 3 "
                                                             "are not supported", path);
        }
        if (find(file, "decoder.conv_in.weight") || find(file, "decoder.layers.0.weight"))
                return error_set(error, -EOPNOTSUPP, "%s: an autoencoder (VAE), which is used with a model", path);
        return error_set(error, -EOPNOTSUPP, "%s: not a checkpoint of Stable Diffusion: no tensor \"" UNET_PREFIX
                                             "input_blocks.0.0.weight\"", path);
}

int original_model_infer(OriginalModel *ret, const Safetensors *file, const char *path, Error *error)
{
        if (!find(file, UNET_PREFIX "input_blocks.0.0.weight"))
                return refuse_others(file, path, error);

        OriginalModel m = {};
        const bool xl = find(file, UNET_PREFIX "label_emb.0.0.weight");
        int r = infer_text(&m, file, 0, xl, path, error);
        if (r >= 0 && xl)
                r = infer_text(&m, file, 1, xl, path, error);
        if (r < 0 || (r = infer_unet(&m.unet, file, m.texts[1].config.projection, path, error)) < 0 ||
            (r = original_vae_infer(&m.vae, &m.vae_map, file, path, error)) < 0)
                return r;

        m.family = xl ? FAMILY_XL : m.texts[0].config.activation == ACTIVATION_GELU ? FAMILY_SD2 : FAMILY_SD1;
        if (m.family == FAMILY_SD2 && m.texts[0].config.n_layers > 1) { /* the last one is not used */
                m.texts[0].config.n_layers--;
                m.texts[0].config.left_out = 1;
        }
        if (xl)
                m.vae.scaling_factor = 0.13025F;
        m.unet_map = (KeyMap) { .layout = KEYS_UNET, .prefix = UNET_PREFIX };
        *ret = m;
        return 0;
}
