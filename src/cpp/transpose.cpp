// transpose.cpp: cuts matrices into blocks of a few cache lines' breadth, for threads and for the L1 and L2 caches.
#include "transpose.h"

#include <algorithm>

#include "parallel.h"

namespace pyconv {
namespace {

// Breadth of a block, along the longer side. Lines of both src and dst are read and written whole while they are in
// cache: 4 cache lines of floats a row, and 512 rows of it take 128 KB.
constexpr int64_t kBlock = 64;

// parallel.h counts arithmetic, 1e5 operations a microsecond; an element takes 0.2 ns.
constexpr int64_t kOperationsPerElement = 20;

template <class T>
void transpose_as(const Kernels<T>& kernels, int64_t count, int64_t rows, int64_t cols, const T* src, T* dst) {
  const bool by_rows = rows > cols;
  const int64_t length = by_rows ? rows : cols, blocks = (length + kBlock - 1) / kBlock;
  const int threads = threads_for(kOperationsPerElement * count * rows * cols);
  parallel_for(count * blocks, threads, [&](int64_t begin, int64_t end, int) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t matrix = task / blocks * rows * cols, first = task % blocks * kBlock;
      const int64_t breadth = std::min(kBlock, length - first);
      const int64_t row = by_rows ? first : 0, col = by_rows ? 0 : first;
      kernels.transpose({.src = src + matrix + row * cols + col,
                         .src_row = cols,
                         .dst = dst + matrix + col * rows + row,
                         .dst_row = rows,
                         .rows = by_rows ? breadth : rows,
                         .cols = by_rows ? cols : breadth});
    }
  });
}

}  // namespace

void transpose(const KernelTable& table, DType dtype, int64_t count, int64_t rows, int64_t cols, const void* src,
               void* dst) {
  with_dtype(dtype, [&]<class T>() {
    transpose_as(table.kernels<T>(), count, rows, cols, static_cast<const T*>(src), static_cast<T*>(dst));
  });
}

}  // namespace pyconv
