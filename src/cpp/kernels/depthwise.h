// depthwise.h: convolution with one filter per channel, vertical over channels. Not its weight gradient.
#pragma once

#include "../kernel_table.h"
#include "simd.h"
#include "window.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T>
void depthwise(const DepthwiseArgs<T>& arguments) {
  const DepthwiseArgs<T> args = arguments;  // a copy of our own, which no store to dst can change
  const Windows<T>& windows = args.windows;
  const auto tile = [&]<int kWindows, int kAdvance>(int64_t first, int64_t j, auto load, auto store) PYCONV_INLINE {
    const T* src = windows.src + first * windows.src_row + j;
    const Vec<T> start = args.bias ? load(args.bias + j) : Vec<T>{};
    Vec<T> acc[kWindows];
    unroll<kWindows>([&]<int r>() PYCONV_INLINE { acc[r] = start; });
    for (int64_t t = 0; t < windows.taps; ++t)
      for_each_run(windows.width, [&]<int kWidth>(int64_t w) PYCONV_INLINE {
        Vec<T> weight[kWidth];
        const T* p = args.weights + args.weight_taps[t] + w * args.weight_step + j;
        unroll<kWidth>([&]<int i>() PYCONV_INLINE {
          weight[i] = load(p);
          p += args.weight_step;
        });
        slide<kWindows, kAdvance, kWidth>(
            src + windows.src_taps[t] + w * windows.src_step, windows.src_row, windows.src_step, load,
            [&]<int r, int i>(Vec<T> column) PYCONV_INLINE { acc[r] += column * weight[i]; });
      });
    T* dst = args.dst + first * args.dst_row + j;
    unroll<kWindows>([&]<int r>() PYCONV_INLINE {
      store(dst, acc[r]);
      dst += args.dst_row;
    });
  };
  for_each_tile(windows, tile);
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
