/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes a model of Stable Diffusion 1.5's shapes with random weights (F16, 2.1 GB), for measuring:
 * random-model DIR
 *
 * The numbers come from a fixed seed, scaled by 1 / sqrt(inputs) so that activations keep their size. Its
 * tokenizer knows single bytes only. */

#include <err.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

typedef struct Entry {
        char key[120];
        uint32_t shape[4], n_dims;
        double mean, deviation;
} Entry;

typedef struct List {
        Entry *entries;
        size_t n;
} List;

static void add(List *list, double mean, double deviation, const uint32_t *shape, uint32_t n_dims,
                const char *key)
{
        list->entries = reallocarray(list->entries, list->n + 1, sizeof *list->entries);
        if (!list->entries)
                err(1, "reallocarray");

        Entry *entry = &list->entries[list->n++];
        *entry = (Entry) { .n_dims = n_dims, .mean = mean, .deviation = deviation };
        memcpy(entry->shape, shape, n_dims * sizeof *shape);
        (void)snprintf(entry->key, sizeof entry->key, "%s", key);
}

/* kind: 'l' linear, 'n' linear without bias, '1' and '3' convolutions, 'g' norm */
_printf_(5, 6) static void layer(List *list, char kind, uint32_t in, uint32_t out, const char *format, ...)
{
        const uint32_t size = kind == '3' ? 3 : 1, taps = size * size;
        char key[100], name[120];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(key, sizeof key, format, args);
        va_end(args);

        (void)snprintf(name, sizeof name, "%s.weight", key);
        if (kind == 'g')
                add(list, 1, 0.1, (uint32_t[]) { out }, 1, name);
        else
                add(list, 0, 1 / sqrt(in * taps), (uint32_t[]) { out, in, size, size },
                    kind == '1' || kind == '3' ? 4 : 2, name);
        (void)snprintf(name, sizeof name, "%s.bias", key);
        if (kind != 'n')
                add(list, 0, 0.05, (uint32_t[]) { out }, 1, name);
}

static void resnet(List *list, uint32_t in, uint32_t out, uint32_t time, const char *key)
{
        layer(list, 'g', in, in, "%s.norm1", key);
        layer(list, '3', in, out, "%s.conv1", key);
        if (time)
                layer(list, 'l', time, out, "%s.time_emb_proj", key);
        layer(list, 'g', out, out, "%s.norm2", key);
        layer(list, '3', out, out, "%s.conv2", key);
        if (in != out)
                layer(list, '1', in, out, "%s.conv_shortcut", key);
}

static void transformer(List *list, uint32_t c, const char *key)
{
        layer(list, 'g', c, c, "%s.norm", key);
        layer(list, '1', c, c, "%s.proj_in", key);
        layer(list, '1', c, c, "%s.proj_out", key);
        for (uint32_t i = 1; i <= 3; i++)
                layer(list, 'g', c, c, "%s.transformer_blocks.0.norm%u", key, i);
        for (uint32_t i = 1; i <= 2; i++) {
                layer(list, 'n', c, c, "%s.transformer_blocks.0.attn%u.to_q", key, i);
                layer(list, 'n', i == 2 ? 768 : c, c, "%s.transformer_blocks.0.attn%u.to_k", key, i);
                layer(list, 'n', i == 2 ? 768 : c, c, "%s.transformer_blocks.0.attn%u.to_v", key, i);
                layer(list, 'l', c, c, "%s.transformer_blocks.0.attn%u.to_out.0", key, i);
        }
        layer(list, 'l', c, 8 * c, "%s.transformer_blocks.0.ff.net.0.proj", key);
        layer(list, 'l', 4 * c, c, "%s.transformer_blocks.0.ff.net.2", key);
}

static void list_unet(List *list)
{
        static const uint32_t channels[] = { 320, 640, 1280, 1280 };
        char key[64];

        layer(list, 'l', 320, 1280, "time_embedding.linear_1");
        layer(list, 'l', 1280, 1280, "time_embedding.linear_2");
        layer(list, '3', 4, 320, "conv_in");
        for (uint32_t i = 0; i < 4; i++) {
                for (uint32_t j = 0; j < 2; j++) {
                        (void)snprintf(key, sizeof key, "down_blocks.%u.resnets.%u", i, j);
                        resnet(list, j == 0 && i > 0 ? channels[i - 1] : channels[i], channels[i], 1280,
                               key);
                        (void)snprintf(key, sizeof key, "down_blocks.%u.attentions.%u", i, j);
                        if (i < 3)
                                transformer(list, channels[i], key);
                }
                if (i < 3)
                        layer(list, '3', channels[i], channels[i], "down_blocks.%u.downsamplers.0.conv", i);
        }
        resnet(list, 1280, 1280, 1280, "mid_block.resnets.0");
        transformer(list, 1280, "mid_block.attentions.0");
        resnet(list, 1280, 1280, 1280, "mid_block.resnets.1");
        for (uint32_t i = 0; i < 4; i++) {
                const uint32_t at = 3 - i, out = channels[at], below = channels[at > 0 ? at - 1 : 0];
                for (uint32_t j = 0; j < 3; j++) {
                        uint32_t in = j > 0 || i == 0 ? out : channels[at + 1], skip = j < 2 ? out : below;
                        (void)snprintf(key, sizeof key, "up_blocks.%u.resnets.%u", i, j);
                        resnet(list, in + skip, out, 1280, key);
                        (void)snprintf(key, sizeof key, "up_blocks.%u.attentions.%u", i, j);
                        if (i > 0)
                                transformer(list, out, key);
                }
                if (i < 3)
                        layer(list, '3', out, out, "up_blocks.%u.upsamplers.0.conv", i);
        }
        layer(list, 'g', 320, 320, "conv_norm_out");
        layer(list, '3', 320, 4, "conv_out");
}

static void list_vae_mid(List *list, const char *half)
{
        static const char *const names[] = { "to_q", "to_k", "to_v", "to_out.0" };
        char key[64];

        for (uint32_t i = 0; i < 2; i++) {
                (void)snprintf(key, sizeof key, "%s.mid_block.resnets.%u", half, i);
                resnet(list, 512, 512, 0, key);
        }
        layer(list, 'g', 512, 512, "%s.mid_block.attentions.0.group_norm", half);
        for (uint32_t i = 0; i < 4; i++)
                layer(list, 'l', 512, 512, "%s.mid_block.attentions.0.%s", half, names[i]);
}

static void list_vae(List *list)
{
        static const uint32_t channels[] = { 128, 256, 512, 512 };
        char key[64];

        layer(list, '3', 3, 128, "encoder.conv_in");
        layer(list, '3', 4, 512, "decoder.conv_in");
        for (uint32_t i = 0; i < 4; i++) {
                const uint32_t up = channels[3 - i];
                for (uint32_t j = 0; j < 2; j++) {
                        (void)snprintf(key, sizeof key, "encoder.down_blocks.%u.resnets.%u", i, j);
                        resnet(list, j == 0 && i > 0 ? channels[i - 1] : channels[i], channels[i], 0, key);
                }
                for (uint32_t j = 0; j < 3; j++) {
                        (void)snprintf(key, sizeof key, "decoder.up_blocks.%u.resnets.%u", i, j);
                        resnet(list, j == 0 && i > 0 ? channels[4 - i] : up, up, 0, key);
                }
                if (i < 3) {
                        layer(list, '3', channels[i], channels[i],
                              "encoder.down_blocks.%u.downsamplers.0.conv", i);
                        layer(list, '3', up, up, "decoder.up_blocks.%u.upsamplers.0.conv", i);
                }
        }
        list_vae_mid(list, "encoder");
        list_vae_mid(list, "decoder");
        layer(list, 'g', 512, 512, "encoder.conv_norm_out");
        layer(list, '3', 512, 8, "encoder.conv_out");
        layer(list, 'g', 128, 128, "decoder.conv_norm_out");
        layer(list, '3', 128, 3, "decoder.conv_out");
        layer(list, '1', 8, 8, "quant_conv");
        layer(list, '1', 4, 4, "post_quant_conv");
}

static void list_text_encoder(List *list)
{
        static const char *const projections[] = { "q_proj", "k_proj", "v_proj", "out_proj" };

        add(list, 0, 0.3, (uint32_t[]) { 49408, 768 }, 2, "text_model.embeddings.token_embedding.weight");
        add(list, 0, 0.3, (uint32_t[]) { 77, 768 }, 2, "text_model.embeddings.position_embedding.weight");
        for (uint32_t i = 0; i < 12; i++) {
                for (uint32_t j = 0; j < 4; j++)
                        layer(list, 'l', 768, 768, "text_model.encoder.layers.%u.self_attn.%s", i,
                              projections[j]);
                layer(list, 'g', 768, 768, "text_model.encoder.layers.%u.layer_norm1", i);
                layer(list, 'l', 768, 3072, "text_model.encoder.layers.%u.mlp.fc1", i);
                layer(list, 'l', 3072, 768, "text_model.encoder.layers.%u.mlp.fc2", i);
                layer(list, 'g', 768, 768, "text_model.encoder.layers.%u.layer_norm2", i);
        }
        layer(list, 'g', 768, 768, "text_model.final_layer_norm");
}

static uint64_t elements(const Entry *entry)
{
        uint64_t n = 1;
        for (uint32_t i = 0; i < entry->n_dims; i++)
                n *= entry->shape[i];
        return n;
}

/* Nearest half, cut off; numbers that small become 0. */
static uint16_t half(float x)
{
        uint32_t bits;
        memcpy(&bits, &x, sizeof bits);
        int exponent = (int)(bits >> 23 & 0xff) - 127 + 15;
        return (uint16_t)(exponent <= 0 ? 0 : (bits >> 16 & 0x8000) | (unsigned)exponent << 10 | (bits >> 13 & 0x3ff));
}

static void write_numbers(FILE *f, const Entry *entry, uint64_t *seed)
{
        enum { BUFFER = 1 << 16 };
        static uint16_t buffer[BUFFER];

        for (uint64_t left = elements(entry); left > 0;) {
                size_t n = left < BUFFER ? left : BUFFER;
                for (size_t i = 0; i < n; i++) {
                        *seed ^= *seed << 13; /* xorshift64 (Marsaglia 2003) */
                        *seed ^= *seed >> 7;
                        *seed ^= *seed << 17;
                        /* The sum of four uniforms is near enough to normal; its deviation: sqrt(4 / 12) of 2^16. */
                        double sum =
                                        (double)((*seed & 0xffff) + (*seed >> 16 & 0xffff) +
                                                 (*seed >> 32 & 0xffff) + (*seed >> 48));
                        buffer[i] = half((float)(entry->mean + entry->deviation * (sum - 131070) / 37837));
                }
                if (fwrite(buffer, sizeof *buffer, n, f) != n)
                        err(1, "write");
                left -= n;
        }
}

static void write_weights(const char *path, const List *list)
{
        _cleanup_(freep) char *header = NULL;
        size_t size;
        uint64_t offset = 0, seed = 88172645463325252;
        FILE *memory = open_memstream(&header, &size);
        if (!memory)
                err(1, "open_memstream");

        for (size_t i = 0; i < list->n; i++) {
                const Entry *entry = &list->entries[i];
                (void)fprintf(memory, "%s\"%s\":{\"dtype\":\"F16\",\"shape\":[", i > 0 ? "," : "{",
                              entry->key);
                for (uint32_t j = 0; j < entry->n_dims; j++)
                        (void)fprintf(memory, "%s%u", j > 0 ? "," : "", entry->shape[j]);
                (void)fprintf(memory, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)offset,
                              (unsigned long long)offset + 2 * elements(entry));
                offset += 2 * elements(entry);
        }
        (void)fprintf(memory, "}");
        while (ftell(memory) % 8 != 0)
                (void)fputc(' ', memory);
        if (fclose(memory) != 0)
                err(1, "fclose");

        _cleanup_(fclosep) FILE *f = fopen(path, "we");
        uint64_t length = size;
        if (!f || fwrite(&length, sizeof length, 1, f) != 1 || fwrite(header, size, 1, f) != 1)
                err(1, "%s", path);
        for (size_t i = 0; i < list->n; i++)
                write_numbers(f, &list->entries[i], &seed);
        if (fflush(f) != 0)
                err(1, "%s", path);
        (void)printf("%s: %llu parameters\n", path, (unsigned long long)(offset / 2));
}

_printf_(3, 4) static void write_text(const char *dir, const char *name, const char *format, ...)
{
        char path[4096];
        va_list args;

        (void)snprintf(path, sizeof path, "%s/%s", dir, name);
        _cleanup_(fclosep) FILE *f = fopen(path, "we");
        if (!f)
                err(1, "%s", path);
        va_start(args, format);
        (void)vfprintf(f, format, args);
        va_end(args);
}

/* GPT-2's printable stand-in for a byte, as JSON. */
static void print_byte(FILE *f, unsigned byte)
{
        unsigned c = byte;
        if (byte < 33 || (byte > 126 && byte < 161) || byte == 173)
                c = 256 + (byte < 33 ? byte : byte < 161 ? byte - 127 + 33 : 67);
        (void)fprintf(f, "\\u%04x", c);
}

static void write_tokenizer(const char *dir)
{
        _cleanup_(freep) char *vocabulary = NULL;
        size_t size;
        FILE *f = open_memstream(&vocabulary, &size);
        if (!f)
                err(1, "open_memstream");

        for (unsigned i = 0; i < 512; i++) {
                (void)fputs(i > 0 ? ",\"" : "{\"", f);
                print_byte(f, i % 256);
                (void)fprintf(f, "%s\":%u", i < 256 ? "" : "</w>", i);
        }
        (void)fprintf(f, ",\"<|startoftext|>\":49406,\"<|endoftext|>\":49407}\n");
        if (fclose(f) != 0)
                err(1, "fclose");
        write_text(dir, "tokenizer/vocab.json", "%s", vocabulary);
        write_text(dir, "tokenizer/merges.txt", "#version: 0.2\n");
        write_text(dir, "tokenizer/tokenizer_config.json",
                   "{\"tokenizer_class\":\"CLIPTokenizer\",\"model_max_length\":77,\"bos_token\":\"<|"
                   "startoftext|>\","
                   "\"eos_token\":\"<|endoftext|>\",\"unk_token\":\"<|endoftext|>\",\"pad_token\":\"<|"
                   "endoftext|>\"}\n");
}

static void write_configs(const char *dir)
{
        write_text(dir, "model_index.json",
                   "{\"_class_name\":\"StableDiffusionPipeline\",\"scheduler\":[\"diffusers\","
                   "\"EulerDiscreteScheduler\"],"
                   "\"text_encoder\":[\"transformers\",\"CLIPTextModel\"],\"tokenizer\":[\"transformers\","
                   "\"CLIPTokenizer\"],"
                   "\"unet\":[\"diffusers\",\"UNet2DConditionModel\"],\"vae\":[\"diffusers\","
                   "\"AutoencoderKL\"]}\n");
        write_text(dir, "scheduler/scheduler_config.json",
                   "{\"_class_name\":\"EulerDiscreteScheduler\",\"beta_start\":0.00085,\"beta_end\":0.012,"
                   "\"beta_schedule\":\"scaled_linear\",\"num_train_timesteps\":1000,\"steps_offset\":1}\n");
        write_text(dir, "text_encoder/config.json",
                   "{\"architectures\":[\"CLIPTextModel\"],\"hidden_act\":\"quick_gelu\",\"hidden_size\":"
                   "768,"
                   "\"intermediate_size\":3072,\"layer_norm_eps\":1e-5,\"max_position_embeddings\":77,"
                   "\"model_type\":\"clip_text_model\",\"num_attention_heads\":12,\"num_hidden_layers\":12,"
                   "\"vocab_size\":49408}\n");
        write_text(dir, "unet/config.json",
                   "{\"_class_name\":\"UNet2DConditionModel\",\"attention_head_dim\":8,"
                   "\"block_out_channels\":[320,640,1280,1280],\"cross_attention_dim\":768,"
                   "\"down_block_types\":[\"CrossAttnDownBlock2D\",\"CrossAttnDownBlock2D\","
                   "\"CrossAttnDownBlock2D\","
                   "\"DownBlock2D\"],\"up_block_types\":[\"UpBlock2D\",\"CrossAttnUpBlock2D\","
                   "\"CrossAttnUpBlock2D\","
                   "\"CrossAttnUpBlock2D\"],\"in_channels\":4,\"out_channels\":4,\"layers_per_block\":2,"
                   "\"norm_num_groups\":32,\"sample_size\":32}\n");
        write_text(dir, "vae/config.json",
                   "{\"_class_name\":\"AutoencoderKL\",\"block_out_channels\":[128,256,512,512],\"in_"
                   "channels\":3,"
                   "\"out_channels\":3,\"latent_channels\":4,\"layers_per_block\":2,\"norm_num_groups\":32,"
                   "\"sample_size\":256,\"scaling_factor\":0.18215,"
                   "\"down_block_types\":[\"DownEncoderBlock2D\",\"DownEncoderBlock2D\","
                   "\"DownEncoderBlock2D\","
                   "\"DownEncoderBlock2D\"],\"up_block_types\":[\"UpDecoderBlock2D\",\"UpDecoderBlock2D\","
                   "\"UpDecoderBlock2D\",\"UpDecoderBlock2D\"]}\n");
}

int main(int argc, char **argv)
{
        static const char *const folders[] = { "", "scheduler", "tokenizer", "text_encoder", "unet", "vae" };
        static const struct {
                const char *file;
                void (*list)(List *list);
        } components[] = {
                { "text_encoder/model.safetensors", list_text_encoder },
                { "unet/diffusion_pytorch_model.safetensors", list_unet },
                { "vae/diffusion_pytorch_model.safetensors", list_vae },
        };
        char path[4096];

        if (argc != 2)
                errx(1, "usage: random-model DIR");
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
                (void)snprintf(path, sizeof path, "%s/%s", argv[1], folders[i]);
                if (mkdir(path, 0777) < 0 && errno != EEXIST)
                        err(1, "%s", path);
        }
        for (size_t i = 0; i < sizeof components / sizeof *components; i++) {
                List list = {};
                components[i].list(&list);
                (void)snprintf(path, sizeof path, "%s/%s", argv[1], components[i].file);
                write_weights(path, &list);
                free(list.entries);
        }
        write_tokenizer(argv[1]);
        write_configs(argv[1]);
        return 0;
}
