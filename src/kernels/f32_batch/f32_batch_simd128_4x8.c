/* f32_batch.h in Wasm SIMD: 4 rows by 8 images; gradients 4 rows by 2 taps, four lanes and then the other four (more
 * sums spill registers in V8). */
#include "kernels/simd.h"

#define V              v128_t
#define V_LANES        4
#define V_ZERO         wasm_f32x4_splat(0.0f)
#define V_LOAD(p)      wasm_v128_load(p)
#define V_STORE(p, v)  wasm_v128_store(p, v)
#define V_SPLAT(x)     wasm_f32x4_splat(x)
#define V_ADD(a, b)    wasm_f32x4_add(a, b)
#define V_MUL(a, b)    wasm_f32x4_mul(a, b)
#define V_NAME(name)   name##simd128_4x8
#define V_ROWS         4
#define V_ROW_CASES(X) X(1) X(2) X(3) X(4)
#define G              v128_t
#define G_LANES        4
#define G_STEP         8
#define G_LOAD(p)      wasm_v128_load(p)
#define G_MUL_ADD      V_MUL_ADD
#define G_BEGIN(p)     wasm_v128_load(p)
#define G_END(p, v)    wasm_v128_store(p, v)
#define G_ROWS         4
#define G_ROW_CASES(X) X(1) X(2) X(3) X(4)

#include "kernels/f32_batch/f32_batch_tiles.h"
