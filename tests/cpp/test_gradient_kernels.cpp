// test_gradient_kernels.cpp: the kernels of weight gradients, of each table, against their equations in kernel_table.h.
#include <doctest/doctest.h>

#include <vector>

#include "dispatch.h"
#include "numbers.h"

namespace {

using namespace pyconv;

template <class T>
void check_depthwise_weights(const Kernels<T>& kernels, int64_t rows, int64_t channels, int64_t taps, int64_t run,
                             int64_t advance) {
  // An advance of 0 stands for pixels and elements of the kernel that lie in no simple ratio.
  const int64_t lines = 2, pixel = channels + 2, step = advance == 0 ? 2 * pixel : pixel;
  const int64_t src_row = advance == 0 ? 3 * pixel : advance * pixel, src_line = 5, dst_row = channels + 1;
  const int64_t dst_line = rows * dst_row + 3;
  const auto src =
      numbers<T>(static_cast<size_t>(lines * src_line + taps * 7 + rows * src_row + run * step + pixel), 1);
  const auto dst = numbers<T>(static_cast<size_t>(lines * dst_line), 2);
  std::vector<T> sums = numbers<T>(static_cast<size_t>((taps + 1) * run * pixel), 3), expected = sums;
  std::vector<T> dst_sums = numbers<T>(static_cast<size_t>(pixel), 4), expected_dst_sums = dst_sums;
  std::vector<int64_t> src_taps, weight_taps;
  for (int64_t t = 0; t < taps; ++t) {
    src_taps.push_back((taps - t) * 7);
    weight_taps.push_back((taps - t) * run * pixel);
  }
  for (int64_t l = 0; l < lines; ++l)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < channels; ++j) {
        const T gradient = dst[static_cast<size_t>(l * dst_line + r * dst_row + j)];
        expected_dst_sums[static_cast<size_t>(j)] += gradient;
        for (size_t t = 0; t < static_cast<size_t>(taps); ++t)
          for (int64_t e = 0; e < run; ++e)
            expected[static_cast<size_t>(weight_taps[t] + e * pixel + j)] +=
                src[static_cast<size_t>(src_taps[t] + e * step + l * src_line + r * src_row + j)] * gradient;
      }
  DepthwiseWeightsArgs<T> args{.pixels = {.src = src.data(),
                                          .src_taps = src_taps.data(),
                                          .src_step = step,
                                          .src_line = src_line,
                                          .src_row = src_row,
                                          .weight_taps = weight_taps.data(),
                                          .weight_step = pixel,
                                          .taps = taps,
                                          .run = run,
                                          .dst = const_cast<T*>(dst.data()),  // only read
                                          .dst_line = dst_line,
                                          .dst_row = dst_row,
                                          .lines = lines,
                                          .rows = rows,
                                          .channels = channels},
                               .sums = sums.data(),
                               .dst_sums = dst_sums.data()};
  kernels.depthwise_weights(args);
  CHECK(sums == expected);  // also what lies between channels, which must stay as it was
  CHECK(dst_sums == expected_dst_sums);
}

// The transforms of a weight gradient are those of forward transposed: <dy, output(m)> is <results(dy), m>, and
// <weights(u), w> is <u, weights of w>.
template <class T>
void check_winograd_gradient(const Kernels<T>& kernels, int64_t n) {
  constexpr int64_t kTile = 4, kKernel = 3, kSide = 6;
  const auto size = [n](int64_t side) { return static_cast<size_t>(side * side * n); };
  const auto args = [n](const std::vector<T>& from, int64_t from_side, std::vector<T>& to, int64_t to_side) {
    return TransformArgs<T>{.src = from.data(),
                            .src_row = from_side * n,
                            .src_col = n,
                            .dst = to.data(),
                            .dst_row = to_side * n,
                            .dst_col = n,
                            .channels = n,
                            .rows = to_side,
                            .cols = to_side};
  };
  const auto product = [n](const std::vector<T>& a, const std::vector<T>& b, int64_t channel) {
    double sum = 0;
    for (size_t i = static_cast<size_t>(channel); i < a.size(); i += static_cast<size_t>(n)) sum += a[i] * b[i];
    return sum;
  };
  const auto dy = numbers<T>(size(kTile), 1), m = numbers<T>(size(kSide), 2), w = numbers<T>(size(kKernel), 3);
  std::vector<T> y(size(kTile)), dm(size(kSide)), u(size(kSide)), dw(size(kKernel));
  kernels.winograd4.output(args(m, kSide, y, kTile));
  kernels.winograd4_gradient.results(args(dy, kTile, dm, kSide));
  kernels.winograd4.weights(args(w, kKernel, u, kSide));
  kernels.winograd4_gradient.weights(args(m, kSide, dw, kKernel));
  for (int64_t j = 0; j < n; ++j) {
    CHECK(product(dy, y, j) == doctest::Approx(product(dm, m, j)).epsilon(1e-4).scale(100));  // rounding alone
    CHECK(product(dw, w, j) == doctest::Approx(product(m, u, j)).epsilon(1e-4).scale(100));
  }
}

template <class T>
void check_table(const Kernels<T>& kernels) {
  const int64_t lanes = kernels.lanes;
  for (int64_t advance : {0, 1, 2})
    for (int64_t rows = 1; rows <= 2 * kernels.depthwise_rows + 1; ++rows)
      for (int64_t channels : {lanes, lanes + 1, 3 * lanes - 1})
        for (int64_t taps : {0, 1, 4})
          for (int64_t run : {0, 1, 2, 3, 5, 7, 11})
            check_depthwise_weights(kernels, rows, channels, taps, run, advance);
  for (int64_t channels = 1; channels <= kernels.panel + 1; ++channels) check_winograd_gradient(kernels, channels);
}

}  // namespace

TEST_CASE("kernels of weight gradients compute their equations") {
  for (const KernelTable* table : available_isas()) {
    CAPTURE(table->name);
    check_table(table->f32);
    check_table(table->f64);
  }
}
