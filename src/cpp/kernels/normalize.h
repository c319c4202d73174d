// normalize.h: rows of channels and numbers for each channel, as batch normalisation has them, vertical over channels.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Rows that are summed side by side, to cover the latency of multiply-adds (4 cycles, at most 2 a cycle).
constexpr int kSumRows = 4;

template <class T>
void centred_sums(const ChannelArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    const Vec<T> centre = load(args.centre + j);
    Vec<T> sums[kSumRows]{}, products[kSumRows]{};
    const auto add = [&](int i, int64_t at) {
      const Vec<T> x = load(args.src + at) - centre, y = args.other ? load(args.other + at) : x;
      products[i] += x * y;
      sums[i] += y;
    };
    int64_t r = 0;
    for (; r + kSumRows <= args.rows; r += kSumRows) {
      PYCONV_UNROLL for (int i = 0; i < kSumRows; ++i) { add(i, (r + i) * args.channels + j); }
    }
    for (; r < args.rows; ++r) add(0, r * args.channels + j);
    store(args.sums + j, load(args.sums + j) + ((sums[0] + sums[1]) + (sums[2] + sums[3])));
    store(args.products + j, load(args.products + j) + ((products[0] + products[1]) + (products[2] + products[3])));
  });
}

template <class T>
void normalize(const ChannelArgs<T>& args) {
  for (int64_t r = 0; r < args.rows; ++r)
    for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
      const int64_t at = r * args.channels + j;
      Vec<T> y = (load(args.src + at) - load(args.centre + j)) * load(args.scale + j) + load(args.shift + j);
      if (args.other) y += load(args.other + at) * load(args.factor + j);
      store(args.dst + at, y);
    });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
