// depthwise_weights.h: the weight gradient of convolution with one filter per channel, vertical over channels. A
// register tile is the sums of some elements of the filter for one vector of channels, while a few pixels of a few
// lines run past them. All channels of those pixels come next: they lie side by side, while a line away, or a pixel
// away where channels are many, is another page of memory.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Pixels whose gradients are in registers at once, so that a source vector is loaded once for all that see it: with 9
// or 10 sums and a source vector 15 of 16 registers, or 19 of 32. 3x3 over four pixels takes 4 + 3 * 6 loads for 36
// multiply-adds. Double has two, to save code.
template <class T>
constexpr int kWeightsPixels = sizeof(T) != sizeof(float) ? 2
                               : kRegisters == 32         ? 8
                                                          : 4;

// Lines that a tile goes down before its sums are put back: 2 * 9 loads and stores for 8 * 72 multiply-adds.
constexpr int64_t kWeightsLines = 8;

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

// kPixels neighbouring pixels of all lines, kTaps taps of kRun elements; lanes that aren't `fresh` are summed by
// another vector.
template <class T, int kPixels, int kTaps, int kRun, int kAdvance>
void depthwise_weights_tile(const DepthwiseWeightsArgs<T>& arguments, const T* src, const T* dst, int64_t src_step,
                            int64_t tap, int64_t element, int64_t j, LaneVec<T> fresh) {
  const DepthwiseArgs<T>& args = arguments.pixels;
  const int64_t src_line = args.src_line, dst_line = args.dst_line, dst_row = args.dst_row, lines = args.lines;
  int64_t src_taps[kTaps];
  for (int t = 0; t < kTaps; ++t) src_taps[t] = args.src_taps[tap + t] + element * args.src_step + j;
  dst += j;
  // The last tile on these vectors asks for what the lines below will bring: their distance is beyond a CPU's
  // foresight.
  constexpr int kIntoL2 = 2;
  const bool is_last = tap + kTaps == args.taps && element + kRun == args.run;
  Vec<T> acc[kTaps][kRun]{};
  for (int64_t line = 0; line < lines; ++line, src += src_line, dst += dst_line) {
    Vec<T> gradient[kPixels];
    PYCONV_UNROLL for (int r = 0; r < kPixels; ++r) gradient[r] = in_register(load(dst + r * dst_row));
    PYCONV_UNROLL for (int t = 0; t < kTaps; ++t)
        add_weight_run<T, kPixels, kRun, kAdvance>(acc[t], gradient, src + src_taps[t], src_step);
    if (!is_last) continue;
    for (int r = 0; r < kPixels; ++r) __builtin_prefetch(dst + lines * dst_line + r * dst_row, 0, kIntoL2);
    for (int t = kTaps > kAdvance ? kTaps - kAdvance : 0; t < kTaps; ++t)
      for (int i = 0; i < kPixels * kAdvance; ++i)
        __builtin_prefetch(src + src_taps[t] + lines * src_line + i * src_step, 0, kIntoL2);
  }
  PYCONV_UNROLL for (int t = 0; t < kTaps; ++t) {
    T* sums = arguments.sums + args.weight_taps[tap + t] + element * args.weight_step + j;
    PYCONV_UNROLL for (int e = 0; e < kRun; ++e, sums += args.weight_step)
        store(sums, load(sums) + (fresh ? acc[t][e] : Vec<T>{}));
  }
}

// All taps of kRun elements from the given one on.
template <class T, int kPixels, int kRun, int kAdvance>
void depthwise_weights_run(const DepthwiseWeightsArgs<T>& args, const T* src, const T* dst, int64_t src_step,
                           int64_t element, int64_t j, LaneVec<T> fresh) {
  constexpr int kMost = kMostWeightRuns<kRun>;
  int64_t tap = 0;
  for (; tap + kMost <= args.pixels.taps; tap += kMost)
    depthwise_weights_tile<T, kPixels, kMost, kRun, kAdvance>(args, src, dst, src_step, tap, element, j, fresh);
  for (; tap < args.pixels.taps; ++tap)
    depthwise_weights_tile<T, kPixels, 1, kRun, kAdvance>(args, src, dst, src_step, tap, element, j, fresh);
}

// The sums of the gradients of kPixels neighbouring pixels of all lines.
template <class T, int kPixels>
void sum_gradients(const DepthwiseWeightsArgs<T>& arguments, const T* dst, int64_t j, LaneVec<T> fresh) {
  const DepthwiseArgs<T>& args = arguments.pixels;
  Vec<T> acc[kPixels]{};
  for (int64_t line = 0; line < args.lines; ++line)
    PYCONV_UNROLL for (int r = 0; r < kPixels; ++r) acc[r] += load(dst + line * args.dst_line + r * args.dst_row + j);
  Vec<T> sum = acc[0];
  PYCONV_UNROLL for (int r = 1; r < kPixels; ++r) sum += acc[r];
  T* sums = arguments.dst_sums + j;
  store(sums, load(sums) + (fresh ? sum : Vec<T>{}));
}

// kPixels neighbouring pixels of all lines, all channels: runs of any length, cut into runs of 5, 3, 2 and 1. Where
// pixels share no source vectors, single elements.
template <class T, int kAdvance, int kPixels>
void depthwise_weights_pixels(const DepthwiseWeightsArgs<T>& args, const T* src, const T* dst) {
  const DepthwiseArgs<T>& pixels = args.pixels;
  const int64_t channels = pixels.channels, run = pixels.run, step = pixels.src_step;
  LaneVec<T> lane{};
  for (int i = 0; i < kLanes<T>; ++i) lane[i] = i;
  for (int64_t next = 0; next < channels; next += kLanes<T>) {
    // The last vector overlaps the one before it, whose sums it leaves alone.
    const int64_t j = next < channels - kLanes<T> ? next : channels - kLanes<T>;
    const LaneVec<T> fresh = lane >= static_cast<decltype(lane[0] + 0)>(next - j);
    if (args.dst_sums) sum_gradients<T, kPixels>(args, dst, j, fresh);
    int64_t e = 0;
    if constexpr (kAdvance > 0) {
      for (; e + 5 <= run; e += 5) depthwise_weights_run<T, kPixels, 5, kAdvance>(args, src, dst, step, e, j, fresh);
      for (; e + 3 <= run; e += 3) depthwise_weights_run<T, kPixels, 3, kAdvance>(args, src, dst, step, e, j, fresh);
      for (; e + 2 <= run; e += 2) depthwise_weights_run<T, kPixels, 2, kAdvance>(args, src, dst, step, e, j, fresh);
    }
    for (; e < run; ++e) depthwise_weights_run<T, kPixels, 1, 1>(args, src, dst, pixels.src_row, e, j, fresh);
  }
}

// The pixels of all lines from one on, in tiles of kPixels, the rest in tiles of half as many.
template <class T, int kAdvance, int kPixels = kWeightsPixels<T>>
void depthwise_weights_rows(const DepthwiseWeightsArgs<T>& args, int64_t r) {
  const DepthwiseArgs<T>& pixels = args.pixels;
  for (; r + kPixels <= pixels.rows; r += kPixels)
    depthwise_weights_pixels<T, kAdvance, kPixels>(args, pixels.src + r * pixels.src_row,
                                                   args.diff_dst + r * pixels.dst_row);
  if constexpr (kPixels > 1) depthwise_weights_rows<T, kAdvance, kPixels / 2>(args, r);
}

template <class T>
void depthwise_weights(const DepthwiseWeightsArgs<T>& arguments) {
  const DepthwiseArgs<T>& all = arguments.pixels;
  const auto rows = all.src_row == all.src_step       ? depthwise_weights_rows<T, 1>
                    : all.src_row == 2 * all.src_step ? depthwise_weights_rows<T, 2>
                                                      : depthwise_weights_rows<T, 0>;
  for (int64_t line = 0; line < all.lines; line += kWeightsLines) {
    DepthwiseWeightsArgs<T> args = arguments;
    args.pixels.src += line * all.src_line;
    args.diff_dst += line * all.dst_line;
    args.pixels.lines = line + kWeightsLines < all.lines ? kWeightsLines : all.lines - line;
    rows(args, 0);
  }
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
