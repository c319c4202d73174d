// pool.h: rows of pooling windows, vertical over channels: maximum, average and their gradients.
#pragma once

#include "../kernel_table.h"
#include "simd.h"
#include "window.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// dst = finish(all elements of the window combined, starting from start). The runs of a window are combined column by
// column first, which windows that overlap then share.
template <class T, class Combine, class Finish>
void pool(const PoolArgs<T>& arguments, Vec<T> start, Combine combine, Finish finish) {
  PoolArgs<T> args = arguments;
  Windows<T>& windows = args.windows;
  // Windows of few channels that lie pixel by pixel are one window with all their channels.
  if (const int64_t channels = windows.channels;
      channels < kLanes<T> && windows.src_row == channels && args.dst_row == channels) {
    windows.channels *= windows.rows;
    windows.rows = windows.rows > 0;
  }
  const int64_t width = windows.taps > 0 ? windows.width : 0;
  for_each_tile(windows, [&]<int kWindows, int kAdvance>(int64_t first, int64_t j, auto load, auto store) {
    const T* src = windows.src + first * windows.src_row + j;
    Vec<T> acc[kWindows];
    unroll<kWindows>([&]<int r>() { acc[r] = start; });
    for_each_run(width, [&]<int kWidth>(int64_t w) {
      slide<kWindows, kAdvance, kWidth>(
          src + w * windows.src_step, windows.src_row, windows.src_step,
          [&](const T* p) {
            Vec<T> column = load(p + windows.src_taps[0]);
            for (int64_t t = 1; t < windows.taps; ++t) column = combine(column, load(p + windows.src_taps[t]));
            return column;
          },
          [&]<int r, int>(Vec<T> column) { acc[r] = combine(acc[r], column); });
    });
    T* dst = args.dst + first * args.dst_row + j;
    const int64_t dst_row = args.dst_row;
    unroll<kWindows>([&]<int r>() {
      store(dst, finish(acc[r]));
      dst += dst_row;
    });
  });
}

template <class T>
[[gnu::flatten]] void max_pool(const PoolArgs<T>& args) {
  pool(
      args, broadcast(static_cast<T>(-__builtin_inf())), [](Vec<T> a, Vec<T> b) { return max_or_nan<T>(a, b); },
      [](Vec<T> best) { return best; });
}

template <class T>
[[gnu::flatten]] void average_pool(const PoolArgs<T>& args) {
  pool(args, Vec<T>{}, [](Vec<T> a, Vec<T> b) { return a + b; }, [&](Vec<T> sum) { return sum * args.scale; });
}

// Calls f(offset from src) for the elements of a window in order.
template <class T, class F>
void for_each_element(const Windows<T>& windows, int64_t row, F f) {
  for (int64_t t = 0; t < windows.taps; ++t)
    for (int64_t w = 0; w < windows.width; ++w) f(windows.src_taps[t] + row * windows.src_row + w * windows.src_step);
}

template <class T>
void max_pool_grad(const PoolArgs<T>& args) {
  const Windows<T>& windows = args.windows;
  for (int64_t r = 0; r < windows.rows; ++r)
    for_each_vector<T>(windows.channels, [&](int64_t j, auto load, auto store) {
      Vec<T> best = broadcast(static_cast<T>(-__builtin_inf()));
      for_each_element(windows, r, [&](int64_t offset) { best = max_or_nan<T>(best, load(windows.src + offset + j)); });
      const Vec<T> gradient = load(args.dst + r * args.dst_row + j);
      auto waiting = best == best || best != best;  // lanes whose maximum has not been met yet: all
      for_each_element(windows, r, [&](int64_t offset) {
        const Vec<T> x = load(windows.src + offset + j);
        const auto hit = waiting & ((x == best) | (x != x));
        T* diff = args.diff_src + offset + j;
        store(diff, load(diff) + (hit ? gradient : Vec<T>{}));
        waiting &= ~hit;
      });
    });
}

template <class T>
void average_pool_grad(const PoolArgs<T>& args) {
  const Windows<T>& windows = args.windows;
  for (int64_t r = 0; r < windows.rows; ++r)
    for_each_vector<T>(windows.channels, [&](int64_t j, auto load, auto store) {
      const Vec<T> gradient = load(args.dst + r * args.dst_row + j) * args.scale;
      for_each_element(windows, r, [&](int64_t offset) {
        T* diff = args.diff_src + offset + j;
        store(diff, load(diff) + gradient);
      });
    });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
