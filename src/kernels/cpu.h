/* What a variant's instruction set, as its .def line names it, asks of the processor: all that the compiler's flags for its file let it
 * use (src/cmake/PareFlags.cmake). */
#ifndef PARE_CPU_H
#define PARE_CPU_H

#define CPU_HAS_ALWAYS true
#define CPU_HAS_AVX2   (__builtin_cpu_supports("avx2") != 0)
#define CPU_HAS_FMA    (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#define CPU_HAS_AVX512                                                                                       \
  (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&                                \
   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && CPU_HAS_FMA)

#endif
