// problem.h: what is to be computed, in oneDNN's letters, validated. Not how: that is the plan's business.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "activation.h"

namespace pyconv {

enum class DType { f32, f64 };

// Which tensor of a convolution is produced from the other two.
enum class Direction { forward, backward_data, backward_weights };

// What an algorithm may give up for speed. Strict: each result is a plain sum of products. Automatic: the relative L2
// error on normal data stays within 2.5 times that of the plain sum. Fast: no such bound.
enum class Precision { strict, automatic, fast };

// One spatial dimension of a sliding window: i input, k kernel and o output sizes, s stride,
// d dilation (1 means dense, as in Keras; oneDNN calls that 0), and the zeros before and after the input.
// Output o sees input o * s + t * d - pad_begin through kernel element t.
struct Axis {
  int64_t i = 1, k = 1, s = 1, d = 1, pad_begin = 0, pad_end = 0, o = 1;
};

enum AxisIndex { kDepth, kHeight, kWidth, kSpatialAxes };

// 1-D and 2-D problems leave the leading axes at their defaults, a size of one.
using Axes = std::array<Axis, kSpatialAxes>;

struct ConvProblem {
  DType dtype = DType::f32;
  Direction direction = Direction::forward;
  Precision precision = Precision::automatic;
  int64_t mb = 1, g = 1, ic = 1, oc = 1;
  // From a pixel of src to the next, and of dst and the residual: more than ic and oc where these are some channels of
  // a wider image, as the parts of a concatenation are. Not for backward_weights.
  int64_t src_stride = 1, dst_stride = 1;
  Axes axes;
  Activation activation = Activation::linear;  // of the results, but for backward_weights
  double negative_slope = 0;

  int64_t group_ic() const { return ic / g; }
  int64_t group_oc() const { return oc / g; }
  int64_t taps() const { return axes[kDepth].k * axes[kHeight].k * axes[kWidth].k; }
  int64_t src_pixels() const { return axes[kDepth].i * axes[kHeight].i * axes[kWidth].i; }
  int64_t dst_pixels() const { return axes[kDepth].o * axes[kHeight].o * axes[kWidth].o; }
  // A number each that may be added to the results: a bias.
  int64_t produced_channels() const { return direction == Direction::backward_data ? ic : oc; }
  // Multiply-adds count twice; taps that fall on padding count too, as everywhere in the field.
  int64_t flops() const { return 2 * mb * dst_pixels() * taps() * group_ic() * oc; }
};

enum class PoolKind { max, average };

struct PoolProblem {
  PoolKind kind = PoolKind::max;
  DType dtype = DType::f32;
  int64_t mb = 1, c = 1;
  int64_t src_stride = 1, dst_stride = 1;  // as above, forward only
  Axes axes;

  bool is_dense() const { return src_stride == c && dst_stride == c; }

  int64_t src_pixels() const { return axes[kDepth].i * axes[kHeight].i * axes[kWidth].i; }
  int64_t dst_pixels() const { return axes[kDepth].o * axes[kHeight].o * axes[kWidth].o; }
};

// The caller's numbers for a sliding window, one entry per spatial dimension, one to three of them.
struct Window {
  std::vector<int64_t> input, kernel, strides, dilation;
  std::vector<std::pair<int64_t, int64_t>> pads;
};

// The only places that throw: std::invalid_argument with a text that begins with op, the user's word for
// the operation, and names the argument, the rule and the values.
ConvProblem make_conv_problem(const std::string& op, Direction direction, DType dtype, int64_t batch,
                              int64_t in_channels, int64_t out_channels, int64_t groups, const Window& window);
PoolProblem make_pool_problem(const std::string& op, PoolKind kind, DType dtype, int64_t batch, int64_t channels,
                              const Window& window);

// The same problem on pixels so many elements apart, each 0 for as many as there are channels.
ConvProblem with_pixel_strides(const std::string& op, ConvProblem problem, int64_t src_stride, int64_t dst_stride);
PoolProblem with_pixel_strides(const std::string& op, PoolProblem problem, int64_t src_stride, int64_t dst_stride);

// A tensor in the middle of a larger one, any number of dimensions.
struct PadProblem {
  DType dtype = DType::f32;
  std::vector<int64_t> src, before, dst;
};
PadProblem make_pad_problem(DType dtype, const std::vector<int64_t>& src, const std::vector<int64_t>& before,
                            const std::vector<int64_t>& after);

// Whether all pixels of all images are alike: a kernel of one element, which skips nothing.
inline bool is_matrix_product(const ConvProblem& problem) {
  for (const Axis& axis : problem.axes)
    if (axis.k != 1 || axis.s != 1 || axis.pad_begin != 0 || axis.pad_end != 0) return false;
  return true;
}

// Calls f.operator()<float>() or <double>().
template <class F>
decltype(auto) with_dtype(DType dtype, F&& f) {
  return dtype == DType::f32 ? f.template operator()<float>() : f.template operator()<double>();
}

inline int64_t size_of(DType dtype) { return dtype == DType::f32 ? 4 : 8; }

// From the first byte of so many pixels, stride elements apart, to the one after the last.
inline int64_t pixels_bytes(DType dtype, int64_t pixels, int64_t stride, int64_t channels) {
  return pixels == 0 ? 0 : ((pixels - 1) * stride + channels) * size_of(dtype);
}

}  // namespace pyconv
