// pad.h: constant padding as a step.
#pragma once

#include "../pad.h"
#include "../step.h"

namespace pyconv {

class PadStep final : public Step {
 public:
  PadStep(const PadProblem& problem, double value, Place src, Place dst);

  void run(const Memory& memory) const override;
  std::vector<Access> accesses() const override { return {src_, dst_}; }
  StepFacts facts() const override { return {.kind = "pad", .algorithm = {}}; }

 private:
  PadProblem problem_;
  double value_;
  Access src_, dst_;
};

}  // namespace pyconv
