// copy.cpp: runs of the innermost axis, one after the other, shared among threads.
#include "copy.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "../parallel.h"

namespace pyconv {
namespace {

constexpr int64_t kFloat = 4;

// parallel.h counts arithmetic, 1e5 operations a microsecond; a float takes some 0.2 ns, as in transpose.cpp.
constexpr int64_t kOperationsPerElement = 20;

void copy_row(int64_t size, const float* src, int64_t src_stride, float* dst, int64_t dst_stride) {
  if (dst_stride == 1 && src_stride == 1)
    std::memcpy(dst, src, static_cast<size_t>(size * kFloat));
  else if (dst_stride == 1 && src_stride == 0)
    std::fill_n(dst, size, *src);
  else
    for (int64_t i = 0; i < size; ++i) dst[i * dst_stride] = src[i * src_stride];
}

// Bytes from the first element to the one after the last; throws where that is more than can be counted.
int64_t extent(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
  int64_t last = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    int64_t reach = 0;
    if (strides[axis] < 0 || __builtin_mul_overflow(shape[axis] - 1, strides[axis], &reach) ||
        __builtin_add_overflow(last, reach, &last))
      throw std::invalid_argument("ProgramBuilder.copy: strides must not be negative, nor larger than any memory.");
  }
  int64_t bytes = 0;
  if (__builtin_mul_overflow(last, kFloat, &bytes) || __builtin_add_overflow(bytes, kFloat, &bytes))
    throw std::invalid_argument("ProgramBuilder.copy: strides must not be larger than any memory.");
  return bytes;
}

}  // namespace

CopyStep::CopyStep(const CopyProblem& problem, Place src, Place dst) {
  const auto& [shape, src_strides, dst_strides] = problem;
  if (src_strides.size() != shape.size() || dst_strides.size() != shape.size())
    throw std::invalid_argument("ProgramBuilder.copy: shape and strides must be equally long.");
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] < 1)
      throw std::invalid_argument("ProgramBuilder.copy: sizes must be at least 1. Received: " +
                                  std::to_string(shape[axis]));
    if (shape[axis] == 1) continue;
    const Axis next{.size = shape[axis], .src = src_strides[axis], .dst = dst_strides[axis]};
    Axis* const outer = axes_.empty() ? nullptr : &axes_.back();
    if (outer && outer->src == next.src * next.size && outer->dst == next.dst * next.size)
      *outer = {.size = outer->size * next.size, .src = next.src, .dst = next.dst};
    else
      axes_.push_back(next);
  }
  if (axes_.empty()) axes_.push_back({.size = 1, .src = 1, .dst = 1});
  src_ = {.place = src, .bytes = extent(shape, src_strides)};
  dst_ = {.place = dst, .bytes = extent(shape, dst_strides), .write = true};
  // Threads write different elements: sorted by stride, each axis must step over all that lies within it.
  std::vector<Axis> sorted = axes_;
  std::sort(sorted.begin(), sorted.end(), [](const Axis& a, const Axis& b) { return a.dst < b.dst; });
  int64_t reach = 0;
  for (const Axis& axis : sorted) {
    if (axis.dst <= reach)
      throw std::invalid_argument("ProgramBuilder.copy: two elements of dst must not share a place.");
    reach += (axis.size - 1) * axis.dst;
    elements_ *= axis.size;
  }
}

void CopyStep::copy_rows(const float* src, float* dst, int64_t begin, int64_t end) const {
  const Axis& inner = axes_.back();
  for (int64_t row = begin; row < end; ++row) {
    int64_t rest = row, from = 0, to = 0;
    for (size_t axis = axes_.size() - 1; axis-- > 0; rest /= axes_[axis].size) {
      const int64_t index = rest % axes_[axis].size;
      from += index * axes_[axis].src;
      to += index * axes_[axis].dst;
    }
    copy_row(inner.size, src + from, inner.src, dst + to, inner.dst);
  }
}

void CopyStep::run(const Memory& memory) const {
  const auto* src = reinterpret_cast<const float*>(memory.at(src_.place));
  auto* dst = reinterpret_cast<float*>(memory.at(dst_.place));
  parallel_for(elements_ / axes_.back().size, threads_for(kOperationsPerElement * elements_),
               [&](int64_t begin, int64_t end, int) { copy_rows(src, dst, begin, end); });
}

std::vector<Access> CopyStep::accesses() const { return {src_, dst_}; }

StepFacts CopyStep::facts() const { return {.kind = "copy", .algorithm = {}}; }

}  // namespace pyconv
