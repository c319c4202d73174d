// transpose.h: the transpose of a matrix, by square tiles of vectors in registers. Edges go element by element.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// The first halves of a and b interleaved, a0 b0 a1 b1 ..., and the second halves.
template <class V>
void interleave(V a, V b, V& low, V& high) {
  constexpr int lanes = sizeof(V) / sizeof(a[0]);
  if constexpr (lanes == 2) {
    low = __builtin_shufflevector(a, b, 0, 2);
    high = __builtin_shufflevector(a, b, 1, 3);
  } else if constexpr (lanes == 4) {
    low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  } else if constexpr (lanes == 8) {
    low = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    high = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  } else {
    static_assert(lanes == 16);
    low = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    high = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  }
}

// kLanes x kLanes elements. A round interleaves row i with row i + kLanes / 2: an element's row number, followed by its
// column number, in binary, is rotated by one bit. After log2(kLanes) rounds the two numbers have changed places.
template <class T>
void transpose_tile(const T* src, int64_t src_row, T* dst, int64_t dst_row) {
  constexpr int n = kLanes<T>;
  Vec<T> x[n], y[n];
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) x[i] = load(src + i * src_row);
#pragma GCC unroll 4
  for (int round = 1; round < n; round *= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < n / 2; ++i) interleave(x[i], x[i + n / 2], y[2 * i], y[2 * i + 1]);
#pragma GCC unroll 16
    for (int i = 0; i < n; ++i) x[i] = y[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) store(dst + i * dst_row, x[i]);
}

// Tiles lie one after the other along the shorter side, which a block that fits the L1 cache is cut to.
template <class T>
void transpose(const TransposeArgs<T>& args) {
  constexpr int64_t n = kLanes<T>;
  const int64_t rows = args.rows / n * n, cols = args.cols / n * n;
  const auto tile = [&](int64_t i, int64_t j) {
    transpose_tile(args.src + i * args.src_row + j, args.src_row, args.dst + j * args.dst_row + i, args.dst_row);
  };
  if (args.rows < args.cols)
    for (int64_t j = 0; j < cols; j += n)
      for (int64_t i = 0; i < rows; i += n) tile(i, j);
  else
    for (int64_t i = 0; i < rows; i += n)
      for (int64_t j = 0; j < cols; j += n) tile(i, j);

  for (int64_t j = 0; j < args.cols; ++j)
    for (int64_t i = j < cols ? rows : 0; i < args.rows; ++i)
      args.dst[j * args.dst_row + i] = args.src[i * args.src_row + j];
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
