// resample.cpp: the images, found in the program's memory.
#include "resample.h"

#include <stdexcept>

#include "../parallel.h"

namespace pyconv {

ResampleStep::ResampleStep(std::shared_ptr<const Resampling> plan, Place src, Place dst)
    : plan_(std::move(plan)), src_(src), dst_(dst) {
  if (plan_->dtype() != DType::f32) throw std::invalid_argument("ProgramBuilder.resample: plan must be of float32.");
}

void ResampleStep::run(const Memory& memory) const { plan_->run(memory.at(src_), memory.at(dst_)); }

std::vector<Access> ResampleStep::accesses() const {
  const int64_t size = plan_->mb() * plan_->c() * size_of(plan_->dtype());
  return {{.place = src_, .bytes = size * plan_->ih() * plan_->iw()},
          {.place = dst_, .bytes = size * plan_->oh() * plan_->ow(), .write = true}};
}

StepFacts ResampleStep::facts() const {
  return {.kind = "resample",
          .algorithm = {},
          .flops = plan_->flops(),
          .workspace_bytes = num_threads() * plan_->scratch_bytes()};
}

}  // namespace pyconv
