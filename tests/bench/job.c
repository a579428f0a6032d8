/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whole jobs through engine.h, as the worker runs them:  job MODEL_DIR SIZE STEPS RUNS [THREADS [fast]]     (SIZE, STEPS
 * 0: the model's; fast: its few-step denoiser)
 *
 * Prints how long it takes from the call to the first step, once in this fresh process (cold: the model is
 * read first; the files are in the page cache if they were read lately), then with the model resident; and
 * for the whole job with its PNG; and what it held in memory at most. With BARE=1 only the whole job, in seconds. */

#include <err.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "base/util.h"
#include "engine/engine.h"
#include "engine/kernels/blas.h"

#define RUNS_MAX 64

typedef struct Clock {
        double begin, first_step;
} Clock;

static double seconds(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
        const double *x = a, *y = b;
        return (*x > *y) - (*x < *y);
}

static double median(double *values, size_t n)
{
        qsort(values, n, sizeof *values, compare);
        return values[n / 2];
}

static void on_progress(void *userdata, Stage stage, uint32_t step, uint32_t steps, double fraction)
{
        Clock *c = userdata;

        (void)steps;
        (void)fraction;
        if (stage == STAGE_DENOISE && step == 1)
                c->first_step = seconds() - c->begin;
}

/* Returns the seconds that the job took, and the steps that it had. */
static double run(Engine *engine, const Request *request, Clock *c, uint32_t *ret_steps)
{
        const double begin = seconds();
        const EngineEvents events = { .userdata = c, .progress = on_progress };
        _cleanup_(picture_done) Picture picture = {};
        _cleanup_(freep) void *png = NULL;
        size_t size;
        Resolved resolved;
        Error error = {};

        if (engine_resolve(engine, request, &resolved, &error) < 0 ||
            engine_generate(engine, request, 0, &events, &picture, &error) < 0 ||
            engine_encode(engine, &picture, request, &resolved, 0, &png, &size, &error) < 0)
                errx(1, "%s", error.text);
        *ret_steps = resolved.steps;
        return seconds() - begin;
}

/* Bytes of the weights in the model's folders, or in its one file. */
static double weights_bytes_of(const char *model)
{
        char pattern[PATH_MAX];
        glob_t found = {};
        struct stat st;
        double bytes = 0;

        (void)snprintf(pattern, sizeof pattern, "%s/*/*.safetensors", model);
        if (glob(pattern, 0, NULL, &found) == 0)
                for (size_t i = 0; i < found.gl_pathc; i++)
                        bytes += stat(found.gl_pathv[i], &st) >= 0 ? (double)st.st_size : 0;
        else if (stat(model, &st) >= 0)
                bytes = (double)st.st_size;
        globfree(&found);
        return bytes;
}

static void print_memory(const char *model, uint32_t size)
{
        struct rusage usage;
        double most, weights = weights_bytes_of(model);

        (void)getrusage(RUSAGE_SELF, &usage);
        most = (double)usage.ru_maxrss * 1024;
        (void)printf("  %-28s %9.0f MB  (%.0f MB beside the weights' %.0f)\n", "most resident", most / 1e6, (most - weights) / 1e6,
                     weights / 1e6);
        if (getenv("BENCH_ROWS"))
                (void)printf("row own beyond auto %u %.4f - - -\n", size, (most - weights) / 1048576);
}

int main(int argc, char **argv)
{
        Clock c = { .begin = seconds() };
        double jobs[RUNS_MAX], firsts[RUNS_MAX];
        Error error = {};
        Request request;
        uint32_t steps;

        if (blas_ensure_core(argv) < 0)
                err(1, "OpenBLAS");
        if (argc < 5)
                errx(1, "usage: job MODEL_DIR SIZE STEPS RUNS [THREADS [fast]]");

        const size_t runs = (size_t)MIN(MAX(atol(argv[4]), 1), RUNS_MAX);
        request_init(&request);
        (void)strcpy(request.prompt, "a red fox wearing sunglasses on a skateboard");
        request.width = request.height = (uint32_t)atol(argv[2]);
        request.steps = (uint32_t)atol(argv[3]);
        request.seed = 1;
        request.fast = argc > 6 && streq(argv[6], "fast");

        _cleanup_(engine_freep) Engine *engine = NULL;
        if (engine_new(&engine, argv[1], argc > 5 ? (unsigned)atol(argv[5]) : 0, &error) < 0)
                errx(1, "%s", error.text);
        (void)run(engine, &request, &c, &steps);
        const double cold = c.first_step;
        for (size_t i = 0; i < runs; i++) {
                c.begin = seconds();
                jobs[i] = run(engine, &request, &c, &steps);
                firsts[i] = c.first_step;
        }

        if (getenv("BARE"))
                (void)printf("%.6f\n", median(jobs, runs));
        else {
                const double job = median(jobs, runs), first = median(firsts, runs); /* which sorts them */

                (void)printf("  %-28s %9.4f s\n  %-28s %9.4f s\n  %-28s %9.4f s   (%u steps, with its "
                             "PNG)\n",
                             "call to first step, cold", cold, "call to first step, warm", first, "whole job", job,
                             steps);
                print_memory(argv[1], request.width);
                if (getenv("BENCH_ROWS"))
                        (void)printf("row own job auto %u %.4f %.4f %.4f -\nrow own first auto %u %.4f %.4f %.4f -\n",
                                     request.width, job, jobs[0], jobs[runs - 1], request.width, first, firsts[0],
                                     firsts[runs - 1]);
        }
        return 0;
}
