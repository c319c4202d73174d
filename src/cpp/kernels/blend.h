// blend.h: weighted sums of a few rows of channels, as images at another size have them.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T>
void blend(const BlendArgs<T>& args) {
  for (int64_t r = 0; r < args.rows; ++r) {
    const int64_t* at = args.at + r * args.taps;
    const T* weights = args.weights + r * args.taps;
    T* dst = args.dst + r * args.channels;
    for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
      Vec<T> y = load(args.src + at[0] + j) * weights[0];
      for (int64_t t = 1; t < args.taps; ++t) y += load(args.src + at[t] + j) * weights[t];
      store(dst + j, y);
    });
  }
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
