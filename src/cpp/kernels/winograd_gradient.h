// winograd_gradient.h: the transforms of the weight gradient by Winograd's F(4x4, 3x3), vertical over channels. Forward
// is y = A' (G w * B' x) in each dimension, a product of three linear maps, so that what turns the gradient of y back
// into that of w are the same maps transposed: G' (A dy * B' x). B' is winograd.h's, A and G' are here.
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

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
