// tile.h: the register tile, the heart of every dense convolution: kRows x kVectors accumulators that stay in registers
// while the whole reduction runs past them. It does not loop over rows or columns of a matrix: brgemm.h does.
//
//              b: one row of a packed panel
//              [ vector 0 ][ vector 1 ]
//   a[row 0] x [ acc 0,0  ][ acc 0,1  ]      each step of the reduction loads kVectors vectors of b, broadcasts
//   a[row 1] x [ acc 1,0  ][ acc 1,1  ]      kRows elements of a, and does kRows * kVectors multiply-adds
//      ...         ...         ...
//
// Where columns end in the first half of a vector, half a vector is all that is loaded and multiplied of the last one.
#pragma once

#include "../kernel_table.h"
#include "epilogue.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

constexpr int kTileVectors = 2;

// 32 registers: 8 * 2 accumulators + 2 of b + 1 of a = 19. More rows would fit, but 16 accumulators cover the latency
// of multiply-adds (4 cycles, at most 2 a cycle: 8), and 14 rows lose more on stores and on rows that share an L1 set,
// when the pixel stride is a multiple of 4 KB, than they gain on loads.
//
// 16 registers: 6 * 2 accumulators + 2 of b + 1 of a = 15.
constexpr int kTileRows = kRegisters == 32 ? 8 : 6;

template <class T>
constexpr int kPanel = kTileVectors * kLanes<T>;

// A row of b that is one cache line is multiplied in 6 cycles, too few for the core's own prefetching to bring the next
// ones from L2, or L3, in time. Where b has many rows a tile asks for them so many in advance; of fewer, which stay in
// the L1 cache, that only costs. Of 8 layers, 1x1 and 3x3, 8 rows in advance took 1.04 times as long as 32, 64 1.03,
// and 32 and 512 for "many" as long as 128: no more than two processes of one build differ by.
constexpr bool kAsksAhead = kTileVectors * kVectorBytes == 64;
constexpr int64_t kRowsAhead = 32, kManyRows = 128;

// Less than a cache line of a row at once is never streamed.
constexpr bool kStreamsTiles = kTileVectors * kVectorBytes >= 64;

// kRows rows of the product, from a and c on, and the kVectors vectors of columns that one panel, bias and c begin
// with; the last of them holds last_lanes columns, or all its lanes where that is no fewer. kHalf: no more than half.
//
// Short sums have a tile begin and end every hundred cycles or two, so both are kept short. What differs from tile to
// tile comes in registers, and what is the same for all is read from args where it is needed. Rows are counted from two
// pointers: distances from one to seven others left no registers for anything else, and sums of 9 to 64 products took
// 1.02 to 1.06 times as long.
template <class T, int kRows, int kVectors, bool kHalf = false>
void brgemm_tile(const BrgemmArgs<T>& args, const T* a_rows, const T* panel, const T* bias, T* c, int64_t last_lanes) {
  using Last = std::conditional_t<kHalf, HalfVec<T>, Vec<T>>;
  constexpr int kLast = kVectors - 1;  // the vector that may be partial
  constexpr int kLowRows = 4;          // at 0 to 3 distances: x86 scales by 2 in an address, thrice takes a register
  const bool whole = !kHalf && last_lanes >= kLanes<T>;
  const auto load_last = [=](const T* p) { return whole ? load(p) : load_partial(p, last_lanes); };

  Vec<T> start[kVectors];
  PYCONV_UNROLL for (int v = 0; v < kLast; ++v) start[v] = load(bias + v * kLanes<T>);
  start[kLast] = load_last(bias + kLast * kLanes<T>);
  Vec<T> acc[kRows][kVectors];
  Last last[kRows];
  PYCONV_UNROLL for (int r = 0; r < kRows; ++r) {
    PYCONV_UNROLL for (int v = 0; v < kLast; ++v) acc[r][v] = start[v];
    if constexpr (kHalf)
      last[r] = lower_half(start[kLast]);
    else
      last[r] = start[kLast];
  }

  const int64_t a_row = args.a_row;
  for (int64_t t = 0; t < args.taps; ++t) {
    const T *low = a_rows + args.a_taps[t], *high = low + kLowRows * a_row;
    const T* b = panel + args.b_taps[t];
    const auto reduce = [&](auto ask) {
#pragma GCC unroll 1
      for (int64_t q = args.k; q > 0; --q) {
        Vec<T> b_row[kVectors];
        PYCONV_UNROLL for (int v = 0; v < kLast; ++v) b_row[v] = load(b + v * kLanes<T>);
        Last b_last;
        std::memcpy(&b_last, b + kLast * kLanes<T>, sizeof b_last);
        ask();
        PYCONV_UNROLL for (int r = 0; r < kRows; ++r) {
          const T x = r < kLowRows ? low[r * a_row] : high[(r - kLowRows) * a_row];
          PYCONV_UNROLL for (int v = 0; v < kLast; ++v) acc[r][v] += x * b_row[v];
          last[r] += x * b_last;
        }
        low += args.a_k;
        high += args.a_k;
        b += args.b_k;
      }
    };
    if (kAsksAhead && args.k >= kManyRows)
      reduce([&, ahead = kRowsAhead * args.b_k] { __builtin_prefetch(b + ahead); });
    else
      reduce([] {});
  }

  PYCONV_UNROLL for (int r = 0; r < kRows; ++r) {
    if constexpr (kHalf)
      acc[r][kLast] = whole_vector(last[r]);
    else
      acc[r][kLast] = last[r];
  }

  const int64_t c_row = args.c_row;  // a copy: for all the compiler knows, a store changes args
  const Epilogue<T> epilogue = args.epilogue;
  if (epilogue.residual) {
    const T* residual = epilogue.residual + (c - args.c);
    PYCONV_UNROLL for (int r = 0; r < kRows; ++r, residual += c_row) {
      PYCONV_UNROLL for (int v = 0; v < kLast; ++v) acc[r][v] += load(residual + v * kLanes<T>);
      acc[r][kLast] += load_last(residual + kLast * kLanes<T>);
    }
  }
  if (epilogue.activation != Activation::linear) {
    PYCONV_UNROLL for (int r = 0; r < kRows; ++r) {
      PYCONV_UNROLL for (int v = 0; v < kVectors; ++v) acc[r][v] = activate<T>(epilogue, acc[r][v]);
    }
  }
  const auto store_rows = [&](auto store_whole, auto store_last) {
    PYCONV_UNROLL for (int r = 0; r < kRows; ++r, c += c_row) {
      PYCONV_UNROLL for (int v = 0; v < kLast; ++v) store_whole(c + v * kLanes<T>, acc[r][v]);
      store_last(c + kLast * kLanes<T>, acc[r][kLast]);
    }
  };
  if (!whole)
    store_rows(store<T>, [=](T* p, Vec<T> v) { store_partial(p, v, last_lanes); });
  else if (kStreamsTiles && args.streamed)
    store_rows(stream<T>, stream<T>);
  else
    store_rows(store<T>, store<T>);
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
