// conv.cpp: a convolution's tensors, found in the program's memory.
#include "conv.h"

#include <cstring>
#include <stdexcept>
#include <utility>

#include "../workspace.h"

namespace pyconv {

ConvStep::ConvStep(std::shared_ptr<const ConvPlan> plan, std::shared_ptr<const std::byte> packed, int64_t packed_bytes,
                   const void* bias, Place src, Place dst, std::optional<Place> residual, std::optional<Place> factors)
    : plan_(std::move(plan)),
      packed_(std::move(packed)),
      packed_bytes_(packed_bytes),
      src_(src),
      dst_(dst),
      residual_(residual),
      factors_(factors) {
  const ConvProblem& problem = plan_->problem();
  if (problem.direction == Direction::backward_weights)
    throw std::invalid_argument("ProgramBuilder.conv: the plan must be of forward or backward_data.");
  if (residual_ && transposed())
    throw std::invalid_argument("ProgramBuilder.conv: residual must be None but for forward.");
  if (factors_ && (problem.mb != 1 || !plan_->can_scale()))
    throw std::invalid_argument(
        "ProgramBuilder.conv: factors must be None but for one image, and a plan that can scale.");
  if (bias == nullptr) return;
  const int64_t bytes = problem.produced_channels() * size_of(problem.dtype);
  bias_ = make_buffer(bytes);
  std::memcpy(bias_.get(), bias, static_cast<size_t>(bytes));
}

void ConvStep::run(const Memory& memory) const {
  const Workspace scaled(factors_ ? packed_bytes_ : 0);
  if (factors_) plan_->scale(packed_.get(), memory.at(*factors_), scaled.get());
  // Only read, as all that a run gets but its result.
  auto* const weights = factors_ ? scaled.get() : const_cast<std::byte*>(packed_.get());
  ConvTensors tensors{.src = memory.at(src_),
                      .weights = weights,
                      .bias = bias_.get(),
                      .dst = memory.at(dst_),
                      .residual = residual_ ? memory.at(*residual_) : nullptr};
  if (transposed()) std::swap(tensors.src, tensors.dst);
  plan_->run(tensors, weights);
}

std::vector<Access> ConvStep::accesses() const {
  const ConvProblem& problem = plan_->problem();
  const auto bytes = [&](int64_t pixels, int64_t stride, int64_t channels) {
    return pixels_bytes(problem.dtype, problem.mb * pixels, stride, channels);
  };
  int64_t src_bytes = bytes(problem.src_pixels(), problem.src_stride, problem.ic);
  int64_t dst_bytes = bytes(problem.dst_pixels(), problem.dst_stride, problem.oc);
  if (transposed()) std::swap(src_bytes, dst_bytes);
  std::vector<Access> all = {{.place = src_, .bytes = src_bytes}, {.place = dst_, .bytes = dst_bytes, .write = true}};
  if (residual_) all.push_back({.place = *residual_, .bytes = dst_bytes});
  if (factors_) all.push_back({.place = *factors_, .bytes = problem.ic * size_of(problem.dtype)});
  return all;
}

StepFacts ConvStep::facts() const {
  return {.kind = "conv",
          .algorithm = plan_->algorithm().name,
          .flops = plan_->problem().flops(),
          .weights_bytes = packed_bytes_,
          .workspace_bytes = plan_->memory().workspace_bytes + (factors_ ? packed_bytes_ : 0)};
}

}  // namespace pyconv
