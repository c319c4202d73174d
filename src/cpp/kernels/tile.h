// tile.h: the register tile, the heart of every dense convolution: kRows x kVectors accumulators that stay in registers
// while the whole reduction runs past them. It does not loop over rows or columns of a matrix: brgemm.h does.
//
//              b: one row of a packed panel
//              [ vector 0 ][ vector 1 ]
//   a[row 0] x [ acc 0,0  ][ acc 0,1  ]      each step of the reduction loads kVectors vectors of b, broadcasts
//   a[row 1] x [ acc 1,0  ][ acc 1,1  ]      kRows elements of a, and does kRows * kVectors multiply-adds
//      ...         ...         ...
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

// Rows row .. row + kRows - 1 and columns panel * kPanel .. of the product.
template <class T, int kRows, int kVectors>
void brgemm_tile(const BrgemmArgs<T>& args, int64_t row, int64_t panel) {
  Vec<T> acc[kRows][kVectors];
  const int64_t column = panel * kPanel<T>;
  T* c = args.c + row * args.c_row + column;
  const int64_t last_lanes =
      args.cols - column - (kVectors - 1) * kLanes<T>;  // in the last vector, if that ends the columns
  const bool whole = last_lanes >= kLanes<T>;

  const auto load_row = [&](const T* p, int v) {
    return whole || v < kVectors - 1 ? load(p + v * kLanes<T>) : load_partial(p + v * kLanes<T>, last_lanes);
  };
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v)
      acc[r][v] = args.accumulate ? load_row(c + r * args.c_row, v)
                  : args.bias     ? load_row(args.bias + column, v)
                                  : Vec<T>{};

  const T* a_rows = args.a + row * args.a_row;
  for (int64_t t = 0; t < args.taps; ++t) {
    const T* a = a_rows + args.a_taps[t];
    const T* b = args.b + args.b_taps[t] + panel * args.b_panel;
#pragma GCC unroll 1
    for (int64_t q = 0; q < args.k; ++q) {
      Vec<T> b_row[kVectors];
      for (int v = 0; v < kVectors; ++v) b_row[v] = load(b + v * kLanes<T>);
      for (int r = 0; r < kRows; ++r)
        for (int v = 0; v < kVectors; ++v) acc[r][v] += a[r * args.a_row] * b_row[v];
      a += args.a_k;
      b += kPanel<T>;
    }
  }

  const Epilogue<T>& epilogue = args.epilogue;
  if (epilogue.residual) {
    const T* residual = epilogue.residual + (c - args.c);
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVectors; ++v) acc[r][v] += load_row(residual + r * args.c_row, v);
  }
  if (epilogue.activation != Activation::linear)
    for (int r = 0; r < kRows; ++r)
      for (int v = 0; v < kVectors; ++v) acc[r][v] = activate<T>(epilogue, acc[r][v]);
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVectors; ++v) {
      T* p = c + r * args.c_row + v * kLanes<T>;
      if (whole || v < kVectors - 1)
        store(p, acc[r][v]);
      else
        store_partial(p, acc[r][v], last_lanes);
    }
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
