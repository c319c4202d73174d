// plans.h: plans with the shapes of the arrays that they run on, as Python holds them. Their methods are in conv.cpp
// and pool.cpp; program.cpp makes steps of them.
#pragma once

#include <memory>
#include <utility>

#include "../dispatch.h"
#include "../plan.h"
#include "../pool.h"
#include "arrays.h"

namespace pyconv {

struct PyConvPlan {
  PyConvPlan(ConvPlan made, size_t rank)
      : plan(std::move(made)),
        src_shape(image_shape(problem().mb, problem().axes, &Axis::i, rank, problem().ic)),
        weights_shape(image_shape(0, problem().axes, &Axis::k, rank, problem().group_ic())),
        dst_shape(image_shape(problem().mb, problem().axes, &Axis::o, rank, problem().oc)) {
    weights_shape.erase(weights_shape.begin());  // weights have no batch
    weights_shape.push_back(problem().oc);
  }

  const ConvProblem& problem() const { return plan.problem(); }
  bool makes_weights() const { return problem().direction == Direction::backward_weights; }

  // The images of a run that doesn't make weights.
  const Shape& read_shape() const { return problem().direction == Direction::forward ? src_shape : dst_shape; }
  const Shape& made_shape() const { return problem().direction == Direction::forward ? dst_shape : src_shape; }

  void* weights_of(const py::array& weights) const {
    return data_of("weights", weights, problem().dtype, weights_shape, makes_weights());
  }

  // All but the weights.
  ConvTensors tensors(const py::array& src, const std::optional<py::array>& bias, const py::array& dst,
                      const std::optional<py::array>& residual) const {
    const ConvProblem& p = problem();
    if (residual && p.direction != Direction::forward)
      throw std::invalid_argument("ConvPlan.run: residual must be None but for forward.");
    return {.src = image_of("src", src, p.dtype, src_shape, p.src_stride, p.direction == Direction::backward_data),
            .bias = bias ? data_of("bias", *bias, p.dtype, {p.produced_channels()}, makes_weights()) : nullptr,
            .dst = image_of("dst", dst, p.dtype, dst_shape, p.dst_stride, p.direction == Direction::forward),
            .residual = residual ? image_of("residual", *residual, p.dtype, dst_shape, p.dst_stride, false) : nullptr};
  }

  ConvPlan plan;
  Shape src_shape, weights_shape, dst_shape;
};

// The weights in the form that one plan's runs read: a copy, immutable, so any number of threads may share it.
struct PyPackedWeights {
  std::shared_ptr<const PyConvPlan> plan;
  Buffer memory;
  int64_t bytes;
};

struct PyPoolPlan {
  PyPoolPlan(const PoolProblem& made, size_t spatial_rank)
      : plan(made, active_isa()),
        rank(spatial_rank),
        src_shape(image_shape(made.mb, made.axes, &Axis::i, rank, made.c)),
        dst_shape(image_shape(made.mb, made.axes, &Axis::o, rank, made.c)) {}

  // Returns dst, a new array if none is given, which is dense and so not for a plan whose dst isn't.
  py::array forward(const py::array& src, const std::optional<py::array>& given) const {
    const PoolProblem& p = plan.problem;
    const void* in = image_of("src", src, p.dtype, src_shape, p.src_stride, false);
    py::array dst = given ? *given : aligned_array(p.dtype, dst_shape);
    void* out = image_of("dst", dst, p.dtype, dst_shape, p.dst_stride, true);
    const Unlocked unlocked;
    pool_forward(plan, in, out);
    return dst;
  }

  void backward(const py::array& src, const py::array& diff_dst, const py::array& diff_src) const {
    if (!plan.problem.is_dense())
      throw std::invalid_argument("PoolPlan.backward: src_stride and dst_stride must be 0.");
    const void* in = data_of("src", src, plan.problem.dtype, src_shape, false);
    const void* gradient = data_of("diff_dst", diff_dst, plan.problem.dtype, dst_shape, false);
    void* out = data_of("diff_src", diff_src, plan.problem.dtype, src_shape, true);
    const Unlocked unlocked;
    pool_backward(plan, in, gradient, out);
  }

  PoolPlan plan;
  size_t rank;
  Shape src_shape, dst_shape;
};

}  // namespace pyconv
