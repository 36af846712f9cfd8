/* f32_spmm.h in Wasm SIMD: 32 columns at a time. */
#include "kernels/simd.h"

#define V              v128_t
#define V_LANES        4
#define V_ZERO         wasm_f32x4_splat(0.0f)
#define V_LOAD(p)      wasm_v128_load(p)
#define V_STORE(p, v)  wasm_v128_store(p, v)
#define V_SPLAT(x)     wasm_f32x4_splat(x)
#define V_ADD(a, b)    wasm_f32x4_add(a, b)
#define V_MUL(a, b)    wasm_f32x4_mul(a, b)
#define V_MAX(v, low)  wasm_f32x4_pmax(v, low)
#define V_MIN(v, high) wasm_f32x4_pmin(v, high)
#define V_NAME         pare_f32_spmm__simd128_1x32
#define V_SUMS         PARE_F32_SPMM_VECTORS
#define V_OVERLAP      0
#define V_TILES(X)     X(4) X(1)

#include "kernels/f32_spmm/f32_spmm_tiles.h"
