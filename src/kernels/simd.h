/* Wasm SIMD intrinsics everywhere: the compiler's own in WebAssembly builds, SIMDe's elsewhere, so that
 * one source runs in the browser, under the sanitizers and on any processor. Use wasm_f32x4_pmin / pmax
 * (not min / max): they are one instruction on x86 too. */
#ifndef PARE_SIMD_H
#define PARE_SIMD_H

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/wasm/simd128.h>
#endif

#define PARE_INLINE static inline __attribute__((always_inline))

#endif
