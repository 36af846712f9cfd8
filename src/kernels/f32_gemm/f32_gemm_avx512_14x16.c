/* f32_gemm.h with AVX-512. Multiply and add stay two instructions, so the bytes are the reference's. */
#define V_WHOLE      pare_f32_gemm__avx512_14x16
#define V_MOST_PAIRS 7
#define V_REST       pare_f32_gemm__avx2_6x16

#include "kernels/f32_gemm/f32_gemm_avx512.h"
