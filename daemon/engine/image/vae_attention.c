/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/image/vae_attention.h"
#include "engine/tensor/attention.h"

void load_vae_attention(
                Loader *loader, VaeAttention *ret, uint32_t channels, uint32_t groups, float eps,
                const char *key)
{
        static const char *const names[2][4] = {
                { "to_q", "to_k", "to_v", "to_out.0" },
                { "query", "key", "value", "proj_attn" },
        };
        Matrix *const matrices[4] = { &ret->query, &ret->key, &ret->value, &ret->out };
        const bool old = weights_has(loader->weights, "%s.query.weight", key);

        load_norm(loader, &ret->norm, channels, groups, eps, "%s.group_norm", key);
        for (int i = 0; i < 4; i++)
                load_matrix(loader, matrices[i], LAYER_POINTWISE, channels, channels, "%s.%s", key,
                            names[old][i]);
}

void vae_attention(Compute *c, const VaeAttention *a, const Tensor *x)
{
        ArenaMark mark = arena_mark(c->arena);
        const TensorType type = attention_type(&a->query);
        Tensor normed = compute_tensor_of(c, matrix_reads(&a->query), x->n, x->h, x->w, x->c);
        Tensor q = compute_tensor_of(c, type, x->n, x->h, x->w, x->c), k = compute_tensor_of(c, type, x->n, x->h, x->w, x->c),
               v = compute_tensor_of(c, type, x->n, x->h, x->w, x->c);

        group_norm(c, &a->norm, x, false, &normed);
        linear(c, &a->query, &normed, FINISH_PLAIN, NULL, &q);
        linear(c, &a->key, &normed, FINISH_PLAIN, NULL, &k);
        linear(c, &a->value, &normed, FINISH_PLAIN, NULL, &v);
        AttentionKeys keys = attention_keys(c, c->arena, PRECISION_AUTO, 1, &k, &v);
        attention(c, &q, &keys, false, &q);
        linear(c, &a->out, &q, FINISH_PLAIN, x, x);
        arena_release(c->arena, mark);
}
