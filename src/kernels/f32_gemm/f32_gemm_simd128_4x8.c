/* f32_gemm.h in Wasm SIMD: 4 lanes, 4 rows by one panel of 8 columns. Fewer rows take more panels (2x16, 1x24), so
 * that at least six sums are under way. Measured in V8: 4x8 reaches the ceiling; 5x8, 3x16 and 1x32 spill
 * registers there and halve that. */
#include "kernels/simd.h"

#define V                   v128_t
#define V_LANES             4
#define V_LOAD(p)           wasm_v128_load(p)
#define V_STORE(p, v)       wasm_v128_store(p, v)
#define V_SPLAT(x)          wasm_f32x4_splat(x)
#define V_ADD(a, b)         wasm_f32x4_add(a, b)
#define V_MUL(a, b)         wasm_f32x4_mul(a, b)
#define V_MAX(v, low)       wasm_f32x4_pmax(v, low)
#define V_MIN(v, high)      wasm_f32x4_pmin(v, high)
#define V_NAME              pare_f32_gemm__simd128_4x8
#define V_ROWS              4
#define V_ROWS_OF(left)     4
#define V_MAX_SUMS          8
#define V_MAX_LOADS         4
#define V_ROW_SUMS          6
#define V_ROW(X)            X(0) X(1) X(2) X(3) X(4) X(5)
#define V_EVEN              0
#define V_UNITS(rows, left) ((rows) == 1 && (left) >= 3 ? 3 : (rows) <= 2 && (left) >= 2 ? 2 : 1)
#define V_TILES(X)          X(1, 1) X(1, 2) X(2, 1) X(2, 2) X(3, 1) X(4, 1)

#include "kernels/f32_gemm/f32_gemm_tiles.h"
