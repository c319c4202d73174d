// normalize.h: rows of channels and numbers for each channel, as batch normalisation has them, vertical over channels.
#pragma once

#include "../kernel_table.h"
#include "elementwise.h"
#include "epilogue.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Adds factor(x, at) and its product with x = src - centre to the sums, for the element `at` of a channel, kRows rows
// at a time.
template <class T, int kRows, class F>
void add_centred_rows(const ChannelArgs<T>& args, int64_t first, int64_t last, F factor) {
  for (int64_t row = first; row + kRows <= last; row += kRows)
    for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
      const Vec<T> centre = load(args.centre + j);
      const auto factor_of = factor(j, load);
      Vec<T> sum = load(args.sums + j), product = load(args.products + j);
      PYCONV_UNROLL for (int r = 0; r < kRows; ++r) {
        const int64_t at = (row + r) * args.channels + j;
        const Vec<T> x = load(args.src + at) - centre, y = factor_of(x, at);
        product += x * y;
        sum += y;
      }
      store(args.sums + j, sum);
      store(args.products + j, product);
    });
}

// Memory is read in the order in which it lies: some rows at a time, a vector of channels after the other, it came half
// as fast (14 GB/s, not 31, for 96 channels). Rows so short that their sums would wait for each other go in pairs.
template <class T, class F>
void add_centred(const ChannelArgs<T>& args, F factor) {
  const bool pairs = args.channels <= 2 * kLanes<T>;
  const int64_t in_pairs = pairs ? args.rows / 2 * 2 : 0;
  add_centred_rows<T, 2>(args, 0, in_pairs, factor);
  add_centred_rows<T, 1>(args, in_pairs, args.rows, factor);
}

template <class T>
void squares(const ChannelArgs<T>& args) {
  add_centred(args, [](int64_t, auto) { return [](Vec<T> x, int64_t) { return x; }; });
}

template <class T>
void gradient_sums(const ChannelArgs<T>& args) {
  with_gradient<T>(args.epilogue.activation, args.epilogue.negative_slope, [&](auto gradient) {
    add_centred(args, [&](int64_t j, auto load) {
      return [&args, gradient, load, scale = load(args.scale + j), shift = load(args.shift + j)](Vec<T> x, int64_t at) {
        return gradient(x * scale + shift, load(args.diff_dst + at));
      };
    });
  });
}

template <class T>
void normalize(const ChannelArgs<T>& args) {
  with_epilogue<T>(args.epilogue, [&](auto finish) {
    for (int64_t r = 0; r < args.rows; ++r)
      for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
        const int64_t at = r * args.channels + j;
        const Vec<T> x = load(args.src + at) - load(args.centre + j);
        store(args.dst + at, finish(x * load(args.scale + j) + load(args.shift + j), at, load));
      });
  });
}

template <class T>
void normalize_grad(const ChannelArgs<T>& args) {
  with_gradient<T>(args.epilogue.activation, args.epilogue.negative_slope, [&](auto gradient) {
    for (int64_t r = 0; r < args.rows; ++r)
      for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
        const int64_t at = r * args.channels + j;
        const Vec<T> x = load(args.src + at) - load(args.centre + j), scale = load(args.scale + j);
        const Vec<T> d = gradient(x * scale + load(args.shift + j), load(args.diff_dst + at));
        store(args.dst + at, x * load(args.slope + j) + load(args.lift + j) + d * scale);
      });
  });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
