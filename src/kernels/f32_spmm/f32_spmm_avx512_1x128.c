/* f32_spmm.h with AVX-512; multiply and add stay two instructions. */
#include "kernels/f32_spmm/f32_spmm_avx512.h"

#define V_NAME pare_f32_spmm__avx512_1x128

#include "kernels/f32_spmm/f32_spmm_tiles.h"
