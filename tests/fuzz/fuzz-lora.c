/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/layers/lora.h"
#include "engine/model/config.h"
#include "tests/fuzz/fuzz.h"

/* What lays matrices out; nothing is multiplied. */
const Kernels *kernels_get(void)
{
        static const Products products = { .name = "fuzz", .precision = PRECISION_F32, .lanes = 16, .rows = 6, .group = 1, .step = 1,
                                           .panel = 64, .depth = 128, .tile_rows = 96 };
        static const Kernels kernels = { .name = "fuzz", .lanes = 16, .products = { [PRECISION_F32] = &products } };

        return &kernels;
}

Precision kernels_precision(Precision wanted, Precision automatic)
{
        (void)wanted, (void)automatic;
        return PRECISION_F32;
}

/* Matrices as a model has them: of 4 by 4 numbers, plain, gated, and convolutions. */
static const struct {
        const char *key;
        uint32_t taps;
        bool gated;
} layers[] = {
        { "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", 1, false },
        { "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0", 1, false },
        { "down_blocks.0.attentions.0.transformer_blocks.0.ff.net.0.proj", 1, true },
        { "down_blocks.0.resnets.0.conv1", 9, false },
        { "text_model.encoder.layers.0.self_attn.q_proj", 1, false },
};

#define N (sizeof(layers) / sizeof(layers[0]))

static void make_matrices(Arena *arena, Matrix *matrices, NamedMatrix *named)
{
        static const float weights[2 * 4 * 4 * 9];

        for (size_t i = 0; i < N; i++) {
                const MatrixSource source = { .n = 4, .k = 4, .taps = layers[i].taps, .gated = layers[i].gated,
                                              .type = WEIGHT_F32, .weights = weights };
                if (!matrix_pack(&matrices[i], arena, &source))
                        abort();
                named[i] = (NamedMatrix) { .key = (char *)layers[i].key, .matrix = &matrices[i] };
        }
}

/* A file of adapters: it is applied, or refused with a sentence; afterwards no matrix has any, and all bytes are what they
 * were. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static Arena *arena;
        static Matrix matrices[N];
        static NamedMatrix named[N];
        static const UNetConfig unet = { .n_levels = 2, .layers_per_block = { 1, 1 },
                                         .down_attention = { true, true }, .up_attention = { true, true } };
        Error error = {};

        if (!arena) {
                arena = arena_new(0);
                make_matrices(arena, matrices, named);
        }
        const Matrices all = { named, N };
        const LoraTarget targets[] = {
                { .matrices = &all, .prefixes = { "lora_unet_", "unet." }, .unet = &unet },
                { .matrices = &all, .prefixes = { "lora_te_", "text_encoder." } },
        };
        const FuzzFile file = fuzz_file_new(data, size);
        LoraSet *set = lora_set_new();
        if (!set)
                abort();
        int r = lora_apply(set, file.path, 0.8, targets, 2, &error);
        if ((r < 0) != (error.text[0] != '\0'))
                abort();
        (void)lora_set_free(set);
        fuzz_file_done(&file);
        for (size_t i = 0; i < N; i++) {
                if (matrices[i].adapters)
                        abort();
                for (size_t j = 0; j < 16; j++)
                        if (((const float *)matrices[i].panels)[j] != 0)
                                abort();
        }
        return 0;
}
