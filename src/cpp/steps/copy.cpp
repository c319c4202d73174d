// copy.cpp: runs of the innermost axis, or blocks of a matrix to be transposed, shared among threads.
#include "copy.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "../parallel.h"

namespace pyconv {
namespace {

constexpr int64_t kFloat = 4;

// Breadth of a block of a transposition, along the longer side, as in transpose.cpp.
constexpr int64_t kBlock = 64;

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

CopyStep::CopyStep(const CopyProblem& problem, Place src, Place dst, const KernelTable& kernels) : kernels_(&kernels) {
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
  order_axes();
}

void CopyStep::order_axes() {
  const auto move_to = [&](size_t place, auto is_dense) {
    const auto dense = std::find_if(axes_.begin(), axes_.begin() + static_cast<ptrdiff_t>(place) + 1, is_dense);
    if (dense == axes_.begin() + static_cast<ptrdiff_t>(place) + 1) return false;
    std::rotate(dense, dense + 1, axes_.begin() + static_cast<ptrdiff_t>(place) + 1);
    return true;
  };
  const size_t last = axes_.size() - 1;
  if (move_to(last, [](const Axis& axis) { return axis.dst == 1; }) && axes_[last].src != 1 && last > 0)
    transposes_ = move_to(last - 1, [](const Axis& axis) { return axis.src == 1; });
}

// Where an element lies whose number is index among those of all axes but the innermost ones, in src and in dst.
std::pair<int64_t, int64_t> CopyStep::outer_offsets(int64_t index, size_t inner) const {
  int64_t from = 0, to = 0;
  for (size_t axis = axes_.size() - inner; axis-- > 0; index /= axes_[axis].size) {
    const int64_t at = index % axes_[axis].size;
    from += at * axes_[axis].src;
    to += at * axes_[axis].dst;
  }
  return {from, to};
}

void CopyStep::copy_rows(const float* src, float* dst) const {
  const Axis& inner = axes_.back();
  parallel_for(elements_ / inner.size, threads_for(kOperationsPerElement * elements_),
               [&](int64_t begin, int64_t end, int) {
                 for (int64_t row = begin; row < end; ++row) {
                   const auto [from, to] = outer_offsets(row, 1);
                   copy_row(inner.size, src + from, inner.src, dst + to, inner.dst);
                 }
               });
}

void CopyStep::transpose(const float* src, float* dst) const {
  const Axis &rows = axes_.back(), &cols = axes_[axes_.size() - 2];
  const bool by_rows = rows.size > cols.size;
  const int64_t length = by_rows ? rows.size : cols.size, blocks = (length + kBlock - 1) / kBlock;
  parallel_for(elements_ / (rows.size * cols.size) * blocks, threads_for(kOperationsPerElement * elements_),
               [&](int64_t begin, int64_t end, int) {
                 for (int64_t task = begin; task < end; ++task) {
                   const auto [from, to] = outer_offsets(task / blocks, 2);
                   const int64_t first = task % blocks * kBlock, breadth = std::min(kBlock, length - first);
                   const int64_t row = by_rows ? first : 0, col = by_rows ? 0 : first;
                   kernels_->f32.transpose({.src = src + from + row * rows.src + col,
                                            .src_row = rows.src,
                                            .dst = dst + to + col * cols.dst + row,
                                            .dst_row = cols.dst,
                                            .rows = by_rows ? breadth : rows.size,
                                            .cols = by_rows ? cols.size : breadth});
                 }
               });
}

void CopyStep::run(const Memory& memory) const {
  const auto* src = reinterpret_cast<const float*>(memory.at(src_.place));
  auto* dst = reinterpret_cast<float*>(memory.at(dst_.place));
  if (transposes_)
    transpose(src, dst);
  else
    copy_rows(src, dst);
}

StepFacts CopyStep::facts() const { return {.kind = "copy", .algorithm = transposes_ ? "transpose" : ""}; }

}  // namespace pyconv
