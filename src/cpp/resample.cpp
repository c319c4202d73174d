// resample.cpp: rows of the result shared among threads.
#include "resample.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "buffer.h"
#include "parallel.h"
#include "workspace.h"

namespace pyconv {
namespace {

// In parallel.h's measure, 1e5 operations a microsecond: of an element that is written to memory.
constexpr int64_t kPerElement = 20;

void check(const char* axis, const AxisTaps& taps, int64_t size) {
  if (taps.taps < 1 || taps.elements.size() != taps.weights.size() ||
      taps.elements.size() % static_cast<size_t>(taps.taps) != 0)
    throw std::invalid_argument("Resampling: there must be a weight for each element along " + std::string(axis) + ".");
  for (const int64_t element : taps.elements)
    if (element < 0 || element >= size)
      throw std::invalid_argument("Resampling: elements must lie within the " + std::to_string(size) + " " + axis +
                                  ". Received: " + std::to_string(element));
}

}  // namespace

Resampling::Resampling(DType dtype, int64_t mb, int64_t ih, int64_t iw, int64_t c, const AxisTaps& rows,
                       const AxisTaps& cols, const KernelTable& table)
    : dtype_(dtype), mb_(mb), ih_(ih), iw_(iw), c_(c), rows_(rows), cols_(cols), table_(&table) {
  int64_t most = kPerElement * size_of(DType::f64);
  for (const int64_t size : {mb, std::max(ih, rows.results()), std::max(iw, cols.results()), c})
    if (size < 0 || __builtin_mul_overflow(most, std::max(size, int64_t{1}), &most))
      throw std::invalid_argument("Resampling: sizes must be at least 0 and not larger than any memory. Received: " +
                                  std::to_string(size));
  check("rows", rows, ih);
  check("columns", cols, iw);
  copies_cols_ = cols.taps == 1 && cols.results() == iw;
  for (size_t x = 0; copies_cols_ && x < cols.elements.size(); ++x)
    copies_cols_ = cols.elements[x] == static_cast<int64_t>(x) && cols.weights[x] == 1;
  // As distances in a row of pixels.
  for (int64_t& element : cols_.elements) element *= c;
}

int64_t Resampling::scratch_bytes() const { return align_up(iw_ * c_ * size_of(dtype_)); }

template <class T>
void Resampling::run_as(const T* src, T* dst) const {
  const Kernels<T>& kernels = table_->kernels<T>();
  const std::vector<T> col_weights(cols_.weights.begin(), cols_.weights.end());
  const int64_t row = iw_ * c_;
  const int threads = threads_for(kPerElement * (rows_.taps + cols_.taps) * mb_ * oh() * ow() * c_);
  const Workspace workspace(threads * scratch_bytes());
  parallel_for(mb_ * oh(), threads, [&](int64_t begin, int64_t end, int thread) {
    T* const blended = reinterpret_cast<T*>(workspace.get() + thread * scratch_bytes());
    std::vector<int64_t> at(static_cast<size_t>(rows_.taps));
    std::vector<T> weights(at.size());
    for (int64_t task = begin; task < end; ++task) {
      const auto first = static_cast<size_t>(task % oh() * rows_.taps);
      for (size_t t = 0; t < at.size(); ++t) {
        at[t] = rows_.elements[first + t] * row;
        weights[t] = static_cast<T>(rows_.weights[first + t]);
      }
      const T* image = src + task / oh() * ih_ * row;
      T* const out = dst + task * ow() * c_;
      const T* line = image + at[0];
      if (copies_cols_ || rows_.taps > 1 || weights[0] != 1) {
        T* const sums = copies_cols_ ? out : blended;
        kernels.blend({.src = image,
                       .at = at.data(),
                       .weights = weights.data(),
                       .taps = rows_.taps,
                       .dst = sums,
                       .rows = 1,
                       .channels = row});
        line = sums;
      }
      if (!copies_cols_)
        kernels.blend({.src = line,
                       .at = cols_.elements.data(),
                       .weights = col_weights.data(),
                       .taps = cols_.taps,
                       .dst = out,
                       .rows = ow(),
                       .channels = c_});
    }
  });
}

void Resampling::run(const void* src, void* dst) const {
  with_dtype(dtype_, [&]<class T>() { run_as(static_cast<const T*>(src), static_cast<T*>(dst)); });
}

}  // namespace pyconv
