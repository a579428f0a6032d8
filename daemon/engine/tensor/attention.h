/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Multi-head attention, softmax(q k^T / sqrt(head size)) v (Vaswani et al. 2017), tile by tile: the softmax
 * runs along with the blocks of keys (Milakov, Gimelshein 2018), so that no matrix of all scores is ever
 * stored. */

#include "engine/kernels/kernels.h"
#include "engine/tensor/compute.h"
#include "engine/tensor/matrix.h"

/* Keys and values of all heads, packed for the products. */
typedef struct AttentionKeys {
        const Kernels *kernels;
        uint32_t n, heads;
        uint32_t tokens; /* of each of the n */
        uint32_t head_size;
        const Products *products; /* of floats, or of bfloat16 if k and v were; scores may be */
        const ByteScores *bytes; /* of bytes; NULL: they are not */
        void *keys, *values; /* [n][head], panels each; who owns them is said where they are made */
        float *factors; /* [n][head][head_size]: what a step of each number of a key is worth, where they are bytes */
} AttentionKeys;

/* k, v: [n, h, w, heads * head_size], h * w tokens, of one type. The packed copies are taken from `arena`. In PRECISION_INT8
 * scores are sums of bytes, where the kernels have them and k is bfloat16. */
AttentionKeys attention_keys(
                Compute *c, Arena *arena, Precision precision, uint32_t heads, const Tensor *k, const Tensor *v);

/* What keys and queries are multiplied with. */
const Products *attention_scores(const AttentionKeys *keys);

/* Bytes of the keys, and of the values, of one head. */
size_t attention_keys_size(const AttentionKeys *keys);
size_t attention_values_size(const AttentionKeys *keys);

/* The type in which products of that matrix are best attended with. */
TensorType attention_type(const Matrix *matrix);

/* The same for the last of the n alone; it owns nothing. */
AttentionKeys attention_keys_last(const AttentionKeys *keys);

/* q, out: [n, h, w, heads * head_size]. causal: a query sees only the keys up to its own position. out may
 * be q. Either may be of either type; what is multiplied is of the keys' type. */
void attention(Compute *c, const Tensor *q, const AttentionKeys *keys, bool causal, const Tensor *out);
