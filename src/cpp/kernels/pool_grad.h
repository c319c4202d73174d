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

// A window of any size, one vector of channels: its elements are read twice.
template <class T, class Load, class Give>
void max_pool_grad_vector(const PoolArgs<T>& args, int64_t r, Vec<T> gradient, int64_t j, Load load, Give give) {
  Vec<T> best = broadcast(static_cast<T>(-__builtin_inf()));
  for_each_element(args, r, [&](int64_t offset) { best = max_or_nan<T>(best, load(args.src + offset + j)); });
  auto waiting = best == best || best != best;  // lanes whose maximum has not been met yet: all
  for_each_element(args, r, [&](int64_t offset) {
    const Vec<T> x = load(args.src + offset + j);
    const auto hit = waiting & ((x == best) | (x != x));
    give(offset + j, hit ? gradient : Vec<T>{});
    waiting &= ~hit;
  });
}

// A window whose elements fit the registers.
template <class T, int kElements, class Load, class Give>
[[gnu::always_inline]] inline void max_pool_grad_small(const PoolArgs<T>& args, int64_t r, const int64_t* offsets,
                                                       Vec<T> gradient, int64_t j, Load load, Give give) {
  const T* src = args.src + r * args.src_row + j;
  Vec<T> x[kElements];
  for (int i = 0; i < kElements; ++i) x[i] = load(src + offsets[i]);
  Vec<T> best = x[0];
  for (int i = 1; i < kElements; ++i) best = max_or_nan<T>(best, x[i]);
  // What is left of the gradient: nothing after the first maximum.
  for (int i = 0; i < kElements; ++i) {
    const auto hit = (x[i] == best) | (x[i] != x[i]);
    give(r * args.src_row + offsets[i] + j, hit ? gradient : Vec<T>{});
    gradient = hit ? Vec<T>{} : gradient;
  }
}

// Calls window(r, gradient of dst, j, load, give) for every window and vector of channels; give(place, gradient) writes
// to diff_src or adds to what is there.
template <class T, class F>
void for_each_gradient(const PoolArgs<T>& args, F window) {
  const auto all = [&](auto combine) {
    for (int64_t r = 0; r < args.rows; ++r)
      for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
        window(r, load(args.diff_dst + r * args.dst_row + j), j, load, [&](int64_t place, Vec<T> gradient) {
          T* diff = args.diff_src + place;
          store(diff, combine(gradient, [&] { return load(diff); }));
        });
      });
  };
  if (args.disjoint)
    all([](Vec<T> gradient, auto) { return gradient; });
  else
    all([](Vec<T> gradient, auto before) { return before() + gradient; });
}

template <class T, int kElements>
void max_pool_grad_of(const PoolArgs<T>& args) {
  int64_t offsets[kElements], *next = offsets;
  for_each_element(args, 0, [&](int64_t offset) { *next++ = offset; });
  for_each_gradient(args, [&](int64_t r, Vec<T> gradient, int64_t j, auto load, auto give) {
    max_pool_grad_small<T, kElements>(args, r, offsets, gradient, j, load, give);
  });
}

// The usual windows, 2x2, 3x3 and those on a line, are compiled by themselves.
template <class T>
void max_pool_grad(const PoolArgs<T>& args) {
  switch (args.taps * args.width) {
    case 2:
      return max_pool_grad_of<T, 2>(args);
    case 4:
      return max_pool_grad_of<T, 4>(args);
    case 6:  // of a 3x3 at a border
      return max_pool_grad_of<T, 6>(args);
    case 9:
      return max_pool_grad_of<T, 9>(args);
    default:
      for_each_gradient(args, [&](int64_t r, Vec<T> gradient, int64_t j, auto load, auto give) {
        max_pool_grad_vector(args, r, gradient, j, load, give);
      });
  }
}

template <class T>
void average_pool_grad(const PoolArgs<T>& args) {
  for_each_gradient(args, [&](int64_t r, Vec<T> gradient, int64_t j, auto, auto give) {
    gradient *= args.scale;
    for_each_element(args, r, [&](int64_t offset) { give(offset + j, gradient); });
  });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
