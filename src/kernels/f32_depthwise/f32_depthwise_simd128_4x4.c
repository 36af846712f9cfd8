/* f32_depthwise.h in Wasm SIMD: four channels of four outputs. */
#include "kernels/simd.h"

#define V              v128_t
#define V_LANES        4
#define V_LOAD(p)      wasm_v128_load(p)
#define V_STORE(p, v)  wasm_v128_store(p, v)
#define V_SPLAT(x)     wasm_f32x4_splat(x)
#define V_ADD(a, b)    wasm_f32x4_add(a, b)
#define V_MUL(a, b)    wasm_f32x4_mul(a, b)
#define V_MAX(v, low)  wasm_f32x4_pmax(v, low)
#define V_MIN(v, high) wasm_f32x4_pmin(v, high)
#define V_PIXELS       4
#define V_NAME         pare_f32_depthwise__simd128_4x4

#include "kernels/f32_depthwise/f32_depthwise_tiles.h"
