// conv.h: a convolution as a step, Dense and transposed ones included: weights packed before, bias and activation
// within.
#pragma once

#include <memory>
#include <optional>

#include "../plan.h"
#include "../step.h"

namespace pyconv {

class ConvStep final : public Step {
 public:
  // packed: what plan.pack returned, or the weights themselves where the algorithm packs nothing; bias: a number for
  // each produced channel or null, copied; factors: ic numbers that channels of src are to be multiplied by, as of
  // squeeze-and-excitation, or none: each run multiplies the weights by them. A plan of backward_data is a transposed
  // convolution: it reads at src what its problem calls dst. Throws std::invalid_argument for a plan of
  // backward_weights, a residual that isn't forward's, or factors for more than one image or where the plan can't
  // scale.
  ConvStep(std::shared_ptr<const ConvPlan> plan, std::shared_ptr<const std::byte> packed, int64_t packed_bytes,
           const void* bias, Place src, Place dst, std::optional<Place> residual,
           std::optional<Place> factors = std::nullopt);

  void run(const Memory& memory) const override;
  std::vector<Access> accesses() const override;
  StepFacts facts() const override;

 private:
  bool transposed() const { return plan_->problem().direction == Direction::backward_data; }

  std::shared_ptr<const ConvPlan> plan_;
  std::shared_ptr<const std::byte> packed_;
  int64_t packed_bytes_;
  Buffer bias_;
  Place src_, dst_;
  std::optional<Place> residual_, factors_;
};

}  // namespace pyconv
