// depthwise.h: convolution with one filter per channel, vertical over channels. Not its weight gradient.
#pragma once

#include "../kernel_table.h"
#include "simd.h"
#include "window.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T>
[[gnu::flatten]] void depthwise(const DepthwiseArgs<T>& arguments) {
  const DepthwiseArgs<T> args = arguments;
  const Windows<T>& windows = args.windows;
  for_each_tile(windows, [&]<int kWindows, int kAdvance>(int64_t first, int64_t j, auto load, auto store) {
    const T* src = windows.src + first * windows.src_row + j;
    const T* weights = args.weights + j;
    const Vec<T> start = args.bias ? load(args.bias + j) : Vec<T>{};
    Vec<T> acc[kWindows];
    unroll<kWindows>([&]<int r>() { acc[r] = start; });
    for (int64_t t = 0; t < windows.taps; ++t)
      for_each_run(windows.width, [&]<int kWidth>(int64_t w) {
        Vec<T> weight[kWidth];
        const T* p = weights + args.weight_taps[t] + w * args.weight_step;
        unroll<kWidth>([&]<int i>() {
          weight[i] = load(p);
          p += args.weight_step;
        });
        slide<kWindows, kAdvance, kWidth>(src + windows.src_taps[t] + w * windows.src_step, windows.src_row,
                                          windows.src_step, load,
                                          [&]<int r, int i>(Vec<T> column) { acc[r] += column * weight[i]; });
      });
    T* dst = args.dst + first * args.dst_row + j;
    const int64_t dst_row = args.dst_row;
    unroll<kWindows>([&]<int r>() {
      store(dst, acc[r]);
      dst += dst_row;
    });
  });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
