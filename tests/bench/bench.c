/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Measures one model in this process:  bench MODEL_DIR SIZE [THREADS [RUNS [PACK [PRECISION]]]]
 *
 * PACK: a file for the packed weights; if it is none of this build, it is made first.
 *
 * Medians of some runs, the least and the most; SIZE 0 is the model's own; rates beside what OpenBLAS reaches on a plain square
 * product, measured before and after, because a shared machine's speed changes from minute to minute. */

#include <err.h>
#include <fcntl.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "base/util.h"
#include "engine/image/touches/enlarge.h"
#include "engine/kernels/blas.h"
#include "engine/kernels/kernels.h"
#include "engine/pipeline.h"

#define RUNS_MAX 64

typedef struct Bench {
        Pipeline pipeline;
        UNetContext *context;
        Tensor deep; /* what the deep layers have made */
        uint32_t size; /* of the latents */
        unsigned threads, runs;
        Precision precision;
        Meter meter;
        double peak; /* of all threads, in GFLOP/s */
} Bench;

static double clock_seconds(clockid_t clock)
{
        struct timespec now;
        (void)clock_gettime(clock, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double seconds(void)
{
        return clock_seconds(CLOCK_MONOTONIC);
}

/* "VmRSS" or "VmHWM", in MiB. */
static double memory(const char *field)
{
        _cleanup_(fclosep) FILE *f = fopen("/proc/self/status", "re");
        char line[256];

        while (f && fgets(line, sizeof line, f))
                if (strncmp(line, field, strlen(field)) == 0)
                        return strtod(line + strlen(field) + 1, NULL) / 1024;
        return 0;
}

/* For the table: see run. */
static void print_row(const Bench *b, const char *key, double median, double least, double most, double processor)
{
        if (getenv("BENCH_ROWS"))
                (void)printf("row own %s %s %u %.4f %.4f %.4f %.4f\n", key, precision_to_string(b->pipeline.precision),
                             b->size * vae_factor(&b->pipeline.model->vae), median, least, most, processor);
}

static void print_memory(const Bench *b, const char *name, const char *field)
{
        const Model *m = b->pipeline.model;
        double weights = (double)(weights_bytes(m->unet_weights) + weights_bytes(m->vae_weights)), all = memory(field);

        for (uint32_t i = 0; i < m->n_texts; i++)
                weights += (double)weights_bytes(m->texts[i].weights);
        weights += m->fast_unet_weights ? (double)weights_bytes(m->fast_unet_weights) : 0;
        (void)printf("  %-28s %9.0f MiB  (%.0f MiB beyond the model's files)\n", name, all, all - weights / 1048576);
        print_row(b, "beyond", all - weights / 1048576, 0, 0, 0);
}

static int compare(const void *a, const void *b)
{
        const double *x = a, *y = b;
        return (*x > *y) - (*x < *y);
}

static void check(int r, const Error *error, const char *what)
{
        if (r < 0)
                errx(1, "%s: %s", what, error && error->code < 0 ? error->text : strerror(-r));
}

static Tensor random_tensor(Compute *c, uint32_t n, uint32_t h, uint32_t w, uint32_t channels)
{
        Tensor t = compute_tensor(c, n, h, w, channels);
        uint32_t seed = 1;

        check(c->error, NULL, "input");
        for (size_t i = 0; i < tensor_elements(&t); i++) {
                seed = seed * 1664525 + 1013904223;
                t.data[i] = (float)(int32_t)seed * (1.7f / 2147483648.0f);
        }
        return t;
}

static void encode_text(Bench *b, Embeddings *ret)
{
        Chunks texts[2] = {};
        Error error = {};

        for (int i = 0; i < 2; i++)
                check(pipeline_read_text(&b->pipeline, "prompt", i ? "a red fox in the snow" : "blurry", &texts[i], &error),
                      &error, "prompt");
        check(pipeline_embed(&b->pipeline, texts, 2, 0, ret), NULL, "text encoder");
        chunks_done(&texts[0]);
        chunks_done(&texts[1]);
}

static void stage_text(Bench *b)
{
        Embeddings ret;
        encode_text(b, &ret);
}

static void step(Bench *b, const UNetShortcuts *shortcuts)
{
        Tensor latents = random_tensor(&b->pipeline.compute, 2, b->size, b->size, b->pipeline.model->unet.in_channels), ret;
        check(unet_forward_short(b->pipeline.unet, &b->pipeline.compute, b->context, shortcuts, &latents, 500, &ret), NULL, "UNet");
}

static void stage_step(Bench *b)
{
        step(b, &(UNetShortcuts) {});
}

static void stage_reused(Bench *b)
{
        step(b, &(UNetShortcuts) { .deep = &b->deep, .reuse = true });
}

static void stage_merged(Bench *b)
{
        step(b, &(UNetShortcuts) { .merge_tokens = 0.5 });
}

static void stage_decode(Bench *b)
{
        Tensor latents = random_tensor(&b->pipeline.compute, 1, b->size, b->size, b->pipeline.model->vae.latent_channels), ret;
        check(vae_decode(b->pipeline.vae, &b->pipeline.compute, &latents, &ret), NULL, "VAE");
}

static void stage_enlarge(Bench *b)
{
        const double side = (double)b->size * vae_factor(&b->pipeline.model->vae);
        const uint32_t factor = b->pipeline.model->card.enlarge;
        const Enlargement to = { .upscaler = b->pipeline.upscaler,
                                 .area = { .width = side, .height = side },
                                 .width = (uint32_t)side * factor,
                                 .height = (uint32_t)side * factor };
        Tensor picture = random_tensor(&b->pipeline.compute, 1, (uint32_t)side, (uint32_t)side, 3), ret;

        check(enlarge(&b->pipeline.compute, &to, &picture, &ret), NULL, "upscaler");
}

/* Where the time of the last runs went. */
static void print_kinds(const Bench *b)
{
        static const char *const names[WORK_KIND_MAX] = {
                [WORK_CONVOLUTION] = "convolutions", [WORK_LINEAR] = "linear", [WORK_ATTENTION] = "attention",
                [WORK_NORM] = "norms",               [WORK_OTHER] = "other",
        };
        const Meter *m = &b->meter;
        double all = 0, products = 0;

        for (int i = 0; i < WORK_KIND_MAX; i++) {
                all += m->seconds[i];
                products += m->flops[i];
        }
        for (int i = 0; i < WORK_KIND_MAX; i++) {
                const double rate = m->seconds[i] > 0 ? m->flops[i] / m->seconds[i] * 1e-9 : 0;
                (void)printf("    %-26s %9.4f s  %4.1f %%", names[i], m->seconds[i] / b->runs, 100 * m->seconds[i] / all);
                if (rate > 0)
                        (void)printf("  %7.1f GFLOP/s, %3.0f %% of the peak", rate, 100 * rate / b->peak);
                (void)printf("\n");
        }
        (void)printf("    %-26s %9.2f times what its products would take at the peak\n", "all of it", all / (products * 1e-9 / b->peak));
}

/* What the products of that precision reach where all of it lies in the L1 cache, on all threads at once: the best of nine. */
static double measure_peak(const Bench *b)
{
        enum { BLOCKS = 4, ROUNDS = 2000, TRIES = 9, BYTES_MAX = 65536 };
        const Kernels *kernels = kernels_get();
        const Products *products = kernels->products[kernels_precision(b->pipeline.precision, PRECISION_F32)];
        const size_t m = (size_t)BLOCKS * products->rows;
        double best = 0;

        for (int i = 0; i < TRIES; i++) {
                const double begin = seconds();
#pragma omp parallel num_threads((int)b->threads)
                {
                        static _Thread_local _Alignas(64) char rows[BYTES_MAX], panel[4 * BYTES_MAX], scratch[4 * BYTES_MAX];
                        static _Thread_local _Alignas(64) float sums[2 * BYTES_MAX];
                        const void *pointers[256];
                        const Product product = { .rows = pointers, .m = m, .depth = products->depth, .panel = panel,
                                                  .width = products->panel, .sums = sums, .stride = products->panel,
                                                  .ahead = panel, .scratch = scratch };

                        for (size_t j = 0; j < ELEMENTSOF(pointers); j++)
                                pointers[j] = rows;
                        for (int j = 0; j < ROUNDS; j++)
                                products->multiply(&product);
                }
                const double flops = 2.0 * (double)m * products->depth * products->panel * ROUNDS * b->threads;
                best = MAX(best, flops / (seconds() - begin) * 1e-9);
        }
        return best;
}

static double measure(Bench *b, const char *key, const char *name, void (*stage)(Bench *b), double rate)
{
        double times[RUNS_MAX], busy[RUNS_MAX], flops = 0;

        b->meter = (Meter) { .since = seconds() };
        for (unsigned i = 0; i < b->runs; i++) {
                ArenaMark mark = arena_mark(b->pipeline.compute.arena);
                double begin = seconds(), busy_begin = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);

                b->pipeline.compute.flops = 0;
                stage(b);
                flops = b->pipeline.compute.flops;
                times[i] = seconds() - begin;
                busy[i] = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - busy_begin;
                arena_release(b->pipeline.compute.arena, mark);
        }
        qsort(times, b->runs, sizeof *times, compare);
        qsort(busy, b->runs, sizeof *busy, compare);

        double median = times[b->runs / 2], processor = busy[b->runs / 2], reached = flops / median * 1e-9;
        compute_work_as(&b->pipeline.compute, WORK_OTHER);
        (void)printf("  %-28s %9.4f s (%.4f to %.4f)  %9.4f s of processor  %7.1f GFLOP  %7.1f GFLOP/s  %4.0f %% of "
                     "sgemm\n",
                     name, median, times[0], times[b->runs - 1], processor, flops * 1e-9, reached,
                     100 * reached / rate);
        print_kinds(b);
        print_row(b, key, median, times[0], times[b->runs - 1], processor);
        return median;
}

/* The two ways to take less time for a step that are no precision. */
static void measure_shortcuts(Bench *b, double rate)
{
        Compute *c = &b->pipeline.compute;
        ArenaMark mark = arena_mark(c->arena);

        b->deep = random_tensor(c, 2, b->size, b->size, unet_deep_channels(b->pipeline.unet));
        (void)measure(b, "reused", "step, deep features reused", stage_reused, rate);
        (void)measure(b, "merged", "step, half the tokens merged", stage_merged, rate);
        arena_release(c->arena, mark);
}

static void load_with(Bench *b, const char *dir, const PackFiles *files, const char *name)
{
        Error error = {};
        const double begin = seconds(), busy_begin = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);

        const PipelinePrecision precision = { .wanted = b->precision };
        check(pipeline_load_packed(&b->pipeline, dir, precision, b->threads, files, &error), &error, dir);
        const double took = seconds() - begin, busy = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - busy_begin;
        const bool packed_before = b->pipeline.pack && pack_is_read(b->pipeline.pack);

        (void)printf("  %-28s %9.4f s  %9.4f s of processor\n", packed_before ? "load (packed before)" : name, took, busy);
        if (packed_before || !b->pipeline.pack)
                print_row(b, packed_before ? "load" : "load-new", took, took, took, busy);
}

/* Leaves the pipeline as the service's workers have it: with the weights mapped. */
static void load_packed(Bench *b, const char *dir, const char *path)
{
        _cleanup_(freep) char *new_path = NULL;
        if (asprintf(&new_path, "%s.new", path) < 0)
                errx(1, "out of memory");
        _cleanup_(closep) int old = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_(closep) int new = open(new_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (new < 0)
                err(1, "%s", new_path);

        load_with(b, dir, &(PackFiles) { old, new }, "load, pack and keep");
        if (pack_is_read(b->pipeline.pack)) {
                (void)unlink(new_path);
                return;
        }
        if (backlog_wait(b->pipeline.backlog) != 1 || rename(new_path, path) < 0)
                errx(1, "%s: cannot be kept", path);
        pipeline_done(&b->pipeline);
        load_with(b, dir, &(PackFiles) { new, -1 }, "load, not packed before");
}

static void load(Bench *b, const char *dir, const char *pack)
{
        if (pack)
                load_packed(b, dir, pack);
        else
                load_with(b, dir, &(PackFiles) { -1, -1 }, "load (files cached)");
}

static void prepare_context(Bench *b)
{
        Embeddings all;

        encode_text(b, &all);
        const UNetConditions conditions = { .text = all.text, .pooled = all.pooled, .guidance = 7 };
        check(unet_context_new(&b->context, b->pipeline.unet, &b->pipeline.compute, &conditions), NULL, "context");
}

static void done(Bench *b)
{
        (void)unet_context_free(b->context);
        pipeline_done(&b->pipeline);
}

int main(int argc, char **argv)
{
        if (blas_ensure_core(argv) < 0)
                err(1, "OpenBLAS");
        if (argc < 3)
                errx(1, "usage: bench MODEL_DIR SIZE [THREADS [RUNS [PACK [PRECISION]]]]");

        const long threads = argc > 3 ? atol(argv[3]) : 0, runs = argc > 4 ? atol(argv[4]) : 5;
        Bench b = {
                .threads = threads > 0 ? (unsigned)threads : (unsigned)omp_get_num_procs(),
                .runs = (unsigned)MIN(MAX(runs, 1), RUNS_MAX),
                .precision = argc > 6 ? (Precision)MAX(precision_from_string(argv[6]), 0) : PRECISION_AUTO,
        };
        const Kernels *kernels = kernels_get();

        (void)printf("%s, %u threads, kernels %s, products of floats %s, OpenBLAS %s\n", argv[1], b.threads,
                     kernels->name, kernels->products[PRECISION_F32]->name, blas_core());
        load(&b, argv[1], argc > 5 && argv[5][0] ? argv[5] : NULL);
        (void)printf("  %-28s %9s\n", "precision", precision_to_string(b.pipeline.precision));
        const uint32_t factor = vae_factor(&b.pipeline.model->vae);
        b.size = atol(argv[2]) > 0 ? (uint32_t)atol(argv[2]) / factor : b.pipeline.model->unet.sample_size;
        (void)printf("  %-28s %9u x %u, decoded\n", "size", b.size * factor, b.size * factor);
        prepare_context(&b);
        ArenaMark mark = arena_mark(b.pipeline.compute.arena);
        stage_step(&b); /* the first touches fresh memory */
        arena_release(b.pipeline.compute.arena, mark);

        double rate = blas_measure();
        b.peak = measure_peak(&b);
        b.pipeline.compute.meter = &b.meter;
        (void)printf("  %-28s %37.1f GFLOP/s with %u threads\n", "products in the L1 cache", b.peak, b.threads);
        (void)printf("  %-28s %37.1f GFLOP/s a thread\n", "sgemm 1024", rate);
        (void)measure(&b, "text", "text encode, two prompts", stage_text, rate * b.threads);
        (void)measure(&b, "step", "step with guidance", stage_step, rate * b.threads);
        print_memory(&b, "most resident, steps", "VmHWM:");
        measure_shortcuts(&b, rate * b.threads);
        arena_trim(b.pipeline.compute.arena); /* as pipeline_run() does */
        (void)measure(&b, "decode", "decode", stage_decode, rate * b.threads);
        print_memory(&b, "most resident, decode", "VmHWM:");
        if (b.pipeline.upscaler)
                (void)measure(&b, "enlarge", "enlarge, by the network", stage_enlarge, rate * b.threads);
        (void)printf("  %-28s %37.1f GFLOP/s a thread\n", "sgemm 1024 again", blas_measure());
        done(&b);
        return 0;
}
