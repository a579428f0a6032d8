/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Matrix products for training on a core with AMX or AVX512-BF16: weight gradients of 3x3 convolutions, linear layers,
 * Muon. bfloat16 in, float32 sums. One thread. All channel counts are multiples of 32. */
#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef uint16_t bf16;

static inline float load(bf16 x) {
        union { uint32_t u; float f; } v = { .u = (uint32_t) x << 16 };
        return v.f;
}

static inline bf16 store(float x) {
        union { float f; uint32_t u; } v = { .f = x };
        return (bf16) ((v.u + 0x7fff + ((v.u >> 16) & 1)) >> 16);
}

/* 2 where AMX can be used by this process, 1 where only AVX512-BF16, 0 for neither. */
int products_init(void) {
#if defined(__AMX_BF16__)
        return syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* tile data */) == 0 ? 2 : 0;
#elif defined(__AVX512BF16__)
        return 1;
#else
        return 0;
#endif
}

#if defined(__AMX_BF16__) || defined(__AVX512BF16__)

#ifdef __AMX_BF16__

static void tiles_begin(void) {
        struct {
                uint8_t palette, start, reserved[14];
                uint16_t colsb[16];
                uint8_t rows[16];
        } c = { .palette = 1 };
        for (int i = 0; i < 8; i++) {
                c.colsb[i] = 64;
                c.rows[i] = 16;
        }
        _tile_loadconfig(&c);
}

static void tiles_end(void) {
        _tile_release();
}

/* 32 x 32 of c = sum over parts and k of a (rows m, k contiguous) times b (pairs of k; 16 columns a panel) */
static void block(float *c, const bf16 *a, long lda, const bf16 *b, long panel,
                  int parts, long a_part, long b_part, int k) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (int s = 0; s < parts; s++) {
                const bf16 *ap = a + s * a_part, *bp = b + s * b_part;
                for (int i = 0; i < k; i += 32) {
                        _tile_loadd(4, ap + i, lda * 2);
                        _tile_loadd(5, ap + 16 * lda + i, lda * 2);
                        _tile_loadd(6, bp + (long) i * 16, 64);
                        _tile_loadd(7, bp + panel + (long) i * 16, 64);
                        _tile_dpbf16ps(0, 4, 6);
                        _tile_dpbf16ps(1, 4, 7);
                        _tile_dpbf16ps(2, 5, 6);
                        _tile_dpbf16ps(3, 5, 7);
                }
        }
        _tile_stored(0, c, 128);
        _tile_stored(1, c + 16, 128);
        _tile_stored(2, c + 16 * 32, 128);
        _tile_stored(3, c + 16 * 32 + 16, 128);
}

#else

static void tiles_begin(void) {}
static void tiles_end(void) {}

enum { SLICE = 512 }; /* of k: so much of a and b stays in the first cache */

/* The same as above, 8 rows of two vectors at a time. */
static void block(float *c, const bf16 *a, long lda, const bf16 *b, long panel,
                  int parts, long a_part, long b_part, int k) {
        memset(c, 0, sizeof(float) * 1024);
        for (int s = 0; s < parts; s++)
                for (int from = 0; from < k; from += SLICE) {
                        int to = from + SLICE < k ? from + SLICE : k;
                        for (int m = 0; m < 32; m += 8) {
                                const bf16 *ap = a + s * a_part + m * lda, *bp = b + s * b_part;
                                __m512 left[8], right[8];
                                for (int r = 0; r < 8; r++) {
                                        left[r] = _mm512_load_ps(c + (m + r) * 32);
                                        right[r] = _mm512_load_ps(c + (m + r) * 32 + 16);
                                }
                                for (int i = from; i < to; i += 2) {
                                        __m512bh b0 = (__m512bh) _mm512_loadu_si512(bp + (long) i * 16);
                                        __m512bh b1 = (__m512bh) _mm512_loadu_si512(bp + panel + (long) i * 16);
#pragma GCC unroll 8
                                        for (int r = 0; r < 8; r++) {
                                                int pair;
                                                memcpy(&pair, ap + r * lda + i, sizeof(pair));
                                                __m512bh v = (__m512bh) _mm512_set1_epi32(pair);
                                                left[r] = _mm512_dpbf16_ps(left[r], v, b0);
                                                right[r] = _mm512_dpbf16_ps(right[r], v, b1);
                                        }
                                }
                                for (int r = 0; r < 8; r++) {
                                        _mm512_store_ps(c + (m + r) * 32, left[r]);
                                        _mm512_store_ps(c + (m + r) * 32 + 16, right[r]);
                                }
                        }
                }
}

#endif

/* 16 values of two rows, interleaved. */
static inline __m512i paired(const bf16 *p, const bf16 *q) {
        __m512i even = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *) p));
        __m512i odd = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *) q));
        return _mm512_or_si512(even, _mm512_slli_epi32(odd, 16));
}

/* 32 rows of 16 values of src (row length cols) -> 16 rows of 32 values of dst (row length ld). */
static inline void transpose_block(const bf16 *src, bf16 *dst, long cols, long ld) {
        __m512i r[16], t[16];
        for (int i = 0; i < 16; i++) {
                r[i] = paired(src + 2 * i * cols, src + (2 * i + 1) * cols);
        }
        /* 16 x 16 double words */
        for (int i = 0; i < 16; i += 2) {
                t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
                t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
        }
        for (int i = 0; i < 16; i += 4) {
                r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
                r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
                r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
                r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
        }
        for (int i = 0; i < 4; i++)
                for (int h = 0; h < 2; h++) {
                        t[h * 8 + i] = _mm512_shuffle_i32x4(r[h * 8 + i], r[h * 8 + 4 + i], 0x88);
                        t[h * 8 + 4 + i] = _mm512_shuffle_i32x4(r[h * 8 + i], r[h * 8 + 4 + i], 0xdd);
                }
        for (int i = 0; i < 8; i++) {
                _mm512_storeu_si512(dst + i * ld, _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88));
                _mm512_storeu_si512(dst + (i + 8) * ld, _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd));
        }
}

/* src [rows, cols] -> dst [cols, ld]; rows a multiple of 32, cols of 16. */
static void transpose(const bf16 *src, bf16 *dst, long rows, long cols, long ld) {
        for (long c = 0; c < cols; c += 16)
                for (long r = 0; r < rows; r += 32)
                        transpose_block(src + r * cols + c, dst + c * ld + r, cols, ld);
}

/* src rows of n values, rows k and k + 1 interleaved: dst panels of 16 columns, [n/16][k/2][16][2]. */
static void pair_rows(const bf16 *src, bf16 *dst, long k, int n, long panel) {
        for (long r = 0; r < k; r += 2) {
                const bf16 *p = src + r * n, *q = p + n;
                for (int c = 0; c < n; c += 16)
                        _mm512_storeu_si512(dst + c / 16 * panel + r * 16, paired(p + c, q + c));
        }
}

static void column_sums(const bf16 *x, bf16 *out, long rows, int cols) {
        float sum[4096] = { 0 };
        for (long r = 0; r < rows; r++)
                for (int c = 0; c < cols; c++)
                        sum[c] += load(x[r * cols + c]);
        for (int c = 0; c < cols; c++)
                out[c] = store(sum[c]);
}

/* Gradient of a 3x3 convolution's weights (stride 1, padding 1).
 * x [n, h, w, ci], dy [n, h, w, co]; dw [co, ci, 3, 3] and db [co] are overwritten.
 * The positions of a picture are laid out with a zero column left and right, so that a tap is an offset:
 * work holds some 2 n (h + 2) (w + 2) (ci + co) bytes. */
void conv3_weight_grad(const bf16 *x, const bf16 *dy, bf16 *dw, bf16 *db, char *work,
                       int n, int h, int w, int ci, int co) {
        int wp = w + 2, pp = (h + 2) * wp, pr = (pp + 31) / 32 * 32, q = (h * wp + 31) / 32 * 32;
        long ld = ((long) n * pp + 159) / 32 * 32, panel = (long) n * q * 16;
        bf16 *xt = (bf16 *) work, *xrows = xt + ci * ld, *yrows = xrows + (long) pr * ci;
        bf16 *dyp = yrows + (long) q * co;
        static float sums[9 * 1024] __attribute__((aligned(64)));

        memset(xrows, 0, sizeof(bf16) * ((long) pr * ci + (long) q * co));
        for (int s = 0; s < n; s++) {
                for (int y = 0; y < h; y++) {
                        memcpy(xrows + ((y + 1) * wp + 1) * ci, x + ((long) s * h + y) * w * ci,
                               sizeof(bf16) * w * ci);
                        memcpy(yrows + y * wp * co, dy + ((long) s * h + y) * w * co, sizeof(bf16) * w * co);
                }
                /* what this writes too much, the next overwrites */
                transpose(xrows, xt + (long) s * pp, pr, ci, ld);
                pair_rows(yrows, dyp + (long) s * q * 16, q, co, panel);
        }
        for (long c = 0; c < ci; c++)
                memset(xt + c * ld + (long) n * pp, 0, sizeof(bf16) * (ld - (long) n * pp));
        column_sums(dy, db, (long) n * h * w, co);
        tiles_begin();
        for (int o = 0; o < co; o += 32)
                for (int i = 0; i < ci; i += 32) {
                        for (int tap = 0; tap < 9; tap++)
                                block(sums + tap * 1024, xt + i * ld + tap / 3 * wp + tap % 3, ld,
                                      dyp + o / 16 * panel, panel, n, pp, (long) q * 16, q);
                        for (int oo = 0; oo < 32; oo++) {
                                bf16 *d = dw + ((long) (o + oo) * ci + i) * 9;
                                for (int ii = 0; ii < 32; ii++)
                                        for (int tap = 0; tap < 9; tap++)
                                                d[ii * 9 + tap] = store(sums[tap * 1024 + ii * 32 + oo]);
                        }
                }
        tiles_end();
}

/* y [m, n] = x [m, k] b (+ bias [n] or NULL); b is w [n, k] transposed, or w [k, n] as it is.
 * m, n, k: multiples of 32. */
void linear(const bf16 *x, const bf16 *w, const bf16 *bias, bf16 *y, char *work,
            int m, int n, int k, int transposed) {
        long panel = (long) k * 16;
        bf16 *b = (bf16 *) work, *wt = b + (long) n * k;
        float c[1024] __attribute__((aligned(64)));
        if (transposed) {
                transpose(w, wt, n, k, n);
                w = wt;
        }
        pair_rows(w, b, k, n, panel);
        tiles_begin();
        for (int i = 0; i < m; i += 32)
                for (int j = 0; j < n; j += 32) {
                        block(c, x + (long) i * k, k, b + j / 16 * panel, panel, 1, 0, 0, k);
                        for (int r = 0; r < 32; r++)
                                for (int s = 0; s < 32; s++)
                                        y[(long) (i + r) * n + j + s] =
                                                store(c[r * 32 + s] + (bias ? load(bias[j + s]) : 0));
                }
        tiles_end();
}

/* dw [n, k] = dy^T x, db [n] (or NULL) = column sums of dy; dy [m, n], x [m, k]; overwritten.
 * The narrower of the two is the one that is transposed. */
void linear_weight_grad(const bf16 *x, const bf16 *dy, bf16 *dw, bf16 *db, char *work, int m, int n, int k) {
        long ld = m + 32, panel = (long) m * 16;
        int swap = k < n, rows = swap ? k : n, cols = swap ? n : k;
        bf16 *at = (bf16 *) work, *bp = at + rows * ld;
        float c[1024] __attribute__((aligned(64)));
        transpose(swap ? x : dy, at, m, rows, ld);
        pair_rows(swap ? dy : x, bp, m, cols, panel);
        if (db)
                column_sums(dy, db, m, n);
        tiles_begin();
        for (int j = 0; j < cols; j += 32)
                for (int i = 0; i < rows; i += 32) {
                        block(c, at + i * ld, ld, bp + j / 16 * panel, panel, 1, 0, 0, m);
                        for (int r = 0; r < 32; r++)
                                for (int s = 0; s < 32; s++) {
                                        if (swap)
                                                dw[(long) (j + r) * k + i + s] = store(c[s * 32 + r]);
                                        else
                                                dw[(long) (i + r) * k + j + s] = store(c[r * 32 + s]);
                                }
                }
        tiles_end();
}

/* y [m, n] = alpha a [m, k] b (paired) + beta z; z may be y. */
static void product(const bf16 *a, const bf16 *b, bf16 *y, const bf16 *z,
                    int m, int n, int k, float alpha, float beta) {
        long panel = (long) k * 16;
        float c[1024] __attribute__((aligned(64)));
        for (int j = 0; j < n; j += 32)
                for (int i = 0; i < m; i += 32) {
                        block(c, a + (long) i * k, k, b + j / 16 * panel, panel, 1, 0, 0, k);
                        for (int r = 0; r < 32; r++)
                                for (int s = 0; s < 32; s++) {
                                        long at = (long) (i + r) * n + j + s;
                                        y[at] = store(alpha * c[r * 32 + s] + (z ? beta * load(z[at]) : 0));
                                }
                }
}

/* One step of Muon (Jordan 2024) for `count` matrices [rows, cols]: the momentum is made about orthogonal by
 * five Newton-Schulz rounds. p: rounded weights; g: gradients, scaled by `scale`, cleared; `size` scales the
 * step. */
void muon(bf16 *p, bf16 *g, float *master, float *m, char *work, int count, int rows, int cols,
          float lr, float momentum, float decay, float scale, float size) {
        int tall = rows > cols, r = tall ? cols : rows, c = tall ? rows : cols;
        long n = (long) rows * cols;
        bf16 *u = (bf16 *) work, *x = u + n, *xt = x + n, *pairs = xt + n;
        bf16 *a = pairs + n, *b = a + (long) r * r;
        for (int s = 0; s < count; s++, p += n, g += n, master += n, m += n) {
                double total = 0;
                for (long i = 0; i < n; i++) {
                        float d = load(g[i]) * scale;
                        m[i] += (d - m[i]) * (1 - momentum);
                }
                for (long i0 = 0; i0 < n; i0 += 1024) {
                        float part = 0;
                        for (long i = i0; i < (i0 + 1024 < n ? i0 + 1024 : n); i++) {
                                float v = load(g[i]) * scale * (1 - momentum) + m[i] * momentum;
                                part += v * v;
                        }
                        total += part;
                }
                float by = (float) (1 / (sqrt(total) + 1e-12));
                for (long i = 0; i < n; i++) {
                        u[i] = store((load(g[i]) * scale * (1 - momentum) + m[i] * momentum) * by);
                        g[i] = 0;
                }
                if (tall)
                        transpose(u, x, rows, cols, rows);
                else
                        memcpy(x, u, sizeof(bf16) * n);
                tiles_begin();
                for (int round = 0; round < 5; round++) {
                        transpose(x, xt, r, c, r);
                        pair_rows(xt, pairs, c, r, (long) c * 16);
                        product(x, pairs, a, NULL, r, r, c, 1, 0);
                        pair_rows(a, pairs, r, r, (long) r * 16);
                        product(a, pairs, b, a, r, r, r, 2.0315f, -4.7750f);
                        pair_rows(x, pairs, r, c, (long) r * 16);
                        product(b, pairs, x, x, r, c, r, 1, 3.4445f);
                }
                tiles_end();
                if (tall) {
                        transpose(x, u, cols, rows, cols);
                        memcpy(x, u, sizeof(bf16) * n);
                }
                for (long i = 0; i < n; i++) {
                        master[i] = master[i] * (1 - lr * decay) - lr * size * load(x[i]);
                        p[i] = store(master[i]);
                }
        }
}

#endif
