// depthwise.h: convolution with one filter per channel, vertical over channels, forward and data gradient. A register
// tile is one of pixel_tiles.h, or one pixel by four vectors.
//
// Loads are what bounds it: a core that multiplies and adds one vector a cycle loads one, or half of one that crosses a
// cache line. So a tile loads a source vector once for all of its pixels that see it. A 3x3 kernel over eight pixels
// takes 3 * (10 + 3) loads for 3 * 8 * 3 = 72 multiply-adds, not 72 + 9.
#pragma once

#include "../kernel_table.h"
#include "epilogue.h"
#include "pixel_tiles.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

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
struct DepthwiseTiles {
  template <int kRows, int kAdvance>
  static void tile(const DepthwiseArgs<T>& args, const T* src, T* dst) {
    if constexpr (kRows == 1)
      depthwise_pixel<T>(args, src, dst);
    else
      depthwise_tile<T, kRows, kAdvance>(args, src, dst);
  }
};

template <class T>
void depthwise(const DepthwiseArgs<T>& arguments) {
  if (arguments.channels < kLanes<T> || arguments.epilogue.residual) {
    for_each_tile(arguments, 1, [&](int64_t, const T* src, T* dst) { depthwise_pixel<T>(arguments, src, dst); });
  } else {
    DepthwiseArgs<T> args = arguments;
    const bool turned = turn_if_short(args);
    run_tiles<DepthwiseTiles<T>>(args, args, turned);
  }
  if (arguments.streamed) streams_end();
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
