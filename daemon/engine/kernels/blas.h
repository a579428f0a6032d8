/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* OpenBLAS: how it is made to run well, for every program that links the engine. */

/* Makes sure that the OpenBLAS in this process uses the kernels that base/cpu.h names and one thread: if not,
 * sets the environment and runs the program anew (/proc/self/exe with argv; this call does not return then),
 * with threads that soon sleep while they wait, unless OMP_WAIT_POLICY and GOMP_SPINCOUNT are set (spinning for
 * long costs ten times the work where other programs want the processor). First thing in main(). The service sets the environment of its
 * worker and saves that. Returns 0, or a negative errno if it cannot. */
int blas_ensure_core(char **argv);

/* The name of the kernels in use, "SkylakeX" say. */
const char *blas_core(void);

/* The rate of a plain square product in one thread, in GFLOP/s: the yardstick of the benchmarks. */
double blas_measure(void);
