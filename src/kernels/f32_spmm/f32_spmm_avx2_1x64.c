/* f32_spmm.h with AVX2; multiply and add stay two instructions. */
#include "kernels/f32_spmm/f32_spmm_avx2.h"

#define V_NAME pare_f32_spmm__avx2_1x64

#include "kernels/f32_spmm/f32_spmm_tiles.h"
