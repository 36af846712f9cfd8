/* f32_depthwise.h with AVX2: eight channels of six outputs. */
#include "kernels/f32_avx2.h"

#define V_PIXELS 6
#define V_NAME   pare_f32_depthwise__avx2_6x8

#include "kernels/f32_depthwise/f32_depthwise_tiles.h"
