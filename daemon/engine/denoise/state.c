/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/util.h"
#include "engine/denoise/state.h"

static const char magic[8] = "IMGSTAT1";

typedef struct Header { /* followed by the latents, x0 and what the sampler keeps, n floats each */
        char magic[8];
        DenoiseKey key;
        uint64_t n;
        uint32_t next, noise_next, noise_draws, reserved;
        uint32_t noise_state[ELEMENTSOF(((Noise *)NULL)->state)];
        uint64_t has_kept_normal;
        double kept_normal;
} Header;

static size_t state_size(const Sampling *s)
{
        return sizeof(Header) + (2 + (size_t)s->type->n_kept) * s->n * sizeof(float);
}

int denoise_state_save(
                const DenoiseKey *key, const Sampling *s, uint32_t next, const Noise *noise, const float *latents,
                void **ret, size_t *ret_size)
{
        const size_t floats = s->n * sizeof(float), size = state_size(s);
        uint8_t *data = calloc(1, size);
        if (!data)
                return -ENOMEM;

        Header *header = (Header *)data;
        memcpy(header->magic, magic, sizeof(magic));
        header->key = *key;
        header->n = s->n;
        header->next = next;
        header->noise_next = noise->next;
        header->noise_draws = noise->draws;
        memcpy(header->noise_state, noise->state, sizeof(noise->state));
        header->has_kept_normal = noise->has_kept_normal;
        header->kept_normal = noise->has_kept_normal ? noise->kept_normal : 0;
        memcpy(data + sizeof(Header), latents, floats);
        memcpy(data + sizeof(Header) + floats, s->x0, floats);
        for (uint32_t i = 0; i < s->type->n_kept; i++)
                memcpy(data + sizeof(Header) + (2 + i) * floats, s->kept[i], floats);

        *ret = data;
        *ret_size = size;
        return 0;
}

static bool header_is_valid(const Header *header, const DenoiseKey *key, const Sampling *s, size_t size)
{
        return memcmp(header->magic, magic, sizeof(magic)) == 0 &&
               memcmp((const uint8_t *)&header->key, (const uint8_t *)key, sizeof(*key)) == 0 &&
               header->n == s->n && size == state_size(s) &&
               header->next <= s->n_evaluations && header->noise_next <= ELEMENTSOF(header->noise_state) &&
               header->has_kept_normal <= 1 && isfinite(header->kept_normal);
}

int denoise_state_load(
                const void *data, size_t size, const DenoiseKey *key, Sampling *s, uint32_t *ret_next, Noise *noise,
                float *latents)
{
        const size_t floats = s->n * sizeof(float);
        Header header;

        if (size < sizeof(header))
                return -EBADMSG;
        memcpy(&header, data, sizeof(header));
        if (!header_is_valid(&header, key, s, size))
                return -EBADMSG;

        noise_init(noise, (Rng)key->rng, key->seed);
        memcpy(noise->state, header.noise_state, sizeof(noise->state));
        noise->next = header.noise_next;
        noise->draws = header.noise_draws;
        noise->has_kept_normal = header.has_kept_normal == 1;
        noise->kept_normal = header.kept_normal;
        memcpy(latents, (const uint8_t *)data + sizeof(header), floats);
        memcpy(s->x0, (const uint8_t *)data + sizeof(header) + floats, floats);
        for (uint32_t i = 0; i < s->type->n_kept; i++)
                memcpy(s->kept[i], (const uint8_t *)data + sizeof(header) + (2 + i) * floats, floats);
        *ret_next = header.next;
        return 0;
}
