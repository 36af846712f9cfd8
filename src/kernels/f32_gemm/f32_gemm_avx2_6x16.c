/* f32_gemm.h with AVX2. Multiply and add stay two instructions (every file is compiled with
 * -ffp-contract=off), so the bytes are the reference's. */
#include "kernels/f32_gemm/f32_gemm_avx2.h"

#define V_NAME pare_f32_gemm__avx2_6x16

#include "kernels/f32_gemm/f32_gemm_tiles.h"
