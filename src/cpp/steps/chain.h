// chain.h: a chain of operations on each element as a step.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "../chain.h"
#include "../step.h"

namespace pyconv {

// What a link of a chain reads: a tensor of the program, or numbers that the step keeps. Neither where it reads none.
struct ChainOperand {
  std::optional<Place> place;
  std::vector<float> numbers;
};

class ChainStep final : public Step {
 public:
  // An operand for each link. Throws std::invalid_argument if one is missing, or has too few numbers.
  ChainStep(std::shared_ptr<const Chain> chain, Place src, std::vector<ChainOperand> operands, Place dst);

  void run(const Memory& memory) const override;
  std::vector<Access> accesses() const override;
  StepFacts facts() const override;

 private:
  std::shared_ptr<const Chain> chain_;
  Place src_, dst_;
  std::vector<ChainOperand> operands_;
};

}  // namespace pyconv
