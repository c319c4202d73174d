// pool.h: a max- or average-pooling as a step.
#pragma once

#include <memory>

#include "../pool.h"
#include "../step.h"

namespace pyconv {

class PoolStep final : public Step {
 public:
  PoolStep(std::shared_ptr<const PoolPlan> plan, Place src, Place dst);

  void run(const Memory& memory) const override;
  std::vector<Access> accesses() const override;
  StepFacts facts() const override;

 private:
  std::shared_ptr<const PoolPlan> plan_;
  Place src_, dst_;
};

}  // namespace pyconv
