// depthwise.h: convolution with one filter per channel, vertical over channels, forward and data gradient. A register
// tile is up to eight pixels of a line by one vector of channels, or one pixel by four.
//
// Loads are what bounds it: a core that multiplies and adds one vector a cycle loads one, or half of one that crosses a
// cache line. So a tile loads a source vector once for all of its pixels that see it. A 3x3 kernel over eight pixels
// takes 3 * (10 + 3) loads for 3 * 8 * 3 = 72 multiply-adds, not 72 + 9.
#pragma once

#include "../kernel_table.h"
#include "epilogue.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Eight sums cover the latency of multiply-adds (4 cycles, at most 2 a cycle).
constexpr int kDepthwiseRows = 8;

// The longest run that is added at once: 8 sums + 5 weights + 1 source vector = 14 of 16 registers.
constexpr int kDepthwiseRun = 5;

// Adds kRun neighbouring elements of every tap to kRows pixels: pixel r meets element e at (r * kAdvance + e) *
// src_step.
template <class T, int kRows, int kAdvance, int kRun, class Read>
inline void add_runs(Vec<T> (&acc)[kRows], const DepthwiseArgs<T>& args, const T* src, int64_t src_step,
                     const T* weights, Read read) {
  const int64_t taps = args.taps, weight_step = args.weight_step;
  const int64_t *src_taps = args.src_taps, *weight_taps = args.weight_taps;
  for (int64_t t = 0; t < taps; ++t) {
    const T *x = src + src_taps[t], *w = weights + weight_taps[t];
    Vec<T> weight[kRun];
    for (int e = 0; e < kRun; ++e) weight[e] = in_register(load(w + e * weight_step));
#pragma GCC unroll 32
    for (int i = 0; i < (kRows - 1) * kAdvance + kRun; ++i) {
      const Vec<T> source = read(x + i * src_step);
#pragma GCC unroll 8
      for (int e = 0; e < kRun; ++e)
        if (const int distance = i - e; distance >= 0 && distance % kAdvance == 0 && distance / kAdvance < kRows)
          acc[distance / kAdvance] += source * weight[e];
    }
  }
}

// The same for runs of any length, cut into runs of kLongest, 3, 2 and 1. kAdvance is how many elements of the kernel a
// pixel lies from the one before it, src_row / src_step; 0 if that is something else, and then no source vector is
// shared.
template <class T, int kRows, int kAdvance, int kLongest, class Read>
inline void add_taps(Vec<T> (&acc)[kRows], const DepthwiseArgs<T>& args, const T* src, const T* weights, Read read) {
  int64_t left = args.run;
  const auto pass = [&](int64_t elements) {
    left -= elements;
    src += elements * args.src_step;
    weights += elements * args.weight_step;
  };
  if constexpr (kAdvance > 0) {
    if constexpr (kLongest > 3)
      for (; left >= kLongest; pass(kLongest))
        add_runs<T, kRows, kAdvance, kLongest>(acc, args, src, args.src_step, weights, read);
    for (; left >= 3; pass(3)) add_runs<T, kRows, kAdvance, 3>(acc, args, src, args.src_step, weights, read);
    if constexpr (kAdvance == 1)  // pixels two elements apart share nothing of two
      for (; left == 2; pass(2)) add_runs<T, kRows, kAdvance, 2>(acc, args, src, args.src_step, weights, read);
  }
  for (; left > 0; pass(1)) add_runs<T, kRows, 1, 1>(acc, args, src, args.src_row, weights, read);
}

// Reads a source vector as it is.
template <class T>
struct Plain {
  Vec<T> operator()(const T* p) const { return in_register(load(p)); }
};

// Less than a cache line of a pixel at once is never streamed.
constexpr bool kStreamsVectors = kVectorBytes >= 64;

// kRows pixels of a line, all channels, which must fill a vector; no residual.
template <class T, int kRows, int kAdvance>
void depthwise_tile(const DepthwiseArgs<T>& arguments, const T* src, T* dst) {
  const DepthwiseArgs<T> args = arguments;  // a copy that no store to dst can change
  for (int64_t next = 0; next < args.channels; next += kLanes<T>) {
    // The last vector overlaps the one before it: it may be summed and stored again, but for a residual that is dst.
    const int64_t j = next < args.channels - kLanes<T> ? next : args.channels - kLanes<T>;
    const Vec<T> start = args.bias ? load(args.bias + j) : Vec<T>{};
    Vec<T> acc[kRows];
    for (int r = 0; r < kRows; ++r) acc[r] = start;
    add_taps<T, kRows, kAdvance, kDepthwiseRun>(acc, args, src + j, args.weights + j, Plain<T>{});
    if (args.epilogue.activation != Activation::linear)
      for (int r = 0; r < kRows; ++r) acc[r] = activate<T>(args.epilogue, acc[r]);
    T* p = dst + j;
    if (kStreamsVectors && args.streamed)
      for (int r = 0; r < kRows; ++r, p += args.dst_row) stream(p, acc[r]);
    else
      for (int r = 0; r < kRows; ++r, p += args.dst_row) store(p, acc[r]);
  }
}

// kVectors vectors of one pixel.
template <class T, int kVectors, class Load, class Store>
void depthwise_vectors(const DepthwiseArgs<T>& args, const T* src, T* dst, int64_t j, Load load_some,
                       Store store_some) {
  Vec<T> acc[kVectors];
  for (int v = 0; v < kVectors; ++v) acc[v] = args.bias ? load_some(args.bias + j + v * kLanes<T>) : Vec<T>{};
  for (int64_t e = 0; e < args.run; ++e) {
    for (int64_t t = 0; t < args.taps; ++t) {
      const T* x = src + args.src_taps[t] + e * args.src_step + j;
      const T* weights = args.weights + args.weight_taps[t] + e * args.weight_step + j;
      for (int v = 0; v < kVectors; ++v) acc[v] += load_some(x + v * kLanes<T>) * load_some(weights + v * kLanes<T>);
    }
  }
  const Epilogue<T>& epilogue = args.epilogue;
  for (int v = 0; v < kVectors; ++v) {
    T* p = dst + j + v * kLanes<T>;
    if (epilogue.residual) acc[v] += load_some(epilogue.residual + (p - args.dst));
    store_some(p, activate<T>(epilogue, acc[v]));
  }
}

// One pixel, four vectors at a time to cover the latency of multiply-adds, then single ones, the last of them partial;
// summed up in the order of tiles that share no source vector, so that it may be one of theirs.
template <class T>
void depthwise_pixel(const DepthwiseArgs<T>& args, const T* src, T* dst) {
  int64_t first = 0;
  for (; first + 4 * kLanes<T> <= args.channels; first += 4 * kLanes<T>)
    depthwise_vectors<T, 4>(args, src, dst, first, load<T>, store<T>);
  for_each_vector<T>(args.channels - first, [&](int64_t j, auto load_some, auto store_some) {
    depthwise_vectors<T, 1>(args, src, dst, first + j, load_some, store_some);
  });
}

template <class T>
using DepthwiseTile = void (*)(const DepthwiseArgs<T>&, const T* src, T* dst);

// The fewest pixels of a tile that goes along a line: shorter lines go down, see is_short, where no pixels share a
// source vector, and longer ones are cut into equal tiles.
template <int kAdvance>
constexpr int kLeastRows = kAdvance == 0 ? 1 : kDepthwiseRows / 2;

template <class T, int kAdvance, int kRows = kDepthwiseRows>
DepthwiseTile<T> pick_depthwise_tile(int64_t rows) {
  if constexpr (kRows == 1)
    return depthwise_pixel<T>;
  else if constexpr (kRows == kLeastRows<kAdvance>)
    return depthwise_tile<T, kRows, kAdvance>;
  else
    return rows == kRows ? depthwise_tile<T, kRows, kAdvance> : pick_depthwise_tile<T, kAdvance, kRows - 1>(rows);
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

// Down the lines where they are short, as at a border: a tile of one pixel waits for its multiply-adds most of the
// time. How many lines there are doesn't decide: that depends on the threads, and the order of sums on the direction.
template <class T>
bool is_short(const DepthwiseArgs<T>& args) {
  return args.rows < kDepthwiseRows / 2;
}

template <class T>
DepthwiseArgs<T> down(DepthwiseArgs<T> args) {
  const auto swap = [](int64_t& a, int64_t& b) {
    const int64_t kept = a;
    a = b;
    b = kept;
  };
  swap(args.rows, args.lines);
  swap(args.src_row, args.src_line);
  swap(args.dst_row, args.dst_line);
  return args;
}

template <class T>
void depthwise(const DepthwiseArgs<T>& arguments) {
  const bool pixels = arguments.channels < kLanes<T> || arguments.epilogue.residual;  // one by one
  const bool goes_down = !pixels && is_short(arguments);
  const DepthwiseArgs<T> args = goes_down ? down(arguments) : arguments;
  const auto pick = pixels                              ? pick_depthwise_tile<T, 0, 1>
                    : goes_down                         ? pick_depthwise_tile<T, 0>
                    : args.src_row == args.src_step     ? pick_depthwise_tile<T, 1>
                    : args.src_row == 2 * args.src_step ? pick_depthwise_tile<T, 2>
                                                        : pick_depthwise_tile<T, 0>;
  for_each_tile(args, pixels ? 1 : kDepthwiseRows,
                [&](int64_t rows, const T* src, T* dst) { pick(rows)(args, src, dst); });
  if (args.streamed) streams_end();
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
