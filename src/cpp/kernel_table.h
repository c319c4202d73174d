// kernel_table.h: the contract of every kernel, as an equation, and the table that holds one ISA's kernels.
// Kernels know nothing of threads, allocation, padding or Python; each ISA fills one KernelTable (kernels/table.cpp).
#pragma once

#include <cstdint>
#include <type_traits>

#include "activation.h"
#include "element_op.h"

namespace pyconv {

// What a kernel does to a result x before it stores it at dst[i]:
//
//   dst[i] = activation(x + residual[i])        residual[i] is 0 when there is none; it may be dst itself
template <class T>
struct Epilogue {
  Activation activation = Activation::linear;
  T negative_slope = 0;
  const T* residual = nullptr;
};

// Batch-reduce matrix product, the kernel of convolution in all three directions and of Dense:
//
//   c[r][j] = epilogue of start[j] + sum over t < taps, q < k of
//             a[a_taps[t] + r * a_row + q * a_k] * b[b_taps[t] + q * b_k + j % panel + j / panel * b_panel]
//   start[j] = bias[j], or 0 without a bias
//
// for r < rows, j < cols. c[r][j] lies at c[r * c_row + j]. A panel has `panel` columns (Kernels::panel), whose whole
// vectors must be readable in b, whatever cols: packed panels have b_k = panel. A tile of rows meets all panels before
// the next tile is begun. Sums run in the order t, q with one accumulator per element: the result depends neither on
// rows nor on where a matrix was cut. Where streamed, whole vectors of c go past the caches, and c and its rows are
// multiples of kAlignment, and residual isn't c.
//
// dots is the same for few columns, each a panel by itself: panel = 1, and a_k = b_k = 1. Taps come in runs of `run`,
// each of which is as far from the one before it in a as the second is from the first. There is an accumulator for each
// lane of a vector of the reduction, and they are added up last.
template <class T>
struct BrgemmArgs {
  const T* a = nullptr;
  const int64_t* a_taps = nullptr;
  int64_t a_row = 0, a_k = 1;
  const T* b = nullptr;
  const int64_t* b_taps = nullptr;
  int64_t b_k = 0, b_panel = 0;
  int64_t taps = 0, run = 1, k = 0;
  T* c = nullptr;
  int64_t c_row = 0, rows = 0, cols = 0;
  const T* bias = nullptr;
  Epilogue<T> epilogue = {};
  bool streamed = false;
};

// One filter per channel, the kernel of depthwise convolution, on a rectangle of pixels: lines of rows, channels side
// by side. A tap is a run of elements of the filter that read pixels at equal distances:
//
//   dst[l][r][j] = epilogue of start[j] + sum over t < taps, e < run of
//                  src[src_taps[t] + e * src_step + l * src_line + r * src_row + j] *
//                  weights[weight_taps[t] + e * weight_step + j]
//
// for l < lines, r < rows, j < channels; start[j] = bias[j], or 0 without a bias. dst[l][r][j] lies at
// dst[l * dst_line + r * dst_row + j]. Sums run in one order, whatever the lines and channels. Where streamed,
// vectors of dst go past the caches if there is no residual, and dst, its rows, lines and channels are multiples of
// kAlignment.
template <class T>
struct DepthwiseArgs {
  const T* src = nullptr;
  const int64_t* src_taps = nullptr;
  int64_t src_step = 0, src_line = 0, src_row = 0;
  const T* weights = nullptr;
  const int64_t* weight_taps = nullptr;
  int64_t weight_step = 0;
  int64_t taps = 0, run = 0;
  T* dst = nullptr;
  int64_t dst_line = 0, dst_row = 0;
  int64_t lines = 0, rows = 0, channels = 0;
  const T* bias = nullptr;
  Epilogue<T> epilogue = {};
  bool streamed = false;
};

// The gradient of the filters, from that of dst on the same pixels; at least a vector of channels:
//
//   sums[weight_taps[t] + e * weight_step + j] += sum over l < lines, r < rows of
//       src[src_taps[t] + e * src_step + l * src_line + r * src_row + j] * diff_dst[l * dst_line + r * dst_row + j]
//
//   dst_sums[j] += sum over l < lines, r < rows of diff_dst[l * dst_line + r * dst_row + j]      if there is dst_sums
//
// Neither dst, weights, bias nor epilogue is used.
template <class T>
struct DepthwiseWeightsArgs {
  DepthwiseArgs<T> pixels;
  const T* diff_dst = nullptr;
  T *sums = nullptr, *dst_sums = nullptr;
};

// Several channels a group, few enough that one vector of results has whole groups: the kernel of grouped convolution.
// On pixels and taps as above, but lane i of vector v, produced channel first[v] + i, is a sum over q < depth, too:
//
//   dst[l][r][first[v] + i] = epilogue of start[first[v] + i] + sum over q < depth, t < taps, e < run of
//       src[src_taps[t] + e * src_step + l * src_line + r * src_row + offset[v][q] + lane[v][q][i]] *
//       weights[weight_taps[t] + e * weight_step + (v * depth + q) * weight_size + i]
//
// for v < count, i < lanes[v]. Weights hold a whole vector for each v and q, whatever lanes[v], and so must src:
// src[... + offset[v][q]] begins a vector that may be read.
template <class T>
struct GroupedArgs {
  // Signed and as wide as T: what a permutation of a vector of T is made of.
  using Lane = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

  DepthwiseArgs<T> pixels;  // channels is not used
  const int64_t *first = nullptr, *lanes = nullptr;
  const int64_t* offset = nullptr;
  const Lane* lane = nullptr;  // kLanes of them for each v and q
  int64_t count = 0, depth = 0, weight_size = 0;
};

// A row of pooling windows, channels side by side. The elements of window r are, in the order t, w,
//
//   x[r][t][w][j] = src[src_taps[t] + r * src_row + w * src_step + j]      t < taps, w < width, j < channels
//
//   max_pool:          dst[r][j] = max over t, w of x[r][t][w][j], NaN if one is NaN, -inf if there are none
//   average_pool:      dst[r][j] = scale * sum over t, w of x[r][t][w][j]
//   max_pool_grad:     adds diff_dst[r][j] to diff_src where the first x[r][t][w][j] stands that is that maximum
//   average_pool_grad: adds scale * diff_dst[r][j] to diff_src where each x[r][t][w][j] stands
//
// r < rows; dst[r][j] lies at dst[r * dst_row + j], and diff_dst[r][j] likewise. Forward there are lines of all that,
// each src_line and dst_line beyond the one before; if block > 0, of so many rows all lines come before the next rows.
// Where streamed, what is written goes past the caches, and dst, its rows, lines and channels are multiples of
// kAlignment. Windows that share no element are disjoint: then the gradients write what they would add, also the zeros,
// whatever diff_src was. An element's place in diff_src is that in src.
template <class T>
struct PoolArgs {
  const T* src = nullptr;
  const int64_t* src_taps = nullptr;
  int64_t taps = 0, width = 1, src_step = 0, src_row = 0;
  T* dst = nullptr;
  const T* diff_dst = nullptr;
  int64_t dst_row = 0, rows = 1, channels = 0;
  int64_t lines = 1, src_line = 0, dst_line = 0, block = 0;
  T* diff_src = nullptr;
  T scale = 1;
  bool disjoint = false, streamed = false;
};

// A small matrix of vectors of channels, transformed on both sides; Winograd's F(m x m, r x r) has three of them:
//
//   dst[i][k][j] = sum over r, c of L[i][r] * L[k][c] * src[r][c][j]      j < channels
//
//   input:    L = B (n x n)     weights:  L = G (n x r)     with n = m + r - 1
//   output:   L = A (m x n), plus bias[j] if there is one, then the epilogue; only i < rows and k < cols are
//   written
//
// The algorithm transposed has them too, with which patches of results overlap and are added up:
//
//   input:    L = A' (n x m)     weights:  L = G     output:  L = B' (n x n), without epilogue; results with
//   i < added_rows or k < added_cols are added to those that are there, the others begin with bias[j]
//
// Along one axis there is one row and only the transform from the right. src[r][c][j] lies at src[r * src_row +
// c * src_col + j], dst likewise. The matrices are in kernels/winograd.h, winograd_line.h and winograd_stride2.h; for
// any patch of n x n and r x r weights, output(input * weights) is the m x m valid convolution.
//
// Strassen's product of 2 x 2 quarters of matrices has transforms of them as well, each with a single matrix:
//
//   input, weights:  dst[0][k][j] = sum over r, c < 2 of S[k][r][c] * src[r][c][j]      k < 7
//   output:          dst[i][k][j] = sum over p < 7 of R[i][k][p] * src[0][p][j], then the epilogue     i < rows, k < 2
template <class T>
struct TransformArgs {
  const T* src = nullptr;
  int64_t src_row = 0, src_col = 0;
  T* dst = nullptr;
  int64_t dst_row = 0, dst_col = 0;
  int64_t channels = 0;
  int64_t rows = 0, cols = 0;
  int64_t added_rows = 0, added_cols = 0;
  const T* bias = nullptr;
  Epilogue<T> epilogue = {};
};

// Rows of channels, dense, and numbers for each channel. With x[r][j] = src[r][j] - centre[j] and
// z[r][j] = x[r][j] * scale[j] + shift[j], and without residual d[r][j] = diff_dst[r][j] * derivative of the activation
// at z[r][j]:
//
//   squares:         sums[j] += sum over r of x[r][j];  products[j] += sum over r of x[r][j] * x[r][j]
//   normalize:       dst[r][j] = epilogue of z[r][j]
//   gradient_sums:   sums[j] += sum over r of d[r][j];  products[j] += sum over r of d[r][j] * x[r][j]
//   normalize_grad:  dst[r][j] = x[r][j] * slope[j] + lift[j] + d[r][j] * scale[j]
//
// r < rows, j < channels.
template <class T>
struct ChannelArgs {
  const T *src = nullptr, *diff_dst = nullptr;
  const T *centre = nullptr, *scale = nullptr, *shift = nullptr, *slope = nullptr, *lift = nullptr;
  Epilogue<T> epilogue = {};
  T *dst = nullptr, *sums = nullptr, *products = nullptr;
  int64_t rows = 0, channels = 0;
};

// diff_src[i] = diff_dst[i] * derivative of the activation that made dst[i], a choice where that is 0      i < count
template <class T>
struct ActivationGradArgs {
  Activation activation = Activation::linear;
  T negative_slope = 0;
  const T *dst = nullptr, *diff_dst = nullptr;
  T* diff_src = nullptr;
  int64_t count = 0;
};

// A step of an optimizer on weights w with g = min(max(factor * gradients, -limit), limit), and on what it keeps from
// step to step, element by element:
//
//   sgd_update:      step = rate * g;  w = keep * w - step                         without velocity
//                    velocity = momentum * velocity - step
//                    w = keep * w + velocity, or, nesterov, + momentum * velocity - step with the new velocity
//   adam_update:     mean += mean_share * (g - mean);  square += square_share * (g^2 - square)
//                    largest = max(largest, square), if there is largest, takes the place of square in what follows
//                    w = keep * w - rate * mean / (sqrt(square) + epsilon)
//   rmsprop_update:  square = square_keep * square + square_share * g^2
//                    mean = square_keep * mean + mean_share * g;  variance = square - mean^2, or square without mean
//                    step = rate * g / sqrt(variance + epsilon)
//                    velocity = momentum * velocity + step, if there is velocity, takes the place of step
//                    w = keep * w - step
template <class T>
struct UpdateArgs {
  T* weights = nullptr;
  const T* gradients = nullptr;
  T *velocity = nullptr, *mean = nullptr, *square = nullptr, *largest = nullptr;
  T keep = 1, rate = 0, momentum = 0, mean_share = 0, square_share = 0, square_keep = 0, epsilon = 0;
  T factor = 1, limit = static_cast<T>(__builtin_inf());
  bool nesterov = false;
  int64_t count = 0;
};

// dst[i] = op(src[i], other[i])      i < count; other[i] is alpha when there is no other. dst may be src, or other.
template <class T>
struct ElementArgs {
  ElementOp op = ElementOp::relu;
  T alpha = 0, beta = 0;
  const T *src = nullptr, *other = nullptr;
  T* dst = nullptr;
  int64_t count = 0;
};

// Dense rows of channels, each by itself:
//
//   softmax:        dst[r][j] = e^(src[r][j] - m[r]) / sum over k of e^(src[r][k] - m[r])      m[r] the row's largest
//   row_normalize:  dst[r][j] = (src[r][j] - mean[r]) / sqrt(variance[r] + epsilon) * scale[j] + shift[j]
//
// r < rows, j < channels. Without scale or shift that is 1 or 0. mean is 0 unless centred; variance is the mean square
// of src - mean. dst may be src.
template <class T>
struct RowArgs {
  const T *src = nullptr, *scale = nullptr, *shift = nullptr;
  bool centred = true;
  double epsilon = 0;
  T* dst = nullptr;
  int64_t rows = 0, channels = 0;
};

// dst[r][j] = sum over t < taps of weights[r * taps + t] * src[at[r * taps + t] + j]      r < rows, j < channels, taps
// > 0
template <class T>
struct BlendArgs {
  const T* src = nullptr;
  const int64_t* at = nullptr;
  const T* weights = nullptr;
  int64_t taps = 1;
  T* dst = nullptr;
  int64_t rows = 0, channels = 0;
};

// dst[j * dst_row + i] = src[i * src_row + j]      i < rows, j < cols
template <class T>
struct TransposeArgs {
  const T* src = nullptr;
  int64_t src_row = 0;
  T* dst = nullptr;
  int64_t dst_row = 0, rows = 0, cols = 0;
};

template <class T>
struct WinogradKernels {
  void (*input)(const TransformArgs<T>&);
  void (*weights)(const TransformArgs<T>&);
  void (*output)(const TransformArgs<T>&);
};

// The transforms of a weight gradient, the same on both sides: A (n x m) of the gradient of m x m results, G' (r x n)
// of the products' sums.
template <class T>
struct WinogradGradientKernels {
  void (*results)(const TransformArgs<T>&);
  void (*weights)(const TransformArgs<T>&);
};

// The widest panel of any table: 32 floats.
constexpr int64_t kMaxPanel = 32;

template <class T>
struct Kernels {
  int64_t lanes;           // elements of a vector
  int64_t panel;           // columns of a packed panel
  int64_t tile_rows;       // rows of the largest register tile: work is best cut into multiples of it
  int64_t depthwise_rows;  // pixels of the largest depthwise tile
  int64_t dot_sums;        // rows * columns of the largest tile of dots
  void (*brgemm)(const BrgemmArgs<T>&);
  void (*dots)(const BrgemmArgs<T>&);
  void (*depthwise)(const DepthwiseArgs<T>&);
  void (*depthwise_weights)(const DepthwiseWeightsArgs<T>&);
  void (*grouped)(const GroupedArgs<T>&);
  WinogradKernels<T> winograd4, winograd2, winograd2_5x5;  // m = 4 and 2 with r = 3, m = 2 with r = 5
  WinogradKernels<T> winograd4_transposed;                 // m = 4 with r = 3
  WinogradKernels<T> winograd3_stride2;                    // m = 3 with r = 3; B is 7 x 7, G 7 x 3, A 3 x 4
  WinogradKernels<T> winograd4_line3, winograd4_line5,
      winograd2_line7;          // along one axis
  WinogradKernels<T> strassen;  // not Winograd's, but as three transforms: input, weights, output
  WinogradGradientKernels<T> winograd4_gradient;
  void (*max_pool)(const PoolArgs<T>&);
  void (*average_pool)(const PoolArgs<T>&);
  void (*max_pool_grad)(const PoolArgs<T>&);
  void (*average_pool_grad)(const PoolArgs<T>&);
  void (*squares)(const ChannelArgs<T>&);
  void (*normalize)(const ChannelArgs<T>&);
  void (*gradient_sums)(const ChannelArgs<T>&);
  void (*normalize_grad)(const ChannelArgs<T>&);
  void (*activation_grad)(const ActivationGradArgs<T>&);
  void (*sgd_update)(const UpdateArgs<T>&);
  void (*adam_update)(const UpdateArgs<T>&);
  void (*rmsprop_update)(const UpdateArgs<T>&);
  // The sum of src[i]^2, i < count, in double: the squares of gradients may be too small, or large, for a float.
  double (*sum_of_squares)(const T* src, int64_t count);
  void (*element)(const ElementArgs<T>&);
  void (*softmax)(const RowArgs<T>&);
  void (*row_normalize)(const RowArgs<T>&);
  void (*blend)(const BlendArgs<T>&);
  void (*transpose)(const TransposeArgs<T>&);
  // steps rounds of independent x = x * sink[0] + sink[1] in registers; returns the FLOPs done, writes sink[0].
  int64_t (*peak)(int64_t steps, T* sink);
};

struct KernelTable {
  const char* name;
  Kernels<float> f32;
  Kernels<double> f64;

  template <class T>
  const Kernels<T>& kernels() const {
    if constexpr (sizeof(T) == sizeof(float))
      return f32;
    else
      return f64;
  }
};

}  // namespace pyconv
