// depthwise_weights.h: the weight gradient of convolution with one filter per channel, vertical over channels. A
// register tile is the sums of some elements of the filter for one vector of channels, while all pixels run past them.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Pixels whose gradients are in registers at once, so that a source vector is loaded once for all that see it: with 9
// or 10 sums and a source vector 15 of 16 registers, or 19 of 32. 3x3 over four pixels takes 4 + 3 * 6 loads for 36
// multiply-adds.
constexpr int kWeightsPixels = kRegisters == 32 ? 8 : 4;

// Filter elements that one tile sums: as many runs of kRun as make no more than ten.
template <int kRun>
constexpr int kMostWeightRuns = kRun > 3 ? 2 : 3;

// Adds the products of kPixels neighbouring pixels with kRun neighbouring elements, of one tap; kAdvance as in
// depthwise.h.
template <class T, int kPixels, int kRun, int kAdvance>
inline void add_weight_run(Vec<T> (&acc)[kRun], const Vec<T> (&gradient)[kPixels], const T* src, int64_t src_step) {
#pragma GCC unroll 16
  for (int i = 0; i < (kPixels - 1) * kAdvance + kRun; ++i) {
    const Vec<T> source = in_register(load(src + i * src_step));
#pragma GCC unroll 8
    for (int e = 0; e < kRun; ++e)
      if (const int distance = i - e; distance >= 0 && distance % kAdvance == 0 && distance / kAdvance < kPixels)
        acc[e] += source * gradient[distance / kAdvance];
  }
}

// kTaps taps of kRun elements, over all pixels; lanes that aren't `fresh` have been summed by another vector.
template <class T, int kTaps, int kRun, int kAdvance>
void depthwise_weights_tile(const DepthwiseWeightsArgs<T>& arguments, int64_t tap, int64_t element, int64_t j,
                            LaneVec<T> fresh) {
  const DepthwiseArgs<T> args = arguments.pixels;
  Vec<T> acc[kTaps][kRun]{};
  const auto add = [&]<int kPixels>(const T* src, const T* dst) {
    Vec<T> gradient[kPixels];
    for (int r = 0; r < kPixels; ++r) gradient[r] = in_register(load(dst + r * args.dst_row));
    PYCONV_UNROLL for (int t = 0; t < kTaps; ++t) {
      add_weight_run<T, kPixels, kRun, kAdvance>(acc[t], gradient, src + args.src_taps[tap + t], args.src_step);
    }
    // What the line below needs: neighbouring pixels' vectors lie too far apart for the CPU to foresee that.
    const T* next = src + args.src_taps[tap + kTaps - 1] + args.src_line;
    for (int i = 0; i < kPixels * kAdvance; ++i) __builtin_prefetch(next + i * args.src_step);
  };
  for (int64_t line = 0; line < args.lines; ++line) {
    const T* src = args.src + line * args.src_line + element * args.src_step + j;
    const T* dst = arguments.diff_dst + line * args.dst_line + j;
    int64_t r = 0;
    if constexpr (kRun > 1)
      for (; r + kWeightsPixels <= args.rows;
           r += kWeightsPixels, src += kWeightsPixels * args.src_row, dst += kWeightsPixels * args.dst_row)
        add.template operator()<kWeightsPixels>(src, dst);
    for (; r < args.rows; ++r, src += args.src_row, dst += args.dst_row) add.template operator()<1>(src, dst);
  }
  for (int t = 0; t < kTaps; ++t) {
    T* sums = arguments.sums + args.weight_taps[tap + t] + element * args.weight_step + j;
    for (int e = 0; e < kRun; ++e, sums += args.weight_step) store(sums, load(sums) + (fresh ? acc[t][e] : Vec<T>{}));
  }
}

// The sums of diff_dst alone, those of several pixels at once to cover the latency of additions.
template <class T>
void sum_gradients(const DepthwiseWeightsArgs<T>& arguments, int64_t j, LaneVec<T> fresh) {
  const DepthwiseArgs<T> args = arguments.pixels;
  Vec<T> acc[4]{};
  for (int64_t line = 0; line < args.lines; ++line) {
    const T* dst = arguments.diff_dst + line * args.dst_line + j;
    int64_t r = 0;
    for (; r + 4 <= args.rows; r += 4)
      for (int i = 0; i < 4; ++i, dst += args.dst_row) acc[i] += load(dst);
    for (; r < args.rows; ++r, dst += args.dst_row) acc[0] += load(dst);
  }
  const Vec<T> sum = (acc[0] + acc[1]) + (acc[2] + acc[3]);
  T* sums = arguments.dst_sums + j;
  store(sums, load(sums) + (fresh ? sum : Vec<T>{}));
}

// All taps of kRun elements from the given one on, for a vector of channels.
template <class T, int kRun, int kAdvance>
void depthwise_weights_run(const DepthwiseWeightsArgs<T>& args, int64_t element, int64_t j, LaneVec<T> fresh) {
  constexpr int kMost = kMostWeightRuns<kRun>;
  int64_t tap = 0;
  for (; tap + kMost <= args.pixels.taps; tap += kMost)
    depthwise_weights_tile<T, kMost, kRun, kAdvance>(args, tap, element, j, fresh);
  for (; tap < args.pixels.taps; ++tap) depthwise_weights_tile<T, 1, kRun, kAdvance>(args, tap, element, j, fresh);
}

// Runs of any length, cut into runs of 5, 3, 2 and 1. Where pixels share no source vectors, single elements.
template <class T, int kAdvance>
void depthwise_weights_vector(const DepthwiseWeightsArgs<T>& args, int64_t j, LaneVec<T> fresh) {
  const int64_t run = args.pixels.run;
  int64_t element = 0;
  if constexpr (kAdvance > 0) {
    for (; element + 5 <= run; element += 5) depthwise_weights_run<T, 5, kAdvance>(args, element, j, fresh);
    for (; element + 3 <= run; element += 3) depthwise_weights_run<T, 3, kAdvance>(args, element, j, fresh);
    for (; element + 2 <= run; element += 2) depthwise_weights_run<T, 2, kAdvance>(args, element, j, fresh);
  }
  for (; element < run; ++element) depthwise_weights_run<T, 1, 1>(args, element, j, fresh);
}

template <class T>
void depthwise_weights(const DepthwiseWeightsArgs<T>& args) {
  const DepthwiseArgs<T>& pixels = args.pixels;
  const auto vector = pixels.src_row == pixels.src_step       ? depthwise_weights_vector<T, 1>
                      : pixels.src_row == 2 * pixels.src_step ? depthwise_weights_vector<T, 2>
                                                              : depthwise_weights_vector<T, 0>;
  LaneVec<T> lane{};
  for (int i = 0; i < kLanes<T>; ++i) lane[i] = i;
  for (int64_t next = 0; next < pixels.channels; next += kLanes<T>) {
    // The last vector overlaps the one before it, whose sums it leaves alone.
    const int64_t j = next < pixels.channels - kLanes<T> ? next : pixels.channels - kLanes<T>;
    const LaneVec<T> fresh = lane >= static_cast<decltype(lane[0] + 0)>(next - j);
    if (args.dst_sums) sum_gradients(args, j, fresh);
    vector(args, j, fresh);
  }
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
