// pixel_tiles.h: lines of pixels cut into register tiles of up to eight pixels by a vector of channels: how wide, along
// the lines or down, and which source vectors the pixels of a tile share. Not what a tile sums up.
#pragma once

#include "../kernel_table.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Eight sums cover the latency of multiply-adds (4 cycles, at most 2 a cycle).
constexpr int kMostPixels = 8;

// The fewest pixels of a tile whose pixels lie kAdvance elements of the kernel apart, 0 if they share no source vector.
// Tiles that share some go along lines of at least so many pixels, cut into equal tiles; shorter lines go down.
template <int kAdvance>
constexpr int kLeastPixels = kAdvance == 0 ? 1 : kMostPixels / 2;

// Tiles::tile<kRows, kAdvance> for this many pixels.
template <class Tiles, int kAdvance, int kRows = kMostPixels>
auto pixel_tile(int64_t rows) {
  constexpr auto tile = &Tiles::template tile<kRows, kAdvance>;
  if constexpr (kRows == kLeastPixels<kAdvance>)
    return tile;
  else
    return rows == kRows ? tile : pixel_tile<Tiles, kAdvance, kRows - 1>(rows);
}

// Calls tile(rows, src, dst) for tiles of equal width and at most tile_rows pixels, for the reason told in brgemm.h,
// and goes down all lines with a tile: what it reads again for the line below is then still in the L1 cache.
template <class T, class F>
void for_each_tile(const DepthwiseArgs<T>& args, int64_t tile_rows, F tile) {
  const int64_t tiles = (args.rows + tile_rows - 1) / tile_rows;
  for (int64_t index = 0; index < tiles; ++index) {
    const int64_t begin = args.rows * index / tiles, end = args.rows * (index + 1) / tiles;
    for (int64_t line = 0; line < args.lines; ++line)
      tile(end - begin, args.src + line * args.src_line + begin * args.src_row,
           args.dst + line * args.dst_line + begin * args.dst_row);
  }
}

// Lines and pixels exchanged where lines are short, as at a border: a tile of one pixel waits for its multiply-adds
// most of the time. How many lines there are doesn't decide: that depends on the threads, and the order of sums on the
// direction.
template <class T>
bool turn_if_short(DepthwiseArgs<T>& args) {
  if (args.rows >= kLeastPixels<1>) return false;
  const auto swap = [](int64_t& a, int64_t& b) {  // std::swap, once for all ISAs, would get the code of any of them
    const int64_t kept = a;
    a = b;
    b = kept;
  };
  swap(args.rows, args.lines);
  swap(args.src_row, args.src_line);
  swap(args.dst_row, args.dst_line);
  return true;
}

// Tiles, each called with `args` and where its pixels lie, over the lines of `pixels`, which are part of args. Those
// that were turned share no source vector.
template <class Tiles, class Args, class T>
void run_tiles(const Args& args, const DepthwiseArgs<T>& pixels, bool turned) {
  const auto pick = turned                                  ? pixel_tile<Tiles, 0>
                    : pixels.src_row == pixels.src_step     ? pixel_tile<Tiles, 1>
                    : pixels.src_row == 2 * pixels.src_step ? pixel_tile<Tiles, 2>
                                                            : pixel_tile<Tiles, 0>;
  for_each_tile(pixels, kMostPixels, [&](int64_t rows, const T* src, T* dst) { pick(rows)(args, src, dst); });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
