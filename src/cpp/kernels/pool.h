// pool.h: rows of pooling windows, vertical over channels: maximum and average. Their gradients are in pool_grad.h.
#pragma once

#include "../kernel_table.h"
#include "pool_march.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T>
struct Average {
  using Exact = Average;
  Vec<T> sum{};

  void take(Vec<T> x) { sum += x; }
  Vec<T> result(T scale) const { return result(sum, scale); }

  static constexpr bool kLosesNan = false;
  static Vec<T> both(Vec<T> a, Vec<T> b) { return a + b; }
  static Vec<T> result(Vec<T> sum, T scale) { return sum * scale; }
};

// Per lane: the largest element, or NaN if one is.
template <class T>
struct MaximumOrNan {
  using Exact = MaximumOrNan;
  Vec<T> best = broadcast(static_cast<T>(-__builtin_inf()));

  void take(Vec<T> x) { best = (x > best) | (x != x) ? x : best; }
  Vec<T> result(T) const { return best; }
};

// The largest element that is a number, by one instruction. The sum, by another on a pipe of its own, tells where that
// may be wrong: it is NaN if an element is. It may be NaN without, for infinities of both signs, and then nothing is
// lost but time.
template <class T>
struct Maximum {
  using Exact = MaximumOrNan<T>;
  Vec<T> best = broadcast(static_cast<T>(-__builtin_inf()));
  Vec<T> sum{};

  void take(Vec<T> x) {
    best = both(best, x);
    sum += x;
  }
  Vec<T> result(T) const { return best; }

  static constexpr bool kLosesNan = true;
  static Vec<T> both(Vec<T> best, Vec<T> x) { return x > best ? x : best; }
  static Vec<T> result(Vec<T> best, T) { return best; }
};

// Maxima and sums of as many vectors, one that is loaded and a constant: 10 of 16 registers.
constexpr int kPoolVectors = 4;

// A mean of more pixels than this takes twice as many vectors at once, which are still 8 of the registers. Of a little
// from each of many pixels, far apart, nothing is fetched ahead: 7x7 pixels of 2048 channels took 1.25 times as long.
constexpr int64_t kLongWindow = 16;

// One window, one vector of channels, by the longer way.
template <class T, class Pooled>
[[gnu::noinline]] void pool_vector(const PoolArgs<T>& args, const T* src, T* dst) {
  Pooled pooled;
  for (int64_t t = 0; t < args.taps; ++t)
    for (int64_t w = 0; w < args.width; ++w) pooled.take(load(src + args.src_taps[t] + w * args.src_step));
  store(dst, pooled.result(args.scale));
}

// One window, kVectors vectors of channels, the last of which begins at channel `last`: it may overlap the one before,
// as what both write is the same. Inlined, since a call would cost as much as a window of four elements.
template <class T, class Pooled, int kVectors>
[[gnu::always_inline]] inline void pool_tile(const PoolArgs<T>& args, const T* src, T* dst, int64_t last) {
  const auto begin = [last](int v) { return v < kVectors - 1 ? v * kLanes<T> : last; };
  Pooled pooled[kVectors];
  for (int64_t t = 0; t < args.taps; ++t) {
    const T* p = src + args.src_taps[t];
    for (int64_t w = 0; w < args.width; ++w, p += args.src_step)
      for (int v = 0; v < kVectors; ++v) pooled[v].take(in_register(load(p + begin(v))));
  }
  if constexpr (Pooled::kLosesNan) {
    Vec<T> sum = pooled[0].sum;
    for (int v = 1; v < kVectors; ++v) sum += pooled[v].sum;
    if (has_nan<T>(sum)) {
      for (int v = 0; v < kVectors; ++v) pool_vector<T, typename Pooled::Exact>(args, src + begin(v), dst + begin(v));
      return;
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    const Vec<T> result = pooled[v].result(args.scale);
    args.streamed ? stream(dst + begin(v), result) : store(dst + begin(v), result);
  }
}

// Windows row by row, in the order of memory: tiles of kPoolVectors, and one that ends the row. Which one is asked for
// each row: a copy of it all for each size of the last made the code three times as long and at most 2% faster.
template <class T, class Pooled>
void pool_rows(const PoolArgs<T>& args, int64_t rows, int64_t channels) {
  constexpr int64_t kTile = kPoolVectors * kLanes<T>;
  const bool is_long = args.taps * args.width > kLongWindow;
  for (int64_t r = 0; r < rows; ++r) {
    const T* src = args.src + r * args.src_row;
    T* dst = args.dst + r * args.dst_row;
    int64_t j = 0;
    if constexpr (!Pooled::kLosesNan)
      for (; is_long && j + 2 * kTile <= channels; j += 2 * kTile)
        pool_tile<T, Pooled, 2 * kPoolVectors>(args, src + j, dst + j, 2 * kTile - kLanes<T>);
    for (; j + kTile <= channels; j += kTile)
      pool_tile<T, Pooled, kPoolVectors>(args, src + j, dst + j, kTile - kLanes<T>);
    const int64_t left = channels - j, last = left - kLanes<T>;
    if (left > 3 * kLanes<T>)
      pool_tile<T, Pooled, 4>(args, src + j, dst + j, last);
    else if (left > 2 * kLanes<T>)
      pool_tile<T, Pooled, 3>(args, src + j, dst + j, last);
    else if (left > kLanes<T>)
      pool_tile<T, Pooled, 2>(args, src + j, dst + j, last);
    else if (left > 0)
      pool_tile<T, Pooled, 1>(args, src + j, dst + j, last);
  }
}

// Fewer channels than lanes.
template <class T, class Pooled>
void pool_partial(const PoolArgs<T>& args, int64_t rows, int64_t channels) {
  for (int64_t r = 0; r < rows; ++r) {
    Pooled pooled;
    for (int64_t t = 0; t < args.taps; ++t)
      for (int64_t w = 0; w < args.width; ++w)
        pooled.take(load_partial(args.src + args.src_taps[t] + r * args.src_row + w * args.src_step, channels));
    store_partial(args.dst + r * args.dst_row, pooled.result(args.scale), channels);
  }
}

template <class T, class Pooled>
void pool_any(const PoolArgs<T>& args) {
  // Windows that lie pixel by pixel are one window with all their channels.
  const bool one = args.src_row == args.channels && args.dst_row == args.channels && args.rows > 0;
  const int64_t rows = one ? 1 : args.rows, channels = one ? args.channels * args.rows : args.channels;
  if (channels < kLanes<T>) return pool_partial<T, typename Pooled::Exact>(args, rows, channels);
  pool_rows<T, Pooled>(args, rows, channels);
}

template <class T, class Pooled>
void pool(const PoolArgs<T>& args) {
  const int64_t block = args.block > 0 ? args.block : args.rows;
  PoolArgs<T> line = args;
  int64_t first = 0;
  do {
    line.rows = args.rows - first < block ? args.rows - first : block;
    for (int64_t l = 0; l < args.lines; ++l) {
      line.src = args.src + l * args.src_line + first * args.src_row;
      line.dst = args.dst + l * args.dst_line + first * args.dst_row;
      if (!march<T, Pooled>(line, [&] { pool_any<T, Pooled>(line); })) pool_any<T, Pooled>(line);
    }
  } while ((first += block) < args.rows);
  if (args.streamed) streams_end();
}

template <class T>
void max_pool(const PoolArgs<T>& args) {
  pool<T, Maximum<T>>(args);
}

template <class T>
void average_pool(const PoolArgs<T>& args) {
  pool<T, Average<T>>(args);
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
