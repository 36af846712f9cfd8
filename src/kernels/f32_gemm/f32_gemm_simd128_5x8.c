/* f32_gemm.h in Wasm SIMD: 4 lanes, up to 5 rows by one panel of 8 columns; fewer rows take more panels, so that at least 6 sums are
 * under way (a matrix-vector product works on 4 panels at once). 5x8 needs 10 sums, 2 columns and one weight: it fits 16 registers. */
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
#define V_NAME         pare_f32_gemm__simd128_5x8
#define V_ROWS         5
#define V_MAX_SUMS     10
#define V_MAX_LOADS    8
#define V_PANELS(rows) ((rows) == 1 ? 4 : (rows) == 2 ? 2 : 1)
#define V_TILES(X)     X(1, 1) X(1, 4) X(2, 1) X(2, 2) X(3, 1) X(4, 1) X(5, 1)

#include "kernels/f32_gemm/f32_gemm_tiles.h"
