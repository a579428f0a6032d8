/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cblas.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cpu.h"
#include "base/util.h"
#include "engine/kernels/blas.h"
#include "engine/kernels/tables.h"

int blas_ensure_core(char **argv)
{
        const char *wanted = cpu_blas_core(), *told = getenv("OPENBLAS_CORETYPE");
        const char *threads = getenv("OPENBLAS_NUM_THREADS");

        if (!wanted)
                wanted = told;
        bool core_fits = !wanted || strcasecmp(blas_core(), wanted) == 0 || (told && streq(told, wanted));
        if (core_fits && threads && streq(threads, "1"))
                return 0;

        if ((wanted && setenv("OPENBLAS_CORETYPE", wanted, 1) < 0) ||
            setenv("OPENBLAS_NUM_THREADS", "1", 1) < 0 || setenv("OMP_WAIT_POLICY", "passive", 0) < 0 ||
            setenv("GOMP_SPINCOUNT", CPU_SPINS, 0) < 0)
                return -errno;
        (void)execv("/proc/self/exe", argv);
        return -errno;
}

const char *blas_core(void)
{
        return openblas_get_corename();
}

/* OpenBLAS wants a matrix, so rows that do not lie evenly apart are copied together first. */
static const float *rows_together(
                const void *const *rows, size_t offset, size_t m, size_t depth, float *scratch,
                size_t *ret_stride)
{
        uintptr_t stride = m > 1 ? (uintptr_t)rows[1] - (uintptr_t)rows[0] : depth * sizeof(float);
        bool even = stride >= depth * sizeof(float) && stride <= INT_MAX && stride % sizeof(float) == 0;

        for (size_t i = 1; even && i < m; i++)
                even = (uintptr_t)rows[i] - (uintptr_t)rows[i - 1] == stride;
        if (even) {
                *ret_stride = stride / sizeof(float);
                return (const float *)rows[0] + offset;
        }
        for (size_t i = 0; i < m; i++)
                memcpy(scratch + i * depth, (const float *)rows[i] + offset, depth * sizeof *scratch);
        *ret_stride = depth;
        return scratch;
}

void blas_product(const Product *p)
{
        size_t stride;
        const float *a = rows_together(p->rows, p->offset, p->m, p->depth, p->scratch, &stride);

        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)p->m, (int)p->width, (int)p->depth, 1.0f,
                    a, (int)stride, p->panel, (int)p->width, p->add ? 1.0f : 0.0f, p->sums, (int)p->stride);
}

static double seconds(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double blas_measure(void)
{
        enum { SIZE = 1024, RUNS = 9 };
        _cleanup_(freep) float *data = calloc(3 * SIZE * SIZE, sizeof *data);
        double best = 1e9;

        if (!data)
                return 0;
        for (int i = 0; i < 2 * SIZE * SIZE; i++)
                data[i] = (float)(i % 17) - 8;
        for (int run = 0; run < RUNS; run++) {
                double begin = seconds();
                cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIZE, SIZE, SIZE, 1.0f, data, SIZE,
                            data + SIZE * SIZE, SIZE, 0.0f, data + 2 * SIZE * SIZE, SIZE);
                best = MIN(best, seconds() - begin);
        }
        return 2.0 * SIZE * SIZE * SIZE / best * 1e-9;
}
