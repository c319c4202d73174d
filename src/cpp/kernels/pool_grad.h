// pool_grad.h: rows of pooling windows, vertical over channels: the gradients of maximum and average.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Per lane: the larger of the two, or NaN if either is.
template <class T>
Vec<T> max_or_nan(Vec<T> a, Vec<T> b) {
  return (b > a) | (b != b) ? b : a;
}

// Calls f(offset from src) for the elements of window r in order.
template <class T, class F>
void for_each_element(const PoolArgs<T>& args, int64_t r, F f) {
  for (int64_t t = 0; t < args.taps; ++t)
    for (int64_t w = 0; w < args.width; ++w) f(args.src_taps[t] + r * args.src_row + w * args.src_step);
}

template <class T>
void max_pool_grad(const PoolArgs<T>& args) {
  for (int64_t r = 0; r < args.rows; ++r)
    for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
      Vec<T> best = broadcast(static_cast<T>(-__builtin_inf()));
      for_each_element(args, r, [&](int64_t offset) { best = max_or_nan<T>(best, load(args.src + offset + j)); });
      const Vec<T> gradient = load(args.dst + r * args.dst_row + j);
      auto waiting = best == best || best != best;  // lanes whose maximum has not been met yet: all
      for_each_element(args, r, [&](int64_t offset) {
        const Vec<T> x = load(args.src + offset + j);
        const auto hit = waiting & ((x == best) | (x != x));
        T* diff = args.diff_src + offset + j;
        store(diff, load(diff) + (hit ? gradient : Vec<T>{}));
        waiting &= ~hit;
      });
    });
}

template <class T>
void average_pool_grad(const PoolArgs<T>& args) {
  for (int64_t r = 0; r < args.rows; ++r)
    for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
      const Vec<T> gradient = load(args.dst + r * args.dst_row + j) * args.scale;
      for_each_element(args, r, [&](int64_t offset) {
        T* diff = args.diff_src + offset + j;
        store(diff, load(diff) + gradient);
      });
    });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
