// window.h: cuts a line of sliding windows into register tiles, kWindows windows x one vector of channels, and reads a
// source column that several windows of a tile see only once. What is done with a column, the kernels say.
//
//   window 0   [ 0 ][ 1 ][ 2 ]               4 windows of width 3, kAdvance = 1 column apart: the tile reads 6 columns
//   window 1        [ 1 ][ 2 ][ 3 ]          for 12 elements. A vector that straddles two cache lines costs two loads,
//   window 2             [ 2 ][ 3 ][ 4 ]     and arrays of NumPy begin anywhere, so reading less pays even in L1.
//   window 3                  [ 3 ][ 4 ][ 5 ]
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// 8 sums + 3 weights + 1 column = 12 of 16 registers; 8 sums also cover the latency of multiply-adds.
constexpr int kTileWindows = 8;  // for_each_tile counts on that

// Elements of a run that are dealt with at once: 3 is the usual kernel, and longer runs are cut into threes.
constexpr int kRunElements = 3;

// Calls meet.operator()<window, element>(read(p)) for each of kWindows windows and kWidth elements, p being the
// element's place, src + window * src_row + element * src_step; in each window the elements come in order. kAdvance is
// src_row in units of src_step, or 0 where that is no matter: then every element reads a column of its own.
template <int kWindows, int kAdvance, int kWidth, class T, class Read, class Meet>
[[gnu::always_inline]] inline void slide(const T* src, int64_t src_row, int64_t src_step, Read read, Meet meet) {
  if constexpr (kAdvance == 0) {
    unroll<kWindows>([&]<int window>() {
      const T* p = src;
      unroll<kWidth>([&]<int element>() {
        meet.template operator()<window, element>(read(p));
        p += src_step;
      });
      src += src_row;
    });
  } else {
    unroll<(kWindows - 1) * kAdvance + kWidth>([&]<int column>() {
      const Vec<T> x = in_register<T>(read(src));
      unroll<kWidth>([&]<int element>() {
        constexpr int distance = column - element;
        if constexpr (distance >= 0 && distance % kAdvance == 0 && distance / kAdvance < kWindows)
          meet.template operator()<distance / kAdvance, element>(x);
      });
      src += src_step;
    });
  }
}

// Calls f.operator()<kWidth>(first element) over the runs of at most kRunElements that width is cut into.
template <class F>
[[gnu::always_inline]] inline void for_each_run(int64_t width, F f) {
  int64_t first = 0;
  for (; first + kRunElements <= width; first += kRunElements) f.template operator()<kRunElements>(first);
  if (width - first == 2) f.template operator()<2>(first);
  if (width - first == 1) f.template operator()<1>(first);
}

// Calls tile.operator()<kWindows, kAdvance>(first window, first channel, load, store) until all have been covered. The
// last vector of channels overlaps the one before it, so a tile must not read what it writes; only with fewer channels
// than lanes is it partial.
template <class T, class F>
void for_each_tile(const Windows<T>& windows, F tile) {
  const auto vectors = [&]<int kWindows, int kAdvance>(int64_t first) {
    const int64_t last = windows.channels - kLanes<T>;
    for (int64_t j = 0; j < windows.channels; j += kLanes<T>)
      tile.template operator()<kWindows, kAdvance>(
          first, j < last ? j : last, [](const T* p) { return load(p); }, [](T* p, Vec<T> v) { store(p, v); });
  };
  const auto tiles = [&]<int kAdvance>() {
    int64_t first = 0;
    for (; first + kTileWindows <= windows.rows; first += kTileWindows)
      vectors.template operator()<kTileWindows, kAdvance>(first);
    if (const int64_t rest = windows.rows - first; rest > 0) {  // fewer than 8: 4 + 2 + 1
      if (rest & 4) vectors.template operator()<4, kAdvance>(first);
      if (rest & 2) vectors.template operator()<2, kAdvance>(first + (rest & 4));
      if (rest & 1) vectors.template operator()<1, 0>(windows.rows - 1);
    }
  };
  if (const int64_t channels = windows.channels; channels < kLanes<T>)
    for (int64_t first = 0; first < windows.rows; ++first)
      tile.template operator()<1, 0>(
          first, 0, [=](const T* p) { return load_partial(p, channels); },
          [=](T* p, Vec<T> v) { store_partial(p, v, channels); });
  else if (windows.src_row == windows.src_step)
    tiles.template operator()<1>();
  else if (windows.src_row == 2 * windows.src_step)
    tiles.template operator()<2>();
  else
    tiles.template operator()<0>();
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
