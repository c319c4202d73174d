// table.cpp: all kernels of one ISA. Compiled once per ISA into its own namespace, PYCONV_ISA_NAME, with that ISA's
// flags. The table is a constant: nothing runs before dispatch.cpp has asked the CPU.
#include "../kernel_table.h"
#include "blend.h"
#include "brgemm.h"
#include "depthwise.h"
#include "depthwise_weights.h"
#include "dots.h"
#include "element.h"
#include "elementwise.h"
#include "grouped.h"
#include "last_axis.h"
#include "normalize.h"
#include "peak.h"
#include "pixel_tiles.h"
#include "pool.h"
#include "pool_grad.h"
#include "strassen.h"
#include "transpose.h"
#include "update.h"
#include "winograd_gradient.h"
#include "winograd_line.h"
#include "winograd_stride2.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

static_assert(kPanel<float> <= kMaxPanel);

template <class T>
constexpr Kernels<T> kKernels = {
    .lanes = kLanes<T>,
    .panel = kPanel<T>,
    .tile_rows = kTileRows,
    .depthwise_rows = kMostPixels,
    .dot_sums = kDotSums,
    .brgemm = brgemm<T>,
    .dots = dots<T>,
    .depthwise = depthwise<T>,
    .depthwise_weights = depthwise_weights<T>,
    .grouped = grouped<T>,
    .winograd4 = {winograd6_input<T>, winograd6_weights<T, 3>, winograd4_output<T>},
    .winograd2 = {winograd2_input<T>, winograd2_weights<T>, winograd2_output<T>},
    .winograd2_5x5 = {winograd6_input<T>, winograd6_weights<T, 5>, winograd2x5_output<T>},
    .winograd4_transposed = {winograd4_gradient<T>, winograd6_weights<T, 3>, winograd4_overlapping_output<T>},
    .winograd3_stride2 = {winograd3_stride2_input<T>, winograd3_stride2_weights<T>, winograd3_stride2_output<T>},
    .winograd4_line3 = {line<T, 6, 6, six_input<T>>, line<T, 3, 6, weight_points<T, 3>>,
                        line_output<T, 6, 4, six_output<T>>},
    .winograd4_line5 = {line<T, 8, 8, eight_input<T>>, line<T, 5, 8, eight_weights<T, 5>>,
                        line_output<T, 8, 4, eight_output<T, 4>>},
    .winograd2_line7 = {line<T, 8, 8, eight_input<T>>, line<T, 7, 8, eight_weights<T, 7>>,
                        line_output<T, 8, 2, eight_output<T, 2>>},
    .strassen = {strassen_input<T>, strassen_weights<T>, strassen_output<T>},
    .winograd4_gradient = {winograd4_gradient<T>, winograd4_weights_gradient<T>},
    .max_pool = max_pool<T>,
    .average_pool = average_pool<T>,
    .max_pool_grad = max_pool_grad<T>,
    .average_pool_grad = average_pool_grad<T>,
    .squares = squares<T>,
    .normalize = normalize<T>,
    .gradient_sums = gradient_sums<T>,
    .normalize_grad = normalize_grad<T>,
    .activation_grad = activation_grad<T>,
    .sgd_update = sgd_update<T>,
    .adam_update = adam_update<T>,
    .rmsprop_update = rmsprop_update<T>,
    .sum_of_squares = sum_of_squares<T>,
    .element = element<T>,
    .softmax = softmax<T>,
    .row_normalize = row_normalize<T>,
    .blend = blend<T>,
    .transpose = transpose<T>,
    .peak = peak<T>,
};

}  // namespace

#define PYCONV_TEXT(x) #x
#define PYCONV_VALUE(x) PYCONV_TEXT(x)
extern const KernelTable table;
const KernelTable table = {PYCONV_VALUE(PYCONV_ISA_NAME), kKernels<float>, kKernels<double>};

}  // namespace pyconv::PYCONV_ISA_NAME
