// pool.cpp: a pooling's tensors, found in the program's memory.
#include "pool.h"

#include "../parallel.h"

namespace pyconv {

PoolStep::PoolStep(std::shared_ptr<const PoolPlan> plan, Place src, Place dst)
    : plan_(std::move(plan)), src_(src), dst_(dst) {}

void PoolStep::run(const Memory& memory) const { pool_forward(*plan_, memory.at(src_), memory.at(dst_)); }

std::vector<Access> PoolStep::accesses() const {
  const PoolProblem& problem = plan_->problem;
  const auto bytes = [&](int64_t pixels, int64_t stride) {
    return pixels_bytes(problem.dtype, problem.mb * pixels, stride, problem.c);
  };
  return {{.place = src_, .bytes = bytes(problem.src_pixels(), problem.src_stride)},
          {.place = dst_, .bytes = bytes(problem.dst_pixels(), problem.dst_stride), .write = true}};
}

StepFacts PoolStep::facts() const {
  const PoolProblem& problem = plan_->problem;
  const int64_t window = problem.axes[kDepth].k * problem.axes[kHeight].k * problem.axes[kWidth].k;
  return {.kind = "pool",
          .algorithm = problem.kind == PoolKind::max ? "max" : "average",
          .flops = problem.mb * problem.dst_pixels() * problem.c * window,
          .workspace_bytes = num_threads() * plan_->scratch_bytes()};
}

}  // namespace pyconv
