// pyconv.h: convolution and pooling for programs in C++, by the algorithms and kernels of the Python package and
// without Python. Results only: gradients and training are Python's.
//
// Images are dense float arrays of shape (batch, *spatial, channels), the channels of a pixel next to each other; there
// are one, two or three spatial axes. A shape has an entry for each axis, sizes of windows one for each spatial axis.
//
// Constructors check everything and throw std::invalid_argument with a text that names the argument, the rule and the
// values. Objects are immutable: any number of threads may run one at once. A run throws nothing but std::bad_alloc,
// with nothing written. It uses the best instruction set of the CPU, or the one that the environment variable
// PYCONV_ISA names, and shares its work among num_threads() threads; results do not depend on their number.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace pyconv {

using Shape = std::vector<std::int64_t>;

// The zeros before and after each spatial axis.
using Padding = std::vector<std::pair<std::int64_t, std::int64_t>>;

// What is left empty means 1 for strides and dilation (a dense kernel), and no padding.
struct ConvolutionOptions {
  enum class Activation { linear, relu, relu6, leaky_relu };

  Shape strides = {}, dilation = {};
  Padding padding = {};
  std::int64_t groups = 1;
  Activation activation = Activation::linear;
  double negative_slope = 0;  // of leaky_relu
};

// A convolution with its weights, ready to run on batches of one shape:
//
//   dst[n, o, m] = activation(bias[m] + residual[n, o, m]
//                             + sum over k, c of src[n, o * stride + k * dilation - padding, c] * weights[k, c, m])
//
// A dense layer is one whose src is (batch, 1, inputs), with weights of (1, inputs, outputs).
class Convolution {
 public:
  // src is (batch, *spatial, channels), weights (*kernel, channels / groups, filters), bias (filters) or null. Weights
  // and bias are copied, into the order in which the algorithm reads them.
  Convolution(const Shape& src, const Shape& weights_shape, const float* weights, const float* bias,
              const ConvolutionOptions& options = {});
  Convolution(Convolution&&) noexcept;
  Convolution& operator=(Convolution&&) noexcept;
  ~Convolution();

  // (batch, *spatial, filters)
  const Shape& dst_shape() const;

  // residual is like dst, and may be dst itself.
  void run(const float* src, float* dst, const float* residual = nullptr) const;

  // The problem, the algorithm chosen for it, and why others refused, in one line.
  std::string describe() const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

enum class Pool { max, average };

// The maximum or the mean of each window, without the elements of the padding.
class Pooling {
 public:
  // src is (batch, *spatial, channels). Strides left empty are the window's size.
  Pooling(Pool kind, const Shape& src, const Shape& window, const Shape& strides = {}, const Padding& padding = {});
  Pooling(Pooling&&) noexcept;
  Pooling& operator=(Pooling&&) noexcept;
  ~Pooling();

  // (batch, *spatial, channels)
  const Shape& dst_shape() const;
  void run(const float* src, float* dst) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

// The padding of the axes of src, (batch, *spatial, channels), that leaves ceil(size / stride) results along each, as
// padding="same" in Keras: max((ceil(size / stride) - 1) * stride + (window - 1) * dilation + 1 - size, 0) zeros in
// all, of an odd number one more after than before.
Padding same_padding(const Shape& src, const Shape& window, const Shape& strides = {}, const Shape& dilation = {});

// How many threads a run uses at most; at first OMP_NUM_THREADS, or what the process may use.
int num_threads();
void set_num_threads(int count);

}  // namespace pyconv
