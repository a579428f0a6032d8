/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Training kernels for one CPU core: what torch does slowly there, in bfloat16, channels last. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef uint16_t bf16;

static inline float load(bf16 x) {
        union { uint32_t u; float f; } v = { .u = (uint32_t) x << 16 };
        return v.f;
}

static inline bf16 store(float x) {
        union { float f; uint32_t u; } v = { .f = x };
        return (bf16) ((v.u + 0x7fff + ((v.u >> 16) & 1)) >> 16);
}

#define MAX_C 2048

/* x, y [n, hw, c]; stats [n, 2, g] gets mean and 1/std. */
void gn_forward(const bf16 *x, const bf16 *w, const bf16 *b, bf16 *y, float *stats,
                int n, int hw, int c, int g, float eps, int silu) {
        float sum[MAX_C], sq[MAX_C], mul[MAX_C], add[MAX_C];
        int per = c / g;
        for (int s = 0; s < n; s++, x += (size_t) hw * c, y += (size_t) hw * c) {
                memset(sum, 0, sizeof(float) * c);
                memset(sq, 0, sizeof(float) * c);
                for (int p = 0; p < hw; p++)
                        for (int i = 0; i < c; i++) {
                                float v = load(x[(size_t) p * c + i]);
                                sum[i] += v;
                                sq[i] += v * v;
                        }
                for (int k = 0; k < g; k++) {
                        double m = 0, q = 0;
                        for (int i = k * per; i < (k + 1) * per; i++)
                                m += sum[i], q += sq[i];
                        m /= (double) hw * per;
                        q = q / ((double) hw * per) - m * m;
                        float rstd = 1 / sqrtf((float) (q > 0 ? q : 0) + eps);
                        stats[s * 2 * g + k] = (float) m;
                        stats[s * 2 * g + g + k] = rstd;
                        for (int i = k * per; i < (k + 1) * per; i++) {
                                mul[i] = rstd * load(w[i]);
                                add[i] = load(b[i]) - (float) m * mul[i];
                        }
                }
                if (silu)
                        for (int p = 0; p < hw; p++)
                                for (int i = 0; i < c; i++) {
                                        float u = load(x[(size_t) p * c + i]) * mul[i] + add[i];
                                        y[(size_t) p * c + i] = store(u / (1 + expf(-u)));
                                }
                else
                        for (int p = 0; p < hw; p++)
                                for (int i = 0; i < c; i++)
                                        y[(size_t) p * c + i] =
                                                store(load(x[(size_t) p * c + i]) * mul[i] + add[i]);
        }
}

/* dw, db [c] float, added to. tmp [hw * c] float. */
void gn_backward(const bf16 *dy, const bf16 *x, const bf16 *w, const bf16 *b, const float *stats, bf16 *dx,
                 float *dw, float *db, float *tmp, int n, int hw, int c, int g, int silu) {
        float mul[MAX_C], add[MAX_C], s1[MAX_C], s2[MAX_C], mean[MAX_C], rstd[MAX_C], k1[MAX_C], k2[MAX_C];
        int per = c / g;
        for (int s = 0; s < n; s++, x += (size_t) hw * c, dy += (size_t) hw * c, dx += (size_t) hw * c) {
                for (int i = 0; i < c; i++) {
                        mean[i] = stats[s * 2 * g + i / per];
                        rstd[i] = stats[s * 2 * g + g + i / per];
                        mul[i] = rstd[i] * load(w[i]);
                        add[i] = load(b[i]) - mean[i] * mul[i];
                        s1[i] = s2[i] = 0;
                }
                for (int p = 0; p < hw; p++)
                        for (int i = 0; i < c; i++) {
                                float v = load(x[(size_t) p * c + i]), d = load(dy[(size_t) p * c + i]);
                                if (silu) {
                                        float u = v * mul[i] + add[i], sg = 1 / (1 + expf(-u));
                                        d *= sg * (1 + u * (1 - sg));
                                }
                                tmp[(size_t) p * c + i] = d;
                                s1[i] += d;
                                s2[i] += d * (v - mean[i]) * rstd[i];
                        }
                for (int k = 0; k < g; k++) {
                        float a = 0, q = 0;
                        for (int i = k * per; i < (k + 1) * per; i++) {
                                a += s1[i] * load(w[i]);
                                q += s2[i] * load(w[i]);
                        }
                        a /= (float) hw * per;
                        q /= (float) hw * per;
                        for (int i = k * per; i < (k + 1) * per; i++) {
                                db[i] += s1[i];
                                dw[i] += s2[i];
                                /* dx = rstd (d w - a - xhat q) */
                                k1[i] = -rstd[i] * rstd[i] * q;
                                k2[i] = -rstd[i] * a - k1[i] * mean[i];
                        }
                }
                for (int p = 0; p < hw; p++)
                        for (int i = 0; i < c; i++)
                                dx[(size_t) p * c + i] =
                                        store(tmp[(size_t) p * c + i] * mul[i]
                                              + load(x[(size_t) p * c + i]) * k1[i] + k2[i]);
        }
}

void ln_forward(const bf16 *x, const bf16 *w, const bf16 *b, bf16 *y, float *stats,
                int n, int c, float eps) {
        for (int r = 0; r < n; r++, x += c, y += c) {
                float m = 0, q = 0;
                for (int i = 0; i < c; i++)
                        m += load(x[i]);
                m /= c;
                for (int i = 0; i < c; i++)
                        q += (load(x[i]) - m) * (load(x[i]) - m);
                float rstd = 1 / sqrtf(q / c + eps);
                stats[2 * r] = m;
                stats[2 * r + 1] = rstd;
                for (int i = 0; i < c; i++)
                        y[i] = store((load(x[i]) - m) * rstd * load(w[i]) + load(b[i]));
        }
}

void ln_backward(const bf16 *dy, const bf16 *x, const bf16 *w, const float *stats, bf16 *dx,
                 float *dw, float *db, int n, int c) {
        for (int r = 0; r < n; r++, x += c, dy += c, dx += c) {
                float m = stats[2 * r], rstd = stats[2 * r + 1], a = 0, q = 0;
                for (int i = 0; i < c; i++) {
                        float d = load(dy[i]), h = (load(x[i]) - m) * rstd;
                        db[i] += d;
                        dw[i] += d * h;
                        d *= load(w[i]);
                        a += d;
                        q += d * h;
                }
                a /= c;
                q /= c;
                for (int i = 0; i < c; i++)
                        dx[i] = store(rstd * (load(dy[i]) * load(w[i]) - a - (load(x[i]) - m) * rstd * q));
        }
}

/* Normal distribution function of x, given e = exp(-x x / 2) (Abramowitz and Stegun 7.1.26, within 1e-7). */
static inline float normal_cdf(float x, float e) {
        float z = fabsf(x) * 0.70710678f, t = 1 / (1 + 0.3275911f * z);
        float tail = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f
                   + t * 1.061405429f)))) * e * 0.5f;
        return x < 0 ? tail : 1 - tail;
}

/* x [n, 2 c] (value, gate), y [n, c]: value * gelu(gate). */
void geglu_forward(const bf16 *x, bf16 *y, int n, int c) {
        for (int r = 0; r < n; r++, x += 2 * c, y += c)
                for (int i = 0; i < c; i++) {
                        float g = load(x[c + i]);
                        y[i] = store(load(x[i]) * g * normal_cdf(g, expf(-0.5f * g * g)));
                }
}

void geglu_backward(const bf16 *dy, const bf16 *x, bf16 *dx, int n, int c) {
        for (int r = 0; r < n; r++, x += 2 * c, dx += 2 * c, dy += c)
                for (int i = 0; i < c; i++) {
                        float g = load(x[c + i]), d = load(dy[i]), v = load(x[i]), e = expf(-0.5f * g * g);
                        float cdf = normal_cdf(g, e), pdf = 0.39894228f * e;
                        dx[i] = store(d * g * cdf);
                        dx[c + i] = store(d * v * (cdf + g * pdf));
                }
}

/* Nearest, twice in both directions: x [n, h, w, c]. */
void up_forward(const bf16 *x, bf16 *y, int n, int h, int w, int c) {
        for (int r = 0; r < n * h; r++, x += (size_t) w * c, y += (size_t) 4 * w * c) {
                for (int p = 0; p < w; p++) {
                        memcpy(y + (size_t) 2 * p * c, x + (size_t) p * c, sizeof(bf16) * c);
                        memcpy(y + (size_t) (2 * p + 1) * c, x + (size_t) p * c, sizeof(bf16) * c);
                }
                memcpy(y + (size_t) 2 * w * c, y, sizeof(bf16) * 2 * w * c);
        }
}

void up_backward(const bf16 *dy, bf16 *dx, int n, int h, int w, int c) {
        for (int r = 0; r < n * h; r++, dx += (size_t) w * c, dy += (size_t) 4 * w * c)
                for (int p = 0; p < w; p++) {
                        const bf16 *a = dy + (size_t) 2 * p * c, *b = a + (size_t) 2 * w * c;
                        for (int i = 0; i < c; i++)
                                dx[(size_t) p * c + i] =
                                        store(load(a[i]) + load(a[c + i]) + load(b[i]) + load(b[c + i]));
                }
}

double square_sum(const bf16 *g, long n) {
        double total = 0;
        for (long at = 0; at < n; at += 4096) {
                float part = 0;
                for (long i = at; i < (at + 4096 < n ? at + 4096 : n); i++)
                        part += load(g[i]) * load(g[i]);
                total += part;
        }
        return total;
}

/* AdamW on float32 masters; p gets the rounded weights; g is scaled by `scale` and cleared; ema (or NULL)
 * follows. */
void adamw(bf16 *p, bf16 *g, float *master, float *m, float *v, float *ema, long n, float lr, float beta1,
           float beta2, float eps, float decay, float scale, float correction1, float correction2,
           float ema_rate) {
        float c1 = 1 / correction1, c2 = 1 / correction2;
        for (long i = 0; i < n; i++) {
                float d = load(g[i]) * scale;
                float mi = m[i] * beta1 + d * (1 - beta1), vi = v[i] * beta2 + d * d * (1 - beta2);
                m[i] = mi;
                v[i] = vi;
                float x = master[i] * (1 - lr * decay) - lr * mi * c1 / (sqrtf(vi * c2) + eps);
                master[i] = x;
                p[i] = store(x);
                g[i] = 0;
                if (ema)
                        ema[i] += (x - ema[i]) * ema_rate;
        }
}
