/* f32_batch.h with AVX2; multiply and add stay two instructions. */
#include "kernels/f32_batch/f32_batch_avx2.h"

#define V_NAME(name) name##avx2_6x16

#include "kernels/f32_batch/f32_batch_tiles.h"
