// depthwise_weights.h: the weight gradient of depthwise convolution: the sums of up to nine taps stay in registers
// while a line of pixels runs past them.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// A 3x3 kernel at once: 9 sums + 1 of diff_dst + 1 of src = 11 of 16 registers, and 9 cover the latency of
// multiply-adds (4 cycles, at most 2 a cycle).
constexpr int kTileTaps = 9;

// Taps [first, first + kTaps) of the kernel, counted t * width + w, at channels j and on.
template <class T, int kTaps, class Load, class Store>
[[gnu::flatten]] void depthwise_weights_tile(const DepthwiseWeightsArgs<T>& args, int64_t first, int64_t j, Load load,
                                             Store store) {
  const Windows<T>& windows = args.windows;
  const T* src[kTaps];
  T* weights[kTaps];
  Vec<T> acc[kTaps];
  unroll<kTaps>([&]<int k>() {
    const int64_t t = (first + k) / windows.width, w = (first + k) % windows.width;
    src[k] = windows.src + windows.src_taps[t] + w * windows.src_step + j;
    weights[k] = args.diff_weights + args.weight_taps[t] + w * args.weight_step + j;
    acc[k] = load(weights[k]);
  });
  const T* diff_dst = args.diff_dst + j;
  for (int64_t r = 0; r < windows.rows; ++r) {
    const Vec<T> y = in_register<T>(load(diff_dst + r * args.dst_row));
    unroll<kTaps>([&]<int k>() { acc[k] += y * load(src[k] + r * windows.src_row); });
  }
  unroll<kTaps>([&]<int k>() { store(weights[k], acc[k]); });
}

template <class T, int kTaps, class Load, class Store>
void pick_depthwise_weights_tile(int64_t taps, const DepthwiseWeightsArgs<T>& args, int64_t first, int64_t j, Load load,
                                 Store store) {
  if (taps == kTaps) return depthwise_weights_tile<T, kTaps>(args, first, j, load, store);
  if constexpr (kTaps > 1) pick_depthwise_weights_tile<T, kTaps - 1>(taps, args, first, j, load, store);
}

template <class T>
void depthwise_weights(const DepthwiseWeightsArgs<T>& args) {
  const int64_t taps = args.windows.taps * args.windows.width, tiles = (taps + kTileTaps - 1) / kTileTaps;
  for_each_vector<T>(args.windows.channels, [&](int64_t j, auto load, auto store) {
    for (int64_t tile = 0; tile < tiles; ++tile) {  // of equal size, as in brgemm.h
      const int64_t begin = taps * tile / tiles, end = taps * (tile + 1) / tiles;
      pick_depthwise_weights_tile<T, kTileTaps>(end - begin, args, begin, j, load, store);
    }
    if (args.diff_bias == nullptr) return;
    Vec<T> sum = load(args.diff_bias + j);
    for (int64_t r = 0; r < args.windows.rows; ++r) sum += load(args.diff_dst + r * args.dst_row + j);
    store(args.diff_bias + j, sum);
  });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
