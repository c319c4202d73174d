// winograd_line.h: the transforms of Winograd's F(4, 3), F(4, 5) and F(2, 7) along one axis, for kernels of one line,
// vertical over channels. What they share with two dimensions is in winograd.h.
//
// F(4, 3) has the six points of winograd.h. F(4, 5) and F(2, 7) have 0, 1, -1, 2, -2, 1/2, -1/2 and infinity, of all
// points a, 1/a, ... the ones with the smallest error, and with them one B, whose entries are exact.
#pragma once

#include "winograd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// One line of vectors: dst[i] = row i of a transform of src[0], src[1], ...
template <class T, int kFrom, int kTo, auto kRow>
void line(const TransformArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    Vec<T> in[kFrom], out[kTo];
    for (int c = 0; c < kFrom; ++c) in[c] = load(args.src + c * args.src_col + j);
    kRow(in, out);
    for (int i = 0; i < kTo; ++i) store(args.dst + i * args.dst_col + j, out[i]);
  });
}

// A line of results: the first args.cols of them, with bias and epilogue.
template <class T, int kFrom, int kTo, auto kRow>
void line_output(const TransformArgs<T>& args) {
  with_epilogue<T>(args.epilogue, [&](auto finish) {
    for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
      Vec<T> in[kFrom], out[kTo];
      for (int c = 0; c < kFrom; ++c) in[c] = load(args.src + c * args.src_col + j);
      kRow(in, out);
      const Vec<T> bias = args.bias ? load(args.bias + j) : Vec<T>{};
      for (int i = 0; i < kTo; ++i) {
        const int64_t at = i * args.dst_col + j;
        if (i < args.cols) store(args.dst + at, finish(out[i] + bias, at, load));
      }
    });
  });
}

template <class T>
void six_input(const Vec<T> (&d)[6], Vec<T> (&t)[6]) {
  Vec<T> half[3];
  input_rows<T, true>(d, half);
  for (int i = 0; i < 3; ++i) t[i] = half[i];
  input_rows<T, false>(d, half);
  for (int i = 0; i < 3; ++i) t[3 + i] = half[i];
}

template <class T>
void six_output(const Vec<T> (&m)[6], Vec<T> (&y)[4]) {
  Vec<T> even[2], odd[2];
  output_rows<T, true>(m, even);
  output_rows<T, false>(m, odd);
  for (int i = 0; i < 2; ++i) y[2 * i] = even[i], y[2 * i + 1] = odd[i];
}

// The positive ones of the eight points, in the order in which they and their negatives follow 0.
constexpr double kEight[3] = {1, 2, 0.5};

// With x[k] for the power x^k of a polynomial's variable, a pair of points p and -p has
//
//   x (x +- p) (x^2 - q^2) (x^2 - r^2)     q, r: the other two
template <class T>
void eight_input(const Vec<T> (&d)[8], Vec<T> (&t)[8]) {
  constexpr T ends = static_cast<T>(5.25);  // (x^2 - 1) (x^2 - 4) (x^2 - 1/4) = x^6 - 5.25 x^4 + 5.25 x^2 - 1
  t[0] = d[6] - d[0] + ends * (d[2] - d[4]);
  t[7] = d[7] - d[1] + ends * (d[3] - d[5]);
  for (int pair = 0; pair < 3; ++pair) {
    const double q = kEight[(pair + 1) % 3], r = kEight[(pair + 2) % 3];
    const T sum = static_cast<T>(q * q + r * r), product = static_cast<T>(q * q * r * r);
    const Vec<T> even = d[6] - sum * d[4] + product * d[2];
    const Vec<T> odd = static_cast<T>(kEight[pair]) * (d[5] - sum * d[3] + product * d[1]);
    t[1 + 2 * pair] = even + odd;
    t[2 + 2 * pair] = even - odd;
  }
}

template <class T, int kTaps>
void eight_weights(const Vec<T> (&w)[kTaps], Vec<T> (&u)[8]) {
  u[0] = -w[0];
  u[7] = w[kTaps - 1];
  for (int pair = 0; pair < 3; ++pair) {
    const double p = kEight[pair], q = kEight[(pair + 1) % 3], r = kEight[(pair + 2) % 3], square = p * p;
    Vec<T> even = w[kTaps - 1], odd = w[kTaps - 2];  // by Horner's rule
    for (int tap = kTaps - 3; tap >= 0; tap -= 2) even = static_cast<T>(square) * even + w[tap];
    for (int tap = kTaps - 4; tap >= 1; tap -= 2) odd = static_cast<T>(square) * odd + w[tap];
    odd *= static_cast<T>(p);
    const T scale = static_cast<T>(1 / (2 * square * (square - q * q) * (square - r * r)));
    u[1 + 2 * pair] = scale * (even + odd);
    u[2 + 2 * pair] = scale * (even - odd);
  }
}

template <class T, int kTile>
void eight_output(const Vec<T> (&m)[8], Vec<T> (&y)[kTile]) {
  double powers[3] = {1, 1, 1};
  for (int i = 0; i < kTile; ++i) {
    y[i] = i == 0 ? m[0] : i == kTile - 1 ? m[7] : Vec<T>{};
    for (int pair = 0; pair < 3; ++pair) {
      const Vec<T> plus = m[1 + 2 * pair], minus = m[2 + 2 * pair];
      y[i] += static_cast<T>(powers[pair]) * (i % 2 == 0 ? plus + minus : plus - minus);
      powers[pair] *= kEight[pair];
    }
  }
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
