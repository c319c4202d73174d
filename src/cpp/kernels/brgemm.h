// brgemm.h: cuts a batch-reduce matrix product into register tiles, of equal height and a panel wide.
#pragma once

#include "tile.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T>
using Tile = void (*)(const BrgemmArgs<T>&, int64_t row, int64_t panel);

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

// Equal heights (26 rows become 7, 6, 7, 6) beat full tiles and a low remainder: a tile of two rows waits for its
// multiply-adds most of the time.
template <class T>
void brgemm(const BrgemmArgs<T>& args) {
  const int64_t tiles = (args.rows + kTileRows - 1) / kTileRows;
  const int64_t panels = (args.cols + kPanel<T> - 1) / kPanel<T>;
  constexpr int64_t kHalf = kLanes<T> / 2;
  const int64_t last_halves = (args.cols - (panels - 1) * kPanel<T> + kHalf - 1) / kHalf;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t begin = args.rows * tile / tiles, end = args.rows * (tile + 1) / tiles;
    const Tile<T> whole = pick_tile<T, kTileRows>(end - begin, 2 * kTileVectors);
    for (int64_t panel = 0; panel + 1 < panels; ++panel) whole(args, begin, panel);
    pick_tile<T, kTileRows>(end - begin, last_halves)(args, begin, panels - 1);
  }
  if (args.streamed) streams_end();
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
