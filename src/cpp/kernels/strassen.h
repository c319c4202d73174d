// strassen.h: the three transforms of Strassen's product of 2x2 matrices, whose elements are themselves blocks of
// matrices: 7 products instead of 8. The products between them are brgemm's.
//
//   m0 = (a00 + a11) (b00 + b11)   m1 = (a10 + a11) b00   m2 = a00 (b01 - b11)   m3 = a11 (b10 - b00)
//   m4 = (a00 + a01) b11           m5 = (a10 - a00) (b00 + b01)                  m6 = (a01 - a11) (b10 + b11)
//
//   c00 = m0 + m3 - m4 + m6        c01 = m2 + m4          c10 = m1 + m3          c11 = m0 - m1 + m2 + m5
//
// Winograd's form of it has 15 additions instead of 18, but sums of four numbers in its products, and a larger
// error.
#pragma once

#include "../kernel_table.h"
#include "epilogue.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T, class Load>
void load_quarters(const TransformArgs<T>& args, int64_t j, Load load, Vec<T> (&x)[2][2]) {
  for (int r = 0; r < 2; ++r)
    for (int c = 0; c < 2; ++c) x[r][c] = load(args.src + r * args.src_row + c * args.src_col + j);
}

template <class T>
void strassen_input(const TransformArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    Vec<T> a[2][2];
    load_quarters<T>(args, j, load, a);
    T* dst = args.dst + j;
    store(dst, a[0][0] + a[1][1]);
    store(dst + args.dst_col, a[1][0] + a[1][1]);
    store(dst + 2 * args.dst_col, a[0][0]);
    store(dst + 3 * args.dst_col, a[1][1]);
    store(dst + 4 * args.dst_col, a[0][0] + a[0][1]);
    store(dst + 5 * args.dst_col, a[1][0] - a[0][0]);
    store(dst + 6 * args.dst_col, a[0][1] - a[1][1]);
  });
}

template <class T>
void strassen_weights(const TransformArgs<T>& args) {
  for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
    Vec<T> b[2][2];
    load_quarters<T>(args, j, load, b);
    T* dst = args.dst + j;
    store(dst, b[0][0] + b[1][1]);
    store(dst + args.dst_col, b[0][0]);
    store(dst + 2 * args.dst_col, b[0][1] - b[1][1]);
    store(dst + 3 * args.dst_col, b[1][0] - b[0][0]);
    store(dst + 4 * args.dst_col, b[1][1]);
    store(dst + 5 * args.dst_col, b[0][0] + b[0][1]);
    store(dst + 6 * args.dst_col, b[1][0] + b[1][1]);
  });
}

template <class T>
void strassen_output(const TransformArgs<T>& args) {
  with_epilogue<T>(args.epilogue, [&](auto finish) {
    for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
      const auto m = [&](int position) { return load(args.src + position * args.src_col + j); };
      const auto put = [&](int64_t row, int64_t col, Vec<T> c) {
        const int64_t at = row * args.dst_row + col * args.dst_col + j;
        store(args.dst + at, finish(c, at, load));
      };
      const Vec<T> m0 = m(0), m1 = m(1), m2 = m(2), m3 = m(3), m4 = m(4);
      put(0, 0, m0 + m3 - m4 + m(6));
      put(0, 1, m2 + m4);
      if (args.rows == 1) return;
      put(1, 0, m1 + m3);
      put(1, 1, m0 - m1 + m2 + m(5));
    });
  });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
