// winograd_gradient.h: the transforms of the gradients by Winograd's F(4x4, 3x3), vertical over channels. Forward is
// y = A' (G w * B' x) in each dimension, a product of three linear maps, so that what turns the gradient of y back into
// that of w or x are the same maps transposed: G' (A dy * B' x) and B (G w * A dy). G and B' are winograd.h's, the
// others are here.
#pragma once

#include "winograd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// One dimension of A dy, its rows 0 to 2 or 3 to 5: the polynomial of four gradients at each point.
template <class T, bool kUpper>
void gradient_rows(const Vec<T> (&y)[4], Vec<T> (&m)[3]) {
  constexpr double root = kUpper ? kA : kB;
  const Vec<T> even = y[0] + static_cast<T>(root * root) * y[2];
  const Vec<T> odd = static_cast<T>(root) * (y[1] + static_cast<T>(root * root) * y[3]);
  constexpr int first = kUpper ? 1 : 0;
  m[first] = even + odd;
  m[first + 1] = even - odd;
  m[kUpper ? 0 : 2] = kUpper ? y[0] : y[3];
}

// Half of the rows at a time, for the registers' sake.
template <class T, bool kUpper, class Load, class Store>
void gradient_half(const TransformArgs<T>& args, int64_t j, Load load, Store store) {
  Vec<T> half[3][4];
  for (int c = 0; c < 4; ++c) {
    Vec<T> y[4], m[3];
    for (int r = 0; r < 4; ++r) y[r] = load(args.src + r * args.src_row + c * args.src_col + j);
    gradient_rows<T, kUpper>(y, m);
    for (int i = 0; i < 3; ++i) half[i][c] = m[i];
  }
  for (int i = 0; i < 3; ++i) {
    T* dst = args.dst + (kUpper ? i : i + 3) * args.dst_row + j;
    Vec<T> m[3];
    gradient_rows<T, true>(half[i], m);
    for (int c = 0; c < 3; ++c) store(dst + c * args.dst_col, m[c]);
    gradient_rows<T, false>(half[i], m);
    for (int c = 0; c < 3; ++c) store(dst + (c + 3) * args.dst_col, m[c]);
  }
}

template <class T>
void winograd4_gradient(const TransformArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    gradient_half<T, true>(args, j, load, store);
    gradient_half<T, false>(args, j, load, store);
  });
}

// One dimension of G' u.
template <class T>
void weight_sums(const Vec<T> (&u)[6], Vec<T> (&w)[3]) {
  constexpr double at_a = 1 / (2 * kA2 * (kA2 - kB2)), at_b = 1 / (2 * kB2 * (kB2 - kA2));
  const Vec<T> even_a = static_cast<T>(at_a) * (u[1] + u[2]), odd_a = static_cast<T>(at_a * kA) * (u[1] - u[2]);
  const Vec<T> even_b = static_cast<T>(at_b) * (u[3] + u[4]), odd_b = static_cast<T>(at_b * kB) * (u[3] - u[4]);
  w[0] = static_cast<T>(1 / (kA2 * kB2)) * u[0] + even_a + even_b;
  w[1] = odd_a + odd_b;
  w[2] = static_cast<T>(kA2) * even_a + static_cast<T>(kB2) * even_b + u[5];
}

template <class T>
void winograd4_weights_gradient(const TransformArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    transform<T, 6, 3, weight_sums<T>>(args, j, load, [&](int64_t i, int64_t k, Vec<T> w) {
      store(args.dst + i * args.dst_row + k * args.dst_col + j, w);
    });
  });
}

// One dimension of B m: its even elements or its odd ones.
template <class T, bool kEven>
void overlapping_rows(const Vec<T> (&m)[6], Vec<T> (&x)[3]) {
  constexpr T ends = static_cast<T>(kA2 * kB2), middle = static_cast<T>(kA2 + kB2);
  constexpr T a2 = static_cast<T>(kA2), b2 = static_cast<T>(kB2);
  if constexpr (kEven) {
    const Vec<T> at_a = m[1] + m[2], at_b = m[3] + m[4];
    x[0] = ends * m[0];
    x[1] = -(middle * m[0] + b2 * at_a + a2 * at_b);
    x[2] = m[0] + at_a + at_b;
  } else {
    const Vec<T> at_a = static_cast<T>(kA) * (m[1] - m[2]), at_b = static_cast<T>(kB) * (m[3] - m[4]);
    x[0] = ends * m[5] - (b2 * at_a + a2 * at_b);
    x[1] = at_a + at_b - middle * m[5];
    x[2] = m[5];
  }
}

// Every other row, for the registers' sake.
template <class T, bool kEven, class Load, class Store>
void overlapping_half(const TransformArgs<T>& args, int64_t j, Load load, Store store) {
  Vec<T> half[3][6];
  for (int c = 0; c < 6; ++c) {
    Vec<T> m[6], x[3];
    for (int r = 0; r < 6; ++r) m[r] = load(args.src + r * args.src_row + c * args.src_col + j);
    overlapping_rows<T, kEven>(m, x);
    for (int i = 0; i < 3; ++i) half[i][c] = x[i];
  }
  const Vec<T> bias = args.bias ? load(args.bias + j) : Vec<T>{};
  for (int i = 0; i < 3; ++i) {
    const int64_t row = 2 * i + (kEven ? 0 : 1);
    if (row >= args.rows) continue;
    Vec<T> even[3], odd[3];
    overlapping_rows<T, true>(half[i], even);
    overlapping_rows<T, false>(half[i], odd);
    const Vec<T> x[6] = {even[0], odd[0], even[1], odd[1], even[2], odd[2]};
    for (int c = 0; c < 6; ++c) {
      if (c >= args.cols) continue;
      T* dst = args.dst + row * args.dst_row + c * args.dst_col + j;
      const bool added = row < args.added_rows || c < args.added_cols;
      store(dst, x[c] + (added ? load(dst) : bias));
    }
  }
}

template <class T>
void winograd4_overlapping_output(const TransformArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    overlapping_half<T, true>(args, j, load, store);
    overlapping_half<T, false>(args, j, load, store);
  });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
