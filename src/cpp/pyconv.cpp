// pyconv.cpp: the public classes of include/pyconv/pyconv.h over the core's plans.
#include "pyconv/pyconv.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "dispatch.h"
#include "plan.h"
#include "pool.h"

namespace pyconv {
namespace {

void require_rank(const std::string& op, const char* name, const Shape& shape, size_t rank) {
  if (shape.size() != rank)
    throw std::invalid_argument(op + ": " + name + " must have " + std::to_string(rank) +
                                " entries. Received: " + std::to_string(shape.size()));
}

// The sizes along the spatial axes of src.
Shape spatial(const std::string& op, const Shape& src) {
  if (src.size() < 3)
    throw std::invalid_argument(
        op + ": src must be (batch, *spatial, channels). Received: " + std::to_string(src.size()) + " entries");
  return {src.begin() + 1, src.end() - 1};
}

template <class Vector>
Vector given_or(const Vector& given, const Vector& otherwise) {
  return given.empty() ? otherwise : given;
}

Shape shape_of(int64_t batch, const Axes& axes, int64_t Axis::* size, size_t rank, int64_t channels) {
  Shape shape = {batch};
  for (size_t index = kSpatialAxes - rank; index < kSpatialAxes; ++index) shape.push_back(axes[index].*size);
  shape.push_back(channels);
  return shape;
}

Activation activation_of(ConvolutionOptions::Activation activation) {
  switch (activation) {
    case ConvolutionOptions::Activation::linear:
      return Activation::linear;
    case ConvolutionOptions::Activation::relu:
      return Activation::relu;
    case ConvolutionOptions::Activation::relu6:
      return Activation::relu6;
    case ConvolutionOptions::Activation::leaky_relu:
      return Activation::leaky_relu;
  }
  throw std::invalid_argument("Convolution: activation must be one of the enumeration's.");
}

ConvProblem problem_of(const Shape& src, const Shape& weights, const ConvolutionOptions& options) {
  const Shape size = spatial("Convolution", src), ones(size.size(), 1);
  require_rank("Convolution", "weights_shape", weights, size.size() + 2);
  ConvProblem problem = make_conv_problem(
      "Convolution", Direction::forward, DType::f32, src.front(), src.back(), weights.back(), options.groups,
      {size, Shape(weights.begin(), weights.end() - 2), given_or(options.strides, ones),
       given_or(options.dilation, ones), given_or(options.padding, Padding(size.size()))});
  if (const int64_t channels = weights[size.size()]; channels != problem.group_ic())
    throw std::invalid_argument(
        "Convolution: weights must have src channels / groups channels. Received: " + std::to_string(channels) +
        ", src channels=" + std::to_string(problem.ic) + ", groups=" + std::to_string(problem.g));
  problem.activation = activation_of(options.activation);
  problem.negative_slope = options.negative_slope;
  return problem;
}

Buffer copy(const float* values, int64_t count) {
  const auto bytes = count * static_cast<int64_t>(sizeof(float));
  Buffer buffer = make_buffer(bytes);
  std::memcpy(buffer.get(), values, static_cast<size_t>(bytes));
  return buffer;
}

}  // namespace

struct Convolution::Impl {
  ConvPlan plan;
  Buffer weights, bias;  // weights as the algorithm's pack made them, or as they were where it has none
  Shape dst_shape;
};

Convolution::Convolution(const Shape& src, const Shape& weights_shape, const float* weights, const float* bias,
                         const ConvolutionOptions& options) {
  if (weights == nullptr) throw std::invalid_argument("Convolution: weights must not be null.");
  const ConvPlan plan(problem_of(src, weights_shape, options), active_isa());
  const ConvProblem& p = plan.problem();
  impl_.reset(new Impl{plan, plan.algorithm().pack ? plan.pack(weights) : copy(weights, p.taps() * p.group_ic() * p.oc),
                       bias ? copy(bias, p.oc) : Buffer{}, shape_of(p.mb, p.axes, &Axis::o, src.size() - 2, p.oc)});
}
Convolution::Convolution(Convolution&&) noexcept = default;
Convolution& Convolution::operator=(Convolution&&) noexcept = default;
Convolution::~Convolution() = default;

const Shape& Convolution::dst_shape() const { return impl_->dst_shape; }
std::string Convolution::describe() const { return impl_->plan.describe(); }

void Convolution::run(const float* src, float* dst, const float* residual) const {
  impl_->plan.run({.src = const_cast<float*>(src),  // read only by a run forward
                   .weights = impl_->weights.get(),
                   .bias = impl_->bias.get(),
                   .dst = dst,
                   .residual = residual},
                  impl_->weights.get());
}

struct Pooling::Impl {
  PoolPlan plan;
  Shape dst_shape;
};

Pooling::Pooling(Pool kind, const Shape& src, const Shape& window, const Shape& strides, const Padding& padding) {
  const Shape size = spatial("Pooling", src);
  const PoolProblem problem = make_pool_problem(
      "Pooling", kind == Pool::max ? PoolKind::max : PoolKind::average, DType::f32, src.front(), src.back(),
      {size, window, given_or(strides, window), Shape(size.size(), 1), given_or(padding, Padding(size.size()))});
  impl_.reset(
      new Impl{PoolPlan(problem, active_isa()), shape_of(problem.mb, problem.axes, &Axis::o, size.size(), problem.c)});
}
Pooling::Pooling(Pooling&&) noexcept = default;
Pooling& Pooling::operator=(Pooling&&) noexcept = default;
Pooling::~Pooling() = default;

const Shape& Pooling::dst_shape() const { return impl_->dst_shape; }
void Pooling::run(const float* src, float* dst) const { pool_forward(impl_->plan, src, dst); }

Padding same_padding(const Shape& src, const Shape& window, const Shape& strides, const Shape& dilation) {
  const Shape size = spatial("same_padding", src), ones(size.size(), 1);
  const Shape step = given_or(strides, ones), spread = given_or(dilation, ones);
  require_rank("same_padding", "window", window, size.size());
  require_rank("same_padding", "strides", step, size.size());
  require_rank("same_padding", "dilation", spread, size.size());
  if (std::any_of(step.begin(), step.end(), [](int64_t stride) { return stride < 1; }))
    throw std::invalid_argument("same_padding: strides must be at least 1.");
  Padding padding;
  for (size_t axis = 0; axis < size.size(); ++axis) {
    const int64_t outputs = (size[axis] + step[axis] - 1) / step[axis];
    const int64_t zeros =
        std::max<int64_t>((outputs - 1) * step[axis] + (window[axis] - 1) * spread[axis] + 1 - size[axis], 0);
    padding.emplace_back(zeros / 2, zeros - zeros / 2);
  }
  return padding;
}

}  // namespace pyconv
