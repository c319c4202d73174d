// winograd_stride2.h: the three transforms of Winograd's F(3x3, 3x3) with stride 2, vertical over channels. Those of
// stride 1, and what they share, are in winograd.h.
//
// In one dimension the results y[o] = sum over k < 3 of x[2 o + k] w[k] are the sum of those of two phases,
//
//   even pixels x[0], x[2], x[4], x[6] with w[0], w[2]:   F(3, 2) with the points 0, 1, -1 and infinity
//   odd pixels  x[1], x[3], x[5] with w[1]:               F(3, 1) with the points 0, 1 and -1
//
// which have one A in common, so that their products may be added before it. A dimension of a transformed patch, or of
// weights, has the four points of the even phase, then the three of the odd one. All entries are 0, 1 or 1/2.
#pragma once

#include "../kernel_table.h"
#include "simd.h"
#include "winograd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T>
void odd_input_row(const Vec<T> (&d)[3], Vec<T> (&t)[3]) {
  t[0] = d[0] - d[2];
  t[1] = d[2] + d[1];
  t[2] = d[2] - d[1];
}

// One phase of rows and one of columns: every second pixel of the patch from (kTop, kLeft) on.
template <class T, int kTop, int kLeft, class Load, class Store>
void phase(const TransformArgs<T>& args, int64_t j, Load load, Store store) {
  constexpr int kRows = 4 - kTop, kCols = 4 - kLeft;
  const auto transformed = []<int kCount>(const Vec<T>(&d)[kCount], Vec<T>(&t)[kCount]) {
    if constexpr (kCount == 4)
      small_input_row<T>(d, t);
    else
      odd_input_row<T>(d, t);
  };
  const T* src = args.src + kTop * args.src_row + kLeft * args.src_col + j;
  T* dst = args.dst + 4 * kTop * args.dst_row + 4 * kLeft * args.dst_col + j;
  Vec<T> rows[kRows][kCols];
  for (int c = 0; c < kCols; ++c) {
    Vec<T> in[kRows], out[kRows];
    for (int r = 0; r < kRows; ++r) in[r] = load(src + 2 * (r * args.src_row + c * args.src_col));
    transformed(in, out);
    for (int r = 0; r < kRows; ++r) rows[r][c] = out[r];
  }
  for (int r = 0; r < kRows; ++r) {
    Vec<T> out[kCols];
    transformed(rows[r], out);
    for (int c = 0; c < kCols; ++c) store(dst + r * args.dst_row + c * args.dst_col, out[c]);
  }
}

template <class T>
void winograd3_stride2_input(const TransformArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    phase<T, 0, 0>(args, j, load, store);
    phase<T, 0, 1>(args, j, load, store);
    phase<T, 1, 0>(args, j, load, store);
    phase<T, 1, 1>(args, j, load, store);
  });
}

template <class T>
void stride2_weight_row(const Vec<T> (&w)[3], Vec<T> (&u)[7]) {
  const Vec<T> half = broadcast(static_cast<T>(0.5));
  u[0] = w[0];
  u[1] = half * (w[0] + w[2]);
  u[2] = half * (w[0] - w[2]);
  u[3] = w[2];
  u[4] = w[1];
  u[5] = u[6] = half * w[1];
}

template <class T>
void winograd3_stride2_weights(const TransformArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    transform<T, 3, 7, stride2_weight_row<T>>(args, j, load, [&](int64_t i, int64_t k, Vec<T> u) {
      store(args.dst + i * args.dst_row + k * args.dst_col + j, u);
    });
  });
}

template <class T>
void stride2_output_row(const Vec<T> (&m)[4], Vec<T> (&y)[3]) {
  const Vec<T> even = m[1] + m[2];
  y[0] = m[0] + even;
  y[1] = m[1] - m[2];
  y[2] = even + m[3];
}

template <class T>
void winograd3_stride2_output(const TransformArgs<T>& args) {
  small_output<T, 4, 3, stride2_output_row<T>>(args);
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
