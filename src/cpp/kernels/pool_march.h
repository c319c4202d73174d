// pool_march.h: rows of 3x3 pooling windows by 1 or 2, and of 2x2 by 2: sizes that the compiler knows. Along the row, a
// column that windows share is combined once and kept in registers: three or six loads for each 3x3 window, not nine.
// Any other window is pool.h's.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Columns kept, sums and what is loaded: at most 4 * 2 + 4 + 2 = 14 of 16 registers.
constexpr int kMarchVectors = 4;

// Numbers of two source rows in an L1 cache of 32 KB. In pieces, rows of 57 KB took 1.1 to 1.17 times as long as window
// by window, with vectors of 32 bytes.
constexpr int64_t kMostLine = 8 * 1024;

// kVectors vectors of channels of all windows, the last of which begins at channel `last`. The source's elements are
// combined by Pooled::both. Returns whether the results may be wrong because a NaN was among them.
template <class T, class Pooled, int kVectors, int kHeight, int kWidth, int kAdvance>
bool march_vectors(const PoolArgs<T>& args, int64_t first, int64_t last) {
  constexpr int kKept = kWidth - kAdvance;
  const auto begin = [=](int v) { return first + (v < kVectors - 1 ? v * kLanes<T> : last); };
  const int64_t step = args.src_step, dst_row = args.dst_row, rows = args.rows;
  const T scale = args.scale;
  const T* source[kHeight];
  for (int t = 0; t < kHeight; ++t) source[t] = args.src + args.src_taps[t];
  T* dst = args.dst;

  Vec<T> sums[kVectors]{};
  const auto combine_column = [&](int64_t at, Vec<T>(&column)[kVectors]) {
    PYCONV_UNROLL for (int v = 0; v < kVectors; ++v) {
      PYCONV_UNROLL for (int t = 0; t < kHeight; ++t) {
        const Vec<T> x = in_register(load(source[t] + at + begin(v)));
        column[v] = t == 0 ? x : Pooled::both(column[v], x);
        if constexpr (Pooled::kLosesNan) sums[v] += x;
      }
    }
  };

  Vec<T> columns[kWidth][kVectors];
  int64_t at = 0;
  PYCONV_UNROLL for (int i = 0; i < kKept; ++i, at += step) combine_column(at, columns[i]);
  for (int64_t r = 0; r < rows; ++r, dst += dst_row) {
    PYCONV_UNROLL for (int i = kKept; i < kWidth; ++i, at += step) combine_column(at, columns[i]);
    PYCONV_UNROLL for (int v = 0; v < kVectors; ++v) {
      Vec<T> all = columns[0][v];
      PYCONV_UNROLL for (int i = 1; i < kWidth; ++i) all = Pooled::both(all, columns[i][v]);
      const Vec<T> result = Pooled::result(all, scale);
      args.streamed ? stream(dst + begin(v), result) : store(dst + begin(v), result);
      PYCONV_UNROLL for (int i = 0; i < kKept; ++i) columns[i][v] = columns[i + kAdvance][v];
    }
  }
  Vec<T> sum = sums[0];
  for (int v = 1; v < kVectors; ++v) sum += sums[v];
  return Pooled::kLosesNan && has_nan<T>(sum);
}

template <class T, class Pooled, int kHeight, int kWidth, int kAdvance, int kLast, class Redo>
void march_channels(const PoolArgs<T>& args, Redo redo) {
  int64_t j = 0;
  for (; j + kLast * kLanes<T> < args.channels; j += kMarchVectors * kLanes<T>) {
    constexpr int64_t last = (kMarchVectors - 1) * kLanes<T>;
    if (march_vectors<T, Pooled, kMarchVectors, kHeight, kWidth, kAdvance>(args, j, last)) return redo();
  }
  if (march_vectors<T, Pooled, kLast, kHeight, kWidth, kAdvance>(args, j, args.channels - j - kLanes<T>)) redo();
}

template <class T, class Pooled, int kHeight, int kWidth, int kAdvance, class Redo>
void march_window(const PoolArgs<T>& args, Redo redo) {
  constexpr void (*kChannels[kMarchVectors])(const PoolArgs<T>&, Redo) = {
      march_channels<T, Pooled, kHeight, kWidth, kAdvance, 4, Redo>,
      march_channels<T, Pooled, kHeight, kWidth, kAdvance, 1, Redo>,
      march_channels<T, Pooled, kHeight, kWidth, kAdvance, 2, Redo>,
      march_channels<T, Pooled, kHeight, kWidth, kAdvance, 3, Redo>};
  kChannels[(args.channels + kLanes<T> - 1) / kLanes<T> % kMarchVectors](args, redo);
}

// Pools all windows if they are of such a size; calls redo if a NaN means that they must be done the longer way.
template <class T, class Pooled, class Redo>
bool march(const PoolArgs<T>& args, Redo redo) {
  if (args.channels < kLanes<T> || args.rows == 0) return false;
  const auto is = [&](int64_t height, int64_t width, int64_t advance) {
    return args.taps == height && args.width == width && args.src_row == advance * args.src_step;
  };
  // Windows of 2x2 share nothing. Where there are more channels than are taken at once, a line that the L1 cache
  // doesn't hold would come in pieces. Float64 would have as much code again, and is seldom pooled.
  if constexpr (sizeof(T) == sizeof(float)) {
    const int64_t line = 2 * args.rows * 2 * args.channels;
    if (is(2, 2, 2) && (args.channels <= kMarchVectors * kLanes<T> || line <= kMostLine)) {
      march_window<T, Pooled, 2, 2, 2>(args, redo);
      return true;
    }
  }
  if (is(3, 3, 2))
    march_window<T, Pooled, 3, 3, 2>(args, redo);
  else if (is(3, 3, 1))
    march_window<T, Pooled, 3, 3, 1>(args, redo);
  else
    return false;
  return true;
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
