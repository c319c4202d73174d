// activation.h: the functions that a convolution can apply to its results before it writes them. Only their names: the
// arithmetic is in kernels/epilogue.h.
#pragma once

namespace pyconv {

// relu: max(x, 0). relu6: min(max(x, 0), 6). leaky_relu: x, or negative_slope * x where x is negative.
enum class Activation { linear, relu, relu6, leaky_relu };

}  // namespace pyconv
