// depthwise.h: convolution with one tap per channel, vertical over channels. No register tile over pixels yet.
#pragma once

#include "../kernel_table.h"
#include "epilogue.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T>
void depthwise(const DepthwiseArgs<T>& args) {
  with_epilogue<T>(args.epilogue, [&](auto finish) {
    for (int64_t r = 0; r < args.rows; ++r) {
      const T* src = args.src + r * args.src_row;
      for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
        Vec<T> acc = args.bias ? load(args.bias + j) : Vec<T>{};
        for (int64_t t = 0; t < args.taps; ++t)
          acc += load(src + args.src_taps[t] + j) * load(args.weights + args.weight_taps[t] + j);
        const int64_t at = r * args.dst_row + j;
        store(args.dst + at, finish(acc, at, load));
      });
    }
  });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
