// winograd.h: the three transforms of Winograd's F(4x4, 3x3), F(2x2, 3x3) and F(2x2, 5x5), vertical over channels. The
// products between them are brgemm's.
//
// Each point contributes a polynomial with roots in the other points (a row of B), its own powers (a column of A), and
// those divided by the product of its distances from the others (a row of G); see Lavin and Gray, arXiv:1509.09308, and
// Barabasz et al., arXiv:1803.10986.
//
// F(4, 3) has the points 0, a, -a, b, -b and infinity. a = 5/8, b = 3/2: all entries of B and A are exact in float32,
// and the error is half of that of 1 and 2, as the terms of a sum are of more equal size. F(2, 5) has the same points
// and with them the same B. F(2, 3) has 0, 1, -1 and infinity: all entries are 0, 1 or 1/2, and whole numbers stay
// exact.
#pragma once

#include "../kernel_table.h"
#include "epilogue.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

constexpr double kA = 5.0 / 8, kB = 3.0 / 2;
constexpr double kA2 = kA * kA, kB2 = kB * kB;

// dst = L src L' for a transform L of one row of kFrom vectors into kTo; store(i, k, vector) takes the results. kRow
// does it for a row: a template argument, as gcc called what it got as a function's argument, through memory.
template <class T, int kFrom, int kTo, auto kRow, class Load, class Store>
void transform(const TransformArgs<T>& args, int64_t j, Load load, Store store) {
  Vec<T> columns[kTo][kFrom];
  for (int c = 0; c < kFrom; ++c) {
    Vec<T> in[kFrom], out[kTo];
    for (int r = 0; r < kFrom; ++r) in[r] = load(args.src + r * args.src_row + c * args.src_col + j);
    kRow(in, out);
    for (int i = 0; i < kTo; ++i) columns[i][c] = out[i];
  }
  for (int i = 0; i < kTo; ++i) {
    Vec<T> out[kTo];
    kRow(columns[i], out);
    for (int k = 0; k < kTo; ++k) store(i, k, out[k]);
  }
}

// One dimension of the input's transform, rows 0 to 2 or 3 to 5 of B d.
template <class T, bool kUpper>
void input_rows(const Vec<T> (&d)[6], Vec<T> (&t)[3]) {
  constexpr T ends = static_cast<T>(kA2 * kB2), middle = static_cast<T>(kA2 + kB2);
  constexpr T root = static_cast<T>(kUpper ? kA : kB), other2 = static_cast<T>(kUpper ? kB2 : kA2);
  const Vec<T> even = d[4] - other2 * d[2], odd = root * (d[3] - other2 * d[1]);
  if constexpr (kUpper) {
    t[0] = ends * d[0] - middle * d[2] + d[4];
    t[1] = even + odd;
    t[2] = even - odd;
  } else {
    t[0] = even + odd;
    t[1] = even - odd;
    t[2] = ends * d[1] - middle * d[3] + d[5];
  }
}

// Half of the rows at a time: 18 vectors live between the two dimensions, 36 would not fit the registers.
template <class T, bool kUpper, class Load, class Store>
void input_half(const TransformArgs<T>& args, int64_t j, Load load, Store store) {
  Vec<T> half[3][6];
  for (int c = 0; c < 6; ++c) {
    Vec<T> d[6], t[3];
    for (int r = 0; r < 6; ++r) d[r] = load(args.src + r * args.src_row + c * args.src_col + j);
    input_rows<T, kUpper>(d, t);
    for (int i = 0; i < 3; ++i) half[i][c] = t[i];
  }
  for (int i = 0; i < 3; ++i) {
    T* dst = args.dst + (kUpper ? i : i + 3) * args.dst_row + j;
    Vec<T> t[3];
    input_rows<T, true>(half[i], t);
    for (int c = 0; c < 3; ++c) store(dst + c * args.dst_col, t[c]);
    input_rows<T, false>(half[i], t);
    for (int c = 0; c < 3; ++c) store(dst + (c + 3) * args.dst_col, t[c]);
  }
}

template <class T>
void winograd6_input(const TransformArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    input_half<T, true>(args, j, load, store);
    input_half<T, false>(args, j, load, store);
  });
}

// One dimension of the weights' transform: the polynomial of the taps at each point.
template <class T, int kTaps>
void weight_points(const Vec<T> (&w)[kTaps], Vec<T> (&u)[6]) {
  const auto both_signs = [&w](double root, double scale, Vec<T>& plus, Vec<T>& minus) {
    const T square = static_cast<T>(root * root), factor = static_cast<T>(scale);
    Vec<T> even = w[0] + square * w[2], odd = w[1];
    if constexpr (kTaps == 5) {
      even += square * square * w[4];
      odd += square * w[3];
    }
    odd *= static_cast<T>(root);
    plus = factor * (even + odd);
    minus = factor * (even - odd);
  };
  u[0] = static_cast<T>(1 / (kA2 * kB2)) * w[0];
  both_signs(kA, 1 / (2 * kA2 * (kA2 - kB2)), u[1], u[2]);
  both_signs(kB, 1 / (2 * kB2 * (kB2 - kA2)), u[3], u[4]);
  u[5] = w[kTaps - 1];
}

template <class T, int kTaps>
void winograd6_weights(const TransformArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    transform<T, kTaps, 6, weight_points<T, kTaps>>(args, j, load, [&](int64_t i, int64_t k, Vec<T> u) {
      store(args.dst + i * args.dst_row + k * args.dst_col + j, u);
    });
  });
}

// One dimension of the result's transform: rows 0 and 2 of A m, or rows 1 and 3.
template <class T, bool kEven>
void output_rows(const Vec<T> (&m)[6], Vec<T> (&y)[2]) {
  if constexpr (kEven) {
    const Vec<T> at_a = m[1] + m[2], at_b = m[3] + m[4];
    y[0] = m[0] + at_a + at_b;
    y[1] = static_cast<T>(kA2) * at_a + static_cast<T>(kB2) * at_b;
  } else {
    const Vec<T> at_a = m[1] - m[2], at_b = m[3] - m[4];
    y[0] = static_cast<T>(kA) * at_a + static_cast<T>(kB) * at_b;
    y[1] = static_cast<T>(kA2 * kA) * at_a + static_cast<T>(kB2 * kB) * at_b + m[5];
  }
}

// Two rows of the result at a time, for the registers' sake.
template <class T, bool kEven, class Finish, class Load, class Store>
void output_half(const TransformArgs<T>& args, int64_t j, Finish finish, Load load, Store store) {
  Vec<T> half[2][6];
  for (int c = 0; c < 6; ++c) {
    Vec<T> m[6], y[2];
    for (int r = 0; r < 6; ++r) m[r] = load(args.src + r * args.src_row + c * args.src_col + j);
    output_rows<T, kEven>(m, y);
    for (int i = 0; i < 2; ++i) half[i][c] = y[i];
  }
  const Vec<T> bias = args.bias ? load(args.bias + j) : Vec<T>{};
  for (int i = 0; i < 2; ++i) {
    const int64_t row = 2 * i + (kEven ? 0 : 1);
    if (row >= args.rows) continue;
    Vec<T> even[2], odd[2];
    output_rows<T, true>(half[i], even);
    output_rows<T, false>(half[i], odd);
    const Vec<T> y[4] = {even[0] + bias, odd[0] + bias, even[1] + bias, odd[1] + bias};
    const int64_t at = row * args.dst_row + j;
    for (int c = 0; c < 4; ++c)
      if (c < args.cols) store(args.dst + at + c * args.dst_col, finish(y[c], at + c * args.dst_col, load));
  }
}

template <class T>
void winograd4_output(const TransformArgs<T>& args) {
  with_epilogue<T>(args.epilogue, [&](auto finish) {
    for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
      output_half<T, true>(args, j, finish, load, store);
      output_half<T, false>(args, j, finish, load, store);
    });
  });
}

template <class T>
void output_pair(const Vec<T> (&m)[6], Vec<T> (&y)[2]) {
  y[0] = m[0] + (m[1] + m[2]) + (m[3] + m[4]);
  y[1] = static_cast<T>(kA) * (m[1] - m[2]) + static_cast<T>(kB) * (m[3] - m[4]) + m[5];
}

template <class T>
void small_input_row(const Vec<T> (&d)[4], Vec<T> (&t)[4]) {
  t[0] = d[0] - d[2];
  t[1] = d[2] + d[1];
  t[2] = d[2] - d[1];
  t[3] = d[3] - d[1];
}

template <class T>
void small_weight_row(const Vec<T> (&w)[3], Vec<T> (&u)[4]) {
  const Vec<T> even = w[0] + w[2], half = broadcast(static_cast<T>(0.5));
  u[0] = w[0];
  u[1] = half * (even + w[1]);
  u[2] = half * (even - w[1]);
  u[3] = w[2];
}

template <class T>
void small_output_row(const Vec<T> (&m)[4], Vec<T> (&y)[2]) {
  y[0] = m[0] + m[1] + m[2];
  y[1] = m[1] - m[2] + m[3];
}

template <class T>
void winograd2_input(const TransformArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    transform<T, 4, 4, small_input_row<T>>(args, j, load, [&](int64_t i, int64_t k, Vec<T> t) {
      store(args.dst + i * args.dst_row + k * args.dst_col + j, t);
    });
  });
}

template <class T>
void winograd2_weights(const TransformArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    transform<T, 3, 4, small_weight_row<T>>(args, j, load, [&](int64_t i, int64_t k, Vec<T> u) {
      store(args.dst + i * args.dst_row + k * args.dst_col + j, u);
    });
  });
}

// kTo x kTo results from kFrom x kFrom products.
template <class T, int kFrom, int kTo, auto kRow>
void small_output(const TransformArgs<T>& args) {
  with_epilogue<T>(args.epilogue, [&](auto finish) {
    for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
      const Vec<T> bias = args.bias ? load(args.bias + j) : Vec<T>{};
      transform<T, kFrom, kTo, kRow>(args, j, load, [&](int64_t i, int64_t k, Vec<T> y) {
        const int64_t at = i * args.dst_row + k * args.dst_col + j;
        if (i < args.rows && k < args.cols) store(args.dst + at, finish(y + bias, at, load));
      });
    });
  });
}

template <class T>
void winograd2_output(const TransformArgs<T>& args) {
  small_output<T, 4, 2, small_output_row<T>>(args);
}

template <class T>
void winograd2x5_output(const TransformArgs<T>& args) {
  small_output<T, 6, 2, output_pair<T>>(args);
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
