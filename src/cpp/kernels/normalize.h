// normalize.h: rows of channels and numbers for each channel, as batch normalisation has them, vertical over channels.
#pragma once

#include "../kernel_table.h"
#include "elementwise.h"
#include "epilogue.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Adds factor(x, at) and its product with x = src - centre to the sums, for the element `at` of a channel, from
// row `first` on by kRows at a time. Returns the first of those left over.
template <class T, int kRows, class F>
int64_t add_centred(const ChannelArgs<T>& args, int64_t first, F factor) {
  int64_t row = first;
  for (; row + kRows <= args.rows; row += kRows)
    for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
      const Vec<T> centre = load(args.centre + j);
      const auto factor_of = factor(j, load);
      Vec<T> sums[2]{}, products[2]{};  // those in memory are waited for once
      PYCONV_UNROLL for (int r = 0; r < kRows; ++r) {
        const int64_t at = (row + r) * args.channels + j;
        const Vec<T> x = load(args.src + at) - centre, y = factor_of(x, at);
        products[r % 2] += x * y;
        sums[r % 2] += y;
      }
      store(args.sums + j, load(args.sums + j) + (sums[0] + sums[1]));
      store(args.products + j, load(args.products + j) + (products[0] + products[1]));
    });
  return row;
}

// Of rows that a cache holds: moments have just read them.
template <class T>
void squares(const ChannelArgs<T>& args) {
  const auto factor = [](int64_t, auto) { return [](Vec<T> x, int64_t) { return x; }; };
  add_centred<T, 1>(args, add_centred<T, 8>(args, 0, factor), factor);
}

// Of rows that come from memory, in the order in which they lie there: eight rows at a time, a vector of channels after
// the other, they came half as fast (14 GB/s, not 31, for 96 channels). Rows so short that their sums would wait for
// each other go in pairs.
template <class T>
void gradient_sums(const ChannelArgs<T>& args) {
  with_gradient<T>(args.epilogue.activation, args.epilogue.negative_slope, [&](auto gradient) {
    const auto factor = [&](int64_t j, auto load) {
      return [&args, gradient, load, scale = load(args.scale + j), shift = load(args.shift + j)](Vec<T> x, int64_t at) {
        return gradient(x * scale + shift, load(args.diff_dst + at));
      };
    };
    const int64_t left = args.channels <= 2 * kLanes<T> ? add_centred<T, 2>(args, 0, factor) : 0;
    add_centred<T, 1>(args, left, factor);
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
