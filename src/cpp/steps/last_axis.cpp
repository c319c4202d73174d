// last_axis.cpp: the rows' tensors, found in the program's memory.
#include "last_axis.h"

#include <stdexcept>
#include <string>

namespace pyconv {

LastAxisStep::LastAxisStep(const KernelTable& table, int64_t rows, int64_t channels,
                           std::optional<Normalization> normalization, Place src, Place dst)
    : table_(&table),
      size_{DType::f32, rows, channels},
      normalization_(std::move(normalization)),
      src_(src),
      dst_(dst) {
  int64_t bytes = size_of(size_.dtype);
  if (rows < 0 || channels < 0 || __builtin_mul_overflow(bytes, rows, &bytes) ||
      __builtin_mul_overflow(bytes, channels, &bytes))
    throw std::invalid_argument("ProgramBuilder: rows and channels must be at least 0 and not larger than any memory.");
  if (!normalization_) return;
  for (const auto* numbers : {&normalization_->scale, &normalization_->shift})
    if (!numbers->empty() && static_cast<int64_t>(numbers->size()) != channels)
      throw std::invalid_argument("ProgramBuilder.row_normalize: scale and shift must have a number for each channel.");
}

void LastAxisStep::run(const Memory& memory) const {
  if (!normalization_) return softmax(*table_, size_, memory.at(src_), memory.at(dst_));
  const auto numbers = [](const std::vector<float>& all) { return all.empty() ? nullptr : all.data(); };
  row_normalize(*table_, size_,
                {.centred = normalization_->centred,
                 .epsilon = normalization_->epsilon,
                 .scale = numbers(normalization_->scale),
                 .shift = numbers(normalization_->shift)},
                memory.at(src_), memory.at(dst_));
}

std::vector<Access> LastAxisStep::accesses() const {
  const int64_t bytes = size_.rows * size_.channels * size_of(size_.dtype);
  return {{.place = src_, .bytes = bytes}, {.place = dst_, .bytes = bytes, .write = true}};
}

StepFacts LastAxisStep::facts() const {
  // Of an element: a comparison, a subtraction, an exponential, a sum and a product; or two sums, two products.
  return {
      .kind = normalization_ ? "row_normalize" : "softmax", .algorithm = {}, .flops = 5 * size_.rows * size_.channels};
}

}  // namespace pyconv
