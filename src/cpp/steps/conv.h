// conv.h: a forward convolution as a step, Dense included: weights packed before, bias and activation within.
#pragma once

#include <memory>
#include <optional>

#include "../plan.h"
#include "../step.h"

namespace pyconv {

class ConvStep final : public Step {
 public:
  // packed: what plan.pack returned, or the weights themselves where the algorithm packs nothing; bias: oc numbers or
  // null, copied. Throws std::invalid_argument unless the plan is forward.
  ConvStep(std::shared_ptr<const ConvPlan> plan, std::shared_ptr<const std::byte> packed, int64_t packed_bytes,
           const void* bias, Place src, Place dst, std::optional<Place> residual);

  void run(const Memory& memory) const override;
  std::vector<Access> accesses() const override;
  StepFacts facts() const override;

 private:
  std::shared_ptr<const ConvPlan> plan_;
  std::shared_ptr<const std::byte> packed_;
  int64_t packed_bytes_;
  Buffer bias_;
  Place src_, dst_;
  std::optional<Place> residual_;
};

}  // namespace pyconv
