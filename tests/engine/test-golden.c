/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The default model keeps its pixels: a digest of one picture for each engine version, model version and instruction set,
 * in tests/fixtures/golden-pixels.txt. `make golden` writes the rows of this engine and model anew. A row of a released
 * version is never changed: other pixels need another version. The digests are those of gcc's optimised code;
 * where others compile, or sanitizers look on, the last bits may differ, and the test is skipped. */

#include <openssl/sha.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine.h"
#include "tests/engine/numbers.h"

#define MODEL "model/default"

#if defined(__clang__) || defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
#define IS_RELEASE false
#else
#define IS_RELEASE true
#endif

typedef struct Row {
        char engine[32], model[96], isa[16], digest[65];
} Row;

static void paint(Row *ret, const char *isa)
{
        _cleanup_(engine_freep) Engine *engine = NULL;
        _cleanup_(picture_done) Picture picture = {};
        _cleanup_(freep) Request *q = calloc(1, sizeof(*q));
        unsigned char sha[SHA256_DIGEST_LENGTH];
        Error error = {};

        assert_non_null(q);
        request_init(q);
        strcpy(q->prompt, "a red fox on a blue background");
        q->seed = 42;
        q->steps = 3;
        if (engine_new(&engine, MODEL, 2, &error) < 0 || engine_generate(engine, q, 0, NULL, &picture, &error) < 0)
                fail_msg("%s", error.text);
        const ModelInfo *info = engine_info(engine);

        *ret = (Row) {};
        (void)snprintf(ret->engine, sizeof(ret->engine), "%s", VERSION);
        (void)snprintf(ret->model, sizeof(ret->model), "%s-%s", info->name, info->version);
        (void)snprintf(ret->isa, sizeof(ret->isa), "%s", isa);
        (void)SHA256(picture.rgb, (size_t)picture.width * picture.height * 3, sha);
        for (size_t i = 0; i < sizeof(sha); i++)
                (void)snprintf(ret->digest + 2 * i, 3, "%02x", sha[i]);
}

/* The digest that the table has for it. */
static bool find(const Row *row, char ret[static 65])
{
        _cleanup_(fclosep) FILE *f = fopen(fixture("golden-pixels.txt").text, "re");
        Row r;

        assert_non_null(f);
        while (fscanf(f, "%31s %95s %15s %64s", r.engine, r.model, r.isa, r.digest) == 4)
                if (streq(r.engine, row->engine) && streq(r.model, row->model) && streq(r.isa, row->isa)) {
                        memcpy(ret, r.digest, 65);
                        return true;
                }
        return false;
}

/* Whoever writes the rows may not have the processor for all of them. */
static void fail_unless_others_lack_it(const Row *row)
{
        Row generic = *row;
        char digest[65];

        (void)snprintf(generic.isa, sizeof(generic.isa), "%s", "generic");
        if (!find(&generic, digest))
                fail_msg("no row for %s %s %s; `make golden` writes it", row->engine, row->model, row->isa);
        (void)printf("no row for %s %s %s: not compared\n", row->engine, row->model, row->isa);
}

static void check(const char *isa, bool prints)
{
        char expected[65];
        Row row;

        paint(&row, isa);
        if (prints)
                (void)printf("%s %s %s %s\n", row.engine, row.model, row.isa, row.digest);
        else if (!find(&row, expected))
                fail_unless_others_lack_it(&row);
        else if (!streq(row.digest, expected))
                fail_msg("%s %s %s: the pixels are others than they were", row.engine, row.model, row.isa);
}

static bool is_compared(CpuIsa isa)
{
        if (isa == CPU_AVX512_VNNI) /* by default it computes what AVX-512 does */
                return false;
        if (isa == CPU_AVX512_BF16) /* other processors have it beside something better, and may round otherwise */
                return cpu_isa() == isa;
        return cpu_has(isa) && !lacks_tiles(isa);
}

static void test_pixels(void **state)
{
        const char *golden = getenv("IMAGINED_GOLDEN");
        (void)state;

        if (!IS_RELEASE)
                skip();
        assert_int_equal(setenv("IMAGINED_PRODUCTS", "own", 1), 0);
        for (CpuIsa isa = CPU_GENERIC; isa <= cpu_isa(); isa++) {
                if (!is_compared(isa))
                        continue;
                assert_int_equal(setenv("IMAGINED_ISA", cpu_isa_to_string(isa), 1), 0);
                check(cpu_isa_to_string(isa), golden && streq(golden, "print"));
                assert_int_equal(unsetenv("IMAGINED_ISA"), 0);
        }
        assert_int_equal(unsetenv("IMAGINED_PRODUCTS"), 0);
}

/* The generic row is OpenBLAS's, whose sums depend on the kernels that it chooses for the processor and on its threads:
 * both are fixed, at the program's start, when it reads them. */
static void fix_blas(char **argv)
{
        const char *core = getenv("OPENBLAS_CORETYPE");

        if (core && streq(core, "PRESCOTT"))
                return;
        if (setenv("OPENBLAS_CORETYPE", "PRESCOTT", 1) < 0 || setenv("OPENBLAS_NUM_THREADS", "1", 1) < 0)
                abort();
        (void)execv("/proc/self/exe", argv);
        abort();
}

int main(int argc, char **argv)
{
        (void)argc;
        fix_blas(argv);
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_pixels) };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
