// brgemm.h: cuts a batch-reduce matrix product into register tiles, of equal height and a panel wide.
#pragma once

#include "tile.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T>
using Tile = void (*)(const BrgemmArgs<T>&, int64_t row, int64_t panel);

template <class T, int kRows>
Tile<T> pick_tile(int64_t rows, int64_t vectors) {
  if (rows == kRows) return vectors == 1 ? brgemm_tile<T, kRows, 1> : brgemm_tile<T, kRows, 2>;
  if constexpr (kRows > 1)
    return pick_tile<T, kRows - 1>(rows, vectors);
  else
    return nullptr;
}

// Equal heights (26 rows become 7, 6, 7, 6) beat full tiles and a low remainder: a tile of two rows waits for its
// multiply-adds most of the time.
template <class T>
void brgemm(const BrgemmArgs<T>& args) {
  const int64_t tiles = (args.rows + kTileRows - 1) / kTileRows;
  const int64_t panels = (args.cols + kPanel<T> - 1) / kPanel<T>;
  const int64_t last_vectors = args.cols - (panels - 1) * kPanel<T> <= kLanes<T> ? 1 : 2;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const int64_t begin = args.rows * tile / tiles, end = args.rows * (tile + 1) / tiles;
    const Tile<T> whole = pick_tile<T, kTileRows>(end - begin, 2);
    for (int64_t panel = 0; panel + 1 < panels; ++panel) whole(args, begin, panel);
    pick_tile<T, kTileRows>(end - begin, last_vectors)(args, begin, panels - 1);
  }
  if (args.streamed) streams_end();
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
