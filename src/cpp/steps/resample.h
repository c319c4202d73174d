// resample.h: images at another size as a step.
#pragma once

#include <memory>

#include "../resample.h"
#include "../step.h"

namespace pyconv {

class ResampleStep final : public Step {
 public:
  ResampleStep(std::shared_ptr<const Resampling> plan, Place src, Place dst);

  void run(const Memory& memory) const override;
  std::vector<Access> accesses() const override;
  StepFacts facts() const override;

 private:
  std::shared_ptr<const Resampling> plan_;
  Place src_, dst_;
};

}  // namespace pyconv
