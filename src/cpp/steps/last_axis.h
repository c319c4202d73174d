// last_axis.h: softmax and normalisation of rows as steps.
#pragma once

#include <optional>
#include <vector>

#include "../last_axis.h"
#include "../step.h"

namespace pyconv {

// Softmax without a normalisation.
class LastAxisStep final : public Step {
 public:
  struct Normalization {
    bool centred = true;
    double epsilon = 0;
    std::vector<float> scale, shift;  // none, or a number a channel
  };

  // Throws std::invalid_argument for sizes below 0, or a scale or shift of another size.
  LastAxisStep(const KernelTable& table, int64_t rows, int64_t channels, std::optional<Normalization> normalization,
               Place src, Place dst);

  void run(const Memory& memory) const override;
  std::vector<Access> accesses() const override;
  StepFacts facts() const override;

 private:
  const KernelTable* table_;
  Rows size_;
  std::optional<Normalization> normalization_;
  Place src_, dst_;
};

}  // namespace pyconv
