/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a processor must have before kernels run that are compiled for it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/cpu.h"
#include "base/util.h"

/* The options of kernels/NAME-avx2.c and so on, from the Makefile. */
static void check_flags(const char *flags, CpuIsa isa)
{
        char copy[512], *rest = copy;
        unsigned n = 0;

        assert_true(strlen(flags) < sizeof(copy));
        (void)strcpy(copy, flags);
        for (const char *flag; (flag = strsep(&rest, " "));) {
                if (strncmp(flag, "-m", 2) != 0 || strchr(flag, '='))
                        continue;
                if (cpu_isa_using(flag + 2) > isa)
                        fail_msg("%s is compiled with %s, which the processor is not asked for", cpu_isa_to_string(isa), flag);
                n++;
        }
        assert_true(n > 0);
}

static void test_all_that_is_compiled_for_is_asked_for(void **state)
{
        (void)state;
        if (cpu_isa_using("avx2") == CPU_ISA_MAX)
                skip(); /* another architecture */
        check_flags(FLAGS_avx2, CPU_AVX2);
        check_flags(FLAGS_avx512, CPU_AVX512);
        check_flags(FLAGS_vnni, CPU_AVX512_VNNI);
        check_flags(FLAGS_bf16, CPU_AVX512_BF16);
        check_flags(FLAGS_amx, CPU_AMX);
}

static void test_sets_contain_each_other(void **state)
{
        (void)state;
        assert_true(cpu_has(CPU_GENERIC));
        for (CpuIsa isa = CPU_AVX2; isa < CPU_AMX; isa++)
                assert_true(!cpu_has(isa) || cpu_has(isa - 1));
        assert_true(cpu_has(cpu_isa()) && cpu_has(cpu_isa_without_tiles()));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_that_is_compiled_for_is_asked_for),
                cmocka_unit_test(test_sets_contain_each_other),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
