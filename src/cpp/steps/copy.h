// copy.h: numbers from one place to another, each axis with a distance of its own on both sides: slices, crops,
// concatenation, other orders of axes, and, with a distance of 0, repetition. No arithmetic.
#pragma once

#include <utility>
#include <vector>

#include "../kernel_table.h"
#include "../step.h"

namespace pyconv {

// dst[sum of index[a] * dst_strides[a]] = src[sum of index[a] * src_strides[a]]      0 <= index[a] < shape[a]
struct CopyProblem {
  std::vector<int64_t> shape, src_strides, dst_strides;  // strides in floats, not negative
};

class CopyStep final : public Step {
 public:
  // Throws std::invalid_argument unless each axis has its strides and no two elements of dst share a place.
  CopyStep(const CopyProblem& problem, Place src, Place dst, const KernelTable& kernels);

  void run(const Memory& memory) const override;
  std::vector<Access> accesses() const override { return {src_, dst_}; }
  StepFacts facts() const override;

 private:
  struct Axis {
    int64_t size = 1, src = 0, dst = 0;
  };
  void order_axes();
  std::pair<int64_t, int64_t> outer_offsets(int64_t index, size_t inner) const;
  void copy_rows(const float* src, float* dst) const;
  void transpose(const float* src, float* dst) const;

  // Axes that lie alike on both sides are one. The innermost is dense in dst if one is; in a transposition the one
  // before it is dense in src.
  std::vector<Axis> axes_;
  bool transposes_ = false;
  int64_t elements_ = 1;
  Access src_, dst_;
  const KernelTable* kernels_;
};

}  // namespace pyconv
