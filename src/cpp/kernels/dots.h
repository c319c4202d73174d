// dots.h: the batch-reduce product where c has few columns, which would leave most of a vector of them empty: lanes are
// elements of the reduction instead, and the sums of each vector's lanes are taken at the end. Its b is not packed in
// panels of vectors: each column is a panel by itself.
#pragma once

#include "../kernel_table.h"
#include "epilogue.h"
#include "simd.h"
#include "transpose.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// 32 registers: 16 sums + 4 of b + 1 of a = 21, and 16 sums fill whole vectors of results. 16 registers: 8 + 4 + 1 =
// 13; 8 sums cover the latency of multiply-adds.
constexpr int kDotSums = kRegisters == 32 ? 16 : 8;

// Columns that share what is loaded of a; with more, too few rows would be left to share what is loaded of b.
constexpr int kDotColumns = 4;

// Whether neighbouring taps share what is loaded of neighbouring rows. Not in double, to save code.
template <class T>
constexpr bool kSharesRows = sizeof(T) == sizeof(float);

// The sum of the lanes of x[i], in lane i, for i < kLanes: transpose.h's rounds, each of which adds what it
// interleaves.
template <class T, int kCount = kLanes<T>>
[[gnu::always_inline]] inline Vec<T> sums_of_lanes(const Vec<T>* x) {
  if constexpr (kCount == 1) {
    return x[0];
  } else {
    Vec<T> halves[kCount / 2];
    PYCONV_UNROLL for (int i = 0; i < kCount / 2; ++i) {
      Vec<T> low, high;
      interleave(x[i], x[i + kCount / 2], low, high);
      halves[i] = low + high;
    }
    return sums_of_lanes<T, kCount / 2>(halves);
  }
}

// The epilogue of rows x cols sums, which come side by side, and their way to c.
template <class T>
[[gnu::noinline]] void store_dots(const BrgemmArgs<T>& args, const T* start, T* sums, int64_t row, int64_t column,
                                  int64_t rows, int64_t cols) {
  const int64_t at = row * args.c_row + column;
  const bool side_by_side = cols == args.c_row || rows == 1;
  const T* residual = args.epilogue.residual ? args.epilogue.residual + at : nullptr;
  T gathered[kDotSums];
  if (residual && !side_by_side) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < cols; ++j) gathered[r * cols + j] = residual[r * args.c_row + j];
    residual = gathered;
  }
  T* results = side_by_side ? args.c + at : sums;
  for_each_vector<T>(rows * cols, [&](int64_t i, auto load_some, auto store_some) {
    Vec<T> x = load(sums + i) + load(start + i);
    if (residual) x += load_some(residual + i);
    store_some(results + i, activate<T>(args.epilogue, x));
  });
  if (side_by_side) return;
  T* c = args.c + at;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < cols; ++j) c[r * args.c_row + j] = sums[r * cols + j];
}

// Adds kRun taps of a run from t on to kRows x kCols sums. kShared: each tap meets the rows of a one further than the
// tap before, so that what is loaded of a row serves all of them.
template <class T, int kRows, int kCols, int kRun, bool kShared>
[[gnu::always_inline]] inline void add_dots(const BrgemmArgs<T>& args, const T* a_rows, const T* b_columns, int64_t t,
                                            Vec<T>* acc) {
  const int64_t a_row = args.a_row, b_panel = args.b_panel, k = args.k;
  const auto step = [&](int64_t q, auto load_some) {
    Vec<T> b[kRun][kCols];
    const auto load_b = [&](int e) {
      const T* p = b_columns + args.b_taps[t + e] + q;
      PYCONV_UNROLL for (int j = 0; j < kCols; ++j) b[e][j] = in_register(load_some(p + j * b_panel));
    };
    const auto add = [&](int r, int e, Vec<T> x) {
      PYCONV_UNROLL for (int j = 0; j < kCols; ++j) acc[r * kCols + j] += x * b[e][j];
    };
    if constexpr (kShared) {
      const T* a = a_rows + args.a_taps[t] + q;
      PYCONV_UNROLL for (int e = 0; e < kRun; ++e) load_b(e);
      PYCONV_UNROLL for (int i = 0; i < kRows + kRun - 1; ++i, a += a_row) {
        const Vec<T> x = in_register(load_some(a));
        PYCONV_UNROLL for (int e = 0; e < kRun; ++e) {
          if (i - e >= 0 && i - e < kRows) add(i - e, e, x);
        }
      }
    } else {
      PYCONV_UNROLL for (int e = 0; e < kRun; ++e) {
        const T* a = a_rows + args.a_taps[t + e] + q;
        load_b(e);
        PYCONV_UNROLL for (int r = 0; r < kRows; ++r, a += a_row) add(r, e, in_register(load_some(a)));
      }
    }
  };
  int64_t q = 0;
#pragma GCC unroll 1
  for (; q + kLanes<T> <= k; q += kLanes<T>) step(q, [](const T* p) { return load(p); });
  if (const int64_t rest = k - q; rest > 0) step(q, [rest](const T* p) { return load_partial(p, rest); });
}

// Asks for what the last taps of these rows will read in the line after this one, as each line of an image does but for
// the first. Without that it took up to three times as long where the image came from memory.
template <class T, int kRows>
void prefetch_next_line(const BrgemmArgs<T>& args, const T* a_rows) {
  if (args.taps <= args.run) return;  // a line by itself
  const T* next = a_rows + args.a_taps[args.taps - 1] + args.rows * args.a_row;
  for (int r = 0; r < kRows; ++r, next += args.a_row)
    for (int64_t q = 0; q < args.k; q += 64 / static_cast<int64_t>(sizeof(T))) __builtin_prefetch(next + q);
}

// Rows row .. row + kRows - 1 and columns column .. column + kCols - 1; start is what sums that lie side by side begin
// with.
template <class T, int kRows, int kCols, bool kShared>
void dot_tile(const BrgemmArgs<T>& args, const T* start, int64_t row, int64_t column) {
  constexpr int kVectors = (kRows * kCols + kLanes<T> - 1) / kLanes<T>;  // of results
  Vec<T> acc[kVectors * kLanes<T>]{};
  const T *a = args.a + row * args.a_row, *b = args.b + column * args.b_panel;
  prefetch_next_line<T, kRows>(args, a);
  for (int64_t run = 0; run < args.taps; run += args.run) {
    int64_t t = run;
    const int64_t end = run + args.run;
    if constexpr (kSharesRows<T>) {
      for (; t + 3 <= end; t += 3) add_dots<T, kRows, kCols, 3, kShared>(args, a, b, t, acc);
      if (end - t == 2) add_dots<T, kRows, kCols, 2, kShared>(args, a, b, t, acc);
      if (end - t == 1) add_dots<T, kRows, kCols, 1, kShared>(args, a, b, t, acc);
    } else {
      for (; t < end; ++t) add_dots<T, kRows, kCols, 1, false>(args, a, b, t, acc);
    }
  }
  T sums[kVectors * kLanes<T>];
  PYCONV_UNROLL for (int v = 0; v < kVectors; ++v) store(sums + v * kLanes<T>, sums_of_lanes<T>(acc + v * kLanes<T>));
  store_dots(args, start, sums, row, column, kRows, kCols);
}

// The next size of tiles.
constexpr int64_t fewer_rows(int64_t rows) { return rows > 2 ? rows - 2 : 1; }

template <class T>
using DotTile = void (*)(const BrgemmArgs<T>&, const T* start, int64_t row, int64_t column);

// Of kDotSums / kCols rows, or 2, 4, ... fewer: all numbers would make these tiles 40 % of all code here.
// The weights of three taps stay in registers while rows are shared: 16 have room for those of two columns.
template <class T, int kCols, int kRows = kDotSums / kCols>
DotTile<T> pick_dot_tile(int64_t rows, bool shared) {
  if constexpr (kRows > 1) {
    if (rows < kRows) return pick_dot_tile<T, kCols, fewer_rows(kRows)>(rows, shared);
    if constexpr (kSharesRows<T> && (kRegisters == 32 || kCols <= 2))
      if (shared) return dot_tile<T, kRows, kCols, true>;
  }
  return dot_tile<T, kRows, kCols, false>;
}

template <class T, int kCols = kDotColumns>
DotTile<T> pick_dot_tile(int64_t rows, int64_t cols, bool shared) {
  if (cols == kCols) return pick_dot_tile<T, kCols>(rows, shared);
  if constexpr (kCols > 1)
    return pick_dot_tile<T, kCols - 1>(rows, cols, shared);
  else
    return nullptr;
}

// Equally many columns in all groups of them, and about equally many rows in all tiles. The last tile may overlap the
// one before it, as results may be computed and stored twice, but for a residual that is c.
template <class T>
void dots(const BrgemmArgs<T>& args) {
  const int64_t groups = (args.cols + kDotColumns - 1) / kDotColumns;
  const bool shared = args.taps > 0 && args.run > 1 && args.a_taps[1] - args.a_taps[0] == args.a_row;
  for (int64_t group = 0; group < groups; ++group) {
    const int64_t column = args.cols * group / groups, cols = args.cols * (group + 1) / groups - column;
    T start[kDotSums + kLanes<T>]{};
    if (args.bias)
      for (int i = 0; i < kDotSums; ++i) start[i] = args.bias[column + i % cols];
    const int64_t most = kDotSums / cols, tiles = (args.rows + most - 1) / most;
    for (int64_t done = 0; done < args.rows;) {
      const int64_t left = args.rows - done, share = (args.rows + tiles - 1) / tiles;
      int64_t rows = most;
      while (fewer_rows(rows) >= share && rows > 1) rows = fewer_rows(rows);
      while (rows > (args.epilogue.residual ? left : args.rows)) rows = fewer_rows(rows);
      const int64_t row = rows < left ? done : args.rows - rows;
      pick_dot_tile<T>(rows, cols, shared)(args, start, row, column);
      done = row + rows;
    }
  }
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
