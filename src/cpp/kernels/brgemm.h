// brgemm.h: cuts a batch-reduce matrix product into register tiles, of equal height and a panel wide.
#pragma once

#include "tile.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T>
using Tile = void (*)(const BrgemmArgs<T>&, const T* a, const T* panel, const T* bias, T* c, int64_t last_lanes);

// That of so many rows, and so many halves of vectors as the columns reach into.
template <class T, int kRows>
Tile<T> pick_tile(int64_t rows, int64_t halves) {
  if (rows == kRows) {
    if constexpr (kHasHalves<T>) {
      if (halves == 1) return brgemm_tile<T, kRows, 1, true>;
      if (halves == 3) return brgemm_tile<T, kRows, 2, true>;
    }
    return halves <= 2 ? brgemm_tile<T, kRows, 1> : brgemm_tile<T, kRows, 2>;
  }
  if constexpr (kRows > 1)
    return pick_tile<T, kRows - 1>(rows, halves);
  else
    return nullptr;
}

// The bias of every panel where there is none.
template <class T>
constexpr T kNoBias[kPanel<T>] = {};

// `tiles` tiles of so many rows each, from a and c on.
template <class T>
void brgemm_tiles(const BrgemmArgs<T>& args, const T* a, T* c, int64_t rows, int64_t tiles) {
  const int64_t last_panel = (args.cols - 1) / kPanel<T>, last_columns = args.cols - last_panel * kPanel<T>;
  constexpr int64_t kHalf = kLanes<T> / 2;
  const int64_t last_halves = (last_columns + kHalf - 1) / kHalf, whole_vectors = (last_halves - 1) / 2;
  const Tile<T> whole = pick_tile<T, kTileRows>(rows, 2 * kTileVectors);
  const Tile<T> last = pick_tile<T, kTileRows>(rows, last_halves);
  for (; tiles > 0; --tiles, a += rows * args.a_row, c += rows * args.c_row) {
    const T *panel = args.b, *bias = args.bias ? args.bias : kNoBias<T>;
    T *columns = c, *const last_column = c + last_panel * kPanel<T>;
    for (; columns < last_column; columns += kPanel<T>) {
      whole(args, a, panel, bias, columns, kLanes<T>);
      panel += args.b_panel;
      if (args.bias) bias += kPanel<T>;
    }
    last(args, a, panel, bias, columns, last_columns - whole_vectors * kLanes<T>);
  }
}

// Equal heights (26 rows become 7, 7, 6, 6) beat full tiles and a low remainder: a tile of two rows waits for its
// multiply-adds most of the time.
template <class T>
void brgemm(const BrgemmArgs<T>& args) {
  if (args.rows == 0 || args.cols == 0) return;
  const int64_t tiles = (args.rows + kTileRows - 1) / kTileRows;
  const int64_t rows = args.rows / tiles, higher = args.rows % tiles, from = higher * (rows + 1);
  brgemm_tiles(args, args.a, args.c, rows + 1, higher);
  brgemm_tiles(args, args.a + from * args.a_row, args.c + from * args.c_row, rows, tiles - higher);
  if (args.streamed) streams_end();
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
