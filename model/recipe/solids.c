// SPDX-License-Identifier: LGPL-2.1-or-later
// Draws lit, textured triangles with a depth buffer. solids.py compiles and calls it.

#include <math.h>
#include <stdint.h>

struct corner {
        float x, y, z;    // pixels, y down; nearer is larger z
        float n[3], u, v; // the normal in the viewer's frame
};

struct material {
        float diffuse[3], specular[3], shine, alpha;
        int32_t texture; // or -1
};

struct texture {
        const uint8_t *rgba;
        int32_t w, h;
};

static const float key[3] = {-0.44F, 0.73F, 0.53F}, fill[3] = {0.79F, 0.23F, 0.57F}, shine[3] = {-0.25F, 0.42F, 0.87F};

static float dot(const float a[3], const float b[3]) {
        return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

static float positive(float x) {
        return x > 0 ? x : 0;
}

// The texture's pixel at (u, v), which repeats; v runs up.
static const uint8_t *texel(const struct texture *t, float u, float v) {
        int32_t x = (int32_t)((u - floorf(u)) * (float)t->w), y = (int32_t)((1 - (v - floorf(v))) * (float)t->h);
        x = x >= t->w ? t->w - 1 : x;
        y = y >= t->h ? t->h - 1 : y;
        return t->rgba + 4 * ((intptr_t)y * t->w + x);
}

// Colour and alpha of a point: ambient and two lamps (Lambert), a gloss (Blinn and Phong).
static void shade(const struct material *m, const struct texture *textures, const float normal[3], float u, float v,
                  float out[4]) {
        float n[3], length = sqrtf(dot(normal, normal)), side = normal[2] < 0 ? -1 : 1;
        for (int k = 0; k < 3; k++)
                n[k] = side * normal[k] / (length > 1e-9F ? length : 1);
        const uint8_t *pixel = m->texture >= 0 ? texel(textures + m->texture, u, v) : 0;
        float light = 0.45F + 0.5F * positive(dot(n, key)) + 0.16F * positive(dot(n, fill));
        float gloss = 0.3F * powf(positive(dot(n, shine)), m->shine);
        for (int k = 0; k < 3; k++) {
                float base = pixel ? (float)pixel[k] / 255 : m->diffuse[k];
                out[k] = fminf(1, base * light + m->specular[k] * gloss);
        }
        out[3] = m->alpha * (pixel ? (float)pixel[3] / 255 : 1);
}

static void paint(float *at, const float colour[4]) {
        for (int k = 0; k < 3; k++)
                at[k] = colour[k] * colour[3] + at[k] * (1 - colour[3]);
        at[3] = colour[3] + at[3] * (1 - colour[3]);
}

// Each pixel whose middle is inside, by barycentric weights; what is nearer hides what is behind.
static void triangle(const struct corner c[3], const struct material *m, const struct texture *textures, float *image,
                     float *depth, int size) {
        float area = (c[1].x - c[0].x) * (c[2].y - c[0].y) - (c[2].x - c[0].x) * (c[1].y - c[0].y);
        if (fabsf(area) < 1e-9F)
                return;
        float last = (float)size - 1;
        int x0 = (int)fmaxf(0, floorf(fminf(c[0].x, fminf(c[1].x, c[2].x))));
        int y0 = (int)fmaxf(0, floorf(fminf(c[0].y, fminf(c[1].y, c[2].y))));
        int x1 = (int)fminf(last, fmaxf(c[0].x, fmaxf(c[1].x, c[2].x)));
        int y1 = (int)fminf(last, fmaxf(c[0].y, fmaxf(c[1].y, c[2].y)));
        for (int y = y0; y <= y1; y++)
                for (int x = x0; x <= x1; x++) {
                        float px = (float)x + 0.5F, py = (float)y + 0.5F, w[3];
                        w[1] = ((px - c[0].x) * (c[2].y - c[0].y) - (c[2].x - c[0].x) * (py - c[0].y)) / area;
                        w[2] = ((c[1].x - c[0].x) * (py - c[0].y) - (px - c[0].x) * (c[1].y - c[0].y)) / area;
                        w[0] = 1 - w[1] - w[2];
                        float z = w[0] * c[0].z + w[1] * c[1].z + w[2] * c[2].z;
                        if (w[0] < 0 || w[1] < 0 || w[2] < 0 || z <= depth[y * size + x])
                                continue;
                        float normal[3], colour[4], u = 0, v = 0;
                        for (int k = 0; k < 3; k++) {
                                normal[k] = w[0] * c[0].n[k] + w[1] * c[1].n[k] + w[2] * c[2].n[k];
                                u += w[k] * c[k].u;
                                v += w[k] * c[k].v;
                        }
                        shade(m, textures, normal, u, v, colour);
                        if (colour[3] > 0.9F)
                                depth[y * size + x] = z;
                        if (colour[3] > 0.02F)
                                paint(image + 4 * (y * size + x), colour);
                }
}

// Draws `count` triangles, those seen through after the others. image: float [size][size][4], premultiplied, zeros at
// first; depth: float [size][size], very small at first.
void draw_solid(const struct corner *corners, const int32_t *which, int count, const struct material *materials,
                const struct texture *textures, float *image, float *depth, int size) {
        for (int clear = 0; clear < 2; clear++)
                for (int i = 0; i < count; i++) {
                        const struct material *m = materials + which[i];
                        if ((m->alpha < 0.99F) == clear)
                                triangle(corners + 3 * i, m, textures, image, depth, size);
                }
}
