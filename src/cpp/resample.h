// resample.h: images whose pixels are weighted sums of a few of another's, along rows and columns by themselves: other
// sizes, by any kernel. Which pixels, and with what weights, the caller says.
#pragma once

#include <vector>

#include "kernel_table.h"
#include "problem.h"

namespace pyconv {

// For each result along one axis as many elements of the source, and their weights: elements[i * taps + t].
struct AxisTaps {
  int64_t taps = 1;
  std::vector<int64_t> elements;
  std::vector<double> weights;

  int64_t results() const { return static_cast<int64_t>(elements.size()) / taps; }
};

// Immutable, run many times and from many threads:
//
//   dst[n][y][x][j] = sum over s of rows.weights[y][s] * sum over t of cols.weights[x][t] *
//                     src[n][rows.elements[y][s]][cols.elements[x][t]][j]
//
// Rows are blended first, one of the result at a time, which stays in a cache until its columns are.
class Resampling {
 public:
  // src is (mb, ih, iw, c). Throws std::invalid_argument unless the taps lie within it.
  Resampling(DType dtype, int64_t mb, int64_t ih, int64_t iw, int64_t c, const AxisTaps& rows, const AxisTaps& cols,
             const KernelTable& table);

  // src and dst lie apart. Throws std::bad_alloc.
  void run(const void* src, void* dst) const;

  DType dtype() const { return dtype_; }
  int64_t mb() const { return mb_; }
  int64_t ih() const { return ih_; }
  int64_t iw() const { return iw_; }
  int64_t c() const { return c_; }
  int64_t oh() const { return rows_.results(); }
  int64_t ow() const { return cols_.results(); }
  int64_t scratch_bytes() const;  // memory that each thread needs in a run: a row that has been blended
  int64_t flops() const { return 2 * mb_ * c_ * oh() * (rows_.taps * iw_ + cols_.taps * ow()); }

 private:
  template <class T>
  void run_as(const T* src, T* dst) const;

  DType dtype_;
  int64_t mb_, ih_, iw_, c_;
  AxisTaps rows_, cols_;
  bool copies_cols_ = true;  // each column is the source's
  const KernelTable* table_;
};

}  // namespace pyconv
