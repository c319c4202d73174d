// pool.h: one pooling window, vertical over channels: maximum, average and their gradients.
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

template <class T>
void max_pool(const PoolArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    Vec<T> best = broadcast(static_cast<T>(-__builtin_inf()));
    for (int64_t t = 0; t < args.taps; ++t) best = max_or_nan<T>(best, load(args.src + args.src_taps[t] + j));
    store(args.dst + j, best);
  });
}

template <class T>
void average_pool(const PoolArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    Vec<T> sum{};
    for (int64_t t = 0; t < args.taps; ++t) sum += load(args.src + args.src_taps[t] + j);
    store(args.dst + j, sum * args.scale);
  });
}

template <class T>
void max_pool_grad(const PoolArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    Vec<T> best = broadcast(static_cast<T>(-__builtin_inf()));
    for (int64_t t = 0; t < args.taps; ++t) best = max_or_nan<T>(best, load(args.src + args.src_taps[t] + j));
    const Vec<T> gradient = load(args.dst + j);
    auto waiting = best == best || best != best;  // lanes whose maximum has not been met yet: all
    for (int64_t t = 0; t < args.taps; ++t) {
      const Vec<T> x = load(args.src + args.src_taps[t] + j);
      const auto hit = waiting & ((x == best) | (x != x));
      T* diff = args.diff_src + args.src_taps[t] + j;
      store(diff, load(diff) + (hit ? gradient : Vec<T>{}));
      waiting &= ~hit;
    }
  });
}

template <class T>
void average_pool_grad(const PoolArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    const Vec<T> gradient = load(args.dst + j) * args.scale;
    for (int64_t t = 0; t < args.taps; ++t) {
      T* diff = args.diff_src + args.src_taps[t] + j;
      store(diff, load(diff) + gradient);
    }
  });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
