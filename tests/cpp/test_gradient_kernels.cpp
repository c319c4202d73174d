// test_gradient_kernels.cpp: the kernels that training alone runs, of each table, against their equations in
// kernel_table.h.
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
                                          .dst_line = dst_line,
                                          .dst_row = dst_row,
                                          .lines = lines,
                                          .rows = rows,
                                          .channels = channels},
                               .diff_dst = dst.data(),
                               .sums = sums.data(),
                               .dst_sums = dst_sums.data()};
  kernels.depthwise_weights(args);
  CHECK(sums == expected);  // also what lies between channels, which must stay as it was
  CHECK(dst_sums == expected_dst_sums);
}

// The transforms of gradients are those of forward transposed: <dy, output(m)> is <results(dy), m>, <weights(u), w> is
// <u, weights of w>, and <m, input(x)> is <overlapping output(m), x>.
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
  const auto x = numbers<T>(size(kSide), 4);
  std::vector<T> v(size(kSide)), dx(size(kSide));
  kernels.winograd4.input(args(x, kSide, v, kSide));
  kernels.winograd4_transposed.output(args(m, kSide, dx, kSide));
  for (int64_t j = 0; j < n; ++j) {
    CHECK(product(dx, x, j) == doctest::Approx(product(m, v, j)).epsilon(1e-4).scale(100));
    CHECK(product(dy, y, j) == doctest::Approx(product(dm, m, j)).epsilon(1e-4).scale(100));  // rounding alone
    CHECK(product(dw, w, j) == doctest::Approx(product(m, u, j)).epsilon(1e-4).scale(100));
  }

  // Where results overlap others they are added to those, elsewhere to the bias, and beyond rows x cols not written.
  const auto bias = numbers<T>(static_cast<size_t>(n), 5);
  std::vector<T> sums(size(kSide), T{3});
  TransformArgs<T> cut = args(m, kSide, sums, kSide);
  cut.rows = 5;
  cut.cols = 4;
  cut.added_rows = 2;
  cut.added_cols = 1;
  cut.bias = bias.data();
  kernels.winograd4_transposed.output(cut);
  for (size_t i = 0; i < sums.size(); ++i) {
    const size_t channels = static_cast<size_t>(n), row = i / channels / kSide, col = i / channels % kSide;
    const T start = row < 2 || col < 1 ? T{3} : bias[i % channels];
    CHECK(sums[i] == (row < 5 && col < 4 ? dx[i] + start : T{3}));
  }
}

template <class T>
void check_channels(const Kernels<T>& kernels, int64_t rows, int64_t channels) {
  const auto size = static_cast<size_t>(rows * channels), n = static_cast<size_t>(channels);
  const auto src = numbers<T>(size, 1), residual = numbers<T>(size, 2), gradient = numbers<T>(size, 3);
  const auto centre = numbers<T>(n, 4), scale = numbers<T>(n, 5), shift = numbers<T>(n, 6);
  const auto slope = numbers<T>(n, 7), lift = numbers<T>(n, 8);
  for (const Activation activation : {Activation::linear, Activation::relu, Activation::leaky_relu}) {
    std::vector<T> sums = numbers<T>(n, 9), products = numbers<T>(n, 10), square_sums = sums, squares = products;
    std::vector<T> y(size), dx(size);
    std::vector<T> expected_sums = sums, expected_products = products, expected_y(size), expected_dx(size);
    std::vector<T> expected_square_sums = sums, expected_squares = products;
    const T low = activation == Activation::relu ? T{0} : activation == Activation::linear ? T{1} : T{0.5};
    for (size_t i = 0; i < size; ++i) {
      const size_t j = i % n;
      const T x = src[i] - centre[j], z = x * scale[j] + shift[j], result = z + residual[i];
      const T d = (z > 0 ? T{1} : low) * gradient[i];
      expected_square_sums[j] += x;
      expected_squares[j] += x * x;
      expected_sums[j] += d;
      expected_products[j] += d * x;
      expected_y[i] = (result > 0 ? T{1} : low) * result;
      expected_dx[i] = x * slope[j] + lift[j] + d * scale[j];
    }
    ChannelArgs<T> args{.src = src.data(),
                        .diff_dst = gradient.data(),
                        .centre = centre.data(),
                        .scale = scale.data(),
                        .shift = shift.data(),
                        .slope = slope.data(),
                        .lift = lift.data(),
                        .epilogue = {.activation = activation, .negative_slope = T{0.5}},
                        .dst = dx.data(),
                        .sums = sums.data(),
                        .products = products.data(),
                        .rows = rows,
                        .channels = channels};
    kernels.gradient_sums(args);
    kernels.normalize_grad(args);
    args.sums = square_sums.data();
    args.products = squares.data();
    kernels.squares(args);
    args.dst = y.data();
    args.epilogue.residual = residual.data();
    kernels.normalize(args);
    CHECK(sums == expected_sums);
    CHECK(products == expected_products);
    CHECK(square_sums == expected_square_sums);
    CHECK(squares == expected_squares);
    CHECK(y == expected_y);
    CHECK(dx == expected_dx);
  }
}

template <class T>
void check_activation_grad(const Kernels<T>& kernels, int64_t count) {
  auto dst = numbers<T>(static_cast<size_t>(count), 1);
  const auto gradient = numbers<T>(static_cast<size_t>(count), 2);
  for (T& y : dst) y *= 2;  // beyond 6, too
  for (const Activation activation :
       {Activation::linear, Activation::relu, Activation::relu6, Activation::leaky_relu}) {
    std::vector<T> result(dst.size()), expected(dst.size());
    for (size_t i = 0; i < dst.size(); ++i) {
      const bool low = activation != Activation::linear && dst[i] <= 0;
      const bool high = activation == Activation::relu6 && dst[i] >= 6;
      const T slope = activation == Activation::leaky_relu ? T{0.5} : T{0};
      expected[i] = low ? slope * gradient[i] : high ? T{0} : gradient[i];
    }
    kernels.activation_grad({.activation = activation,
                             .negative_slope = T{0.5},
                             .dst = dst.data(),
                             .diff_dst = gradient.data(),
                             .diff_src = result.data(),
                             .count = count});
    CHECK(result == expected);
  }
}

// Windows of two lines and as many columns as their stride: what was in diff_src before must not matter.
template <class T>
void check_disjoint_pool_grad(const Kernels<T>& kernels, int64_t width, int64_t channels) {
  constexpr int64_t rows = 3, taps = 2;
  const int64_t line = rows * width * channels;
  const auto src = numbers<T>(static_cast<size_t>(taps * line), 1);
  const auto gradient = numbers<T>(static_cast<size_t>(rows * channels), 2);
  const std::vector<int64_t> src_taps = {0, line};
  for (const auto kernel : {kernels.max_pool_grad, kernels.average_pool_grad}) {
    std::vector<T> added(src.size()), written(src.size(), T{77});
    for (const bool disjoint : {false, true})
      kernel({.src = src.data(),
              .src_taps = src_taps.data(),
              .taps = taps,
              .width = width,
              .src_step = channels,
              .src_row = width * channels,
              .diff_dst = gradient.data(),
              .dst_row = channels,
              .rows = rows,
              .channels = channels,
              .diff_src = (disjoint ? written : added).data(),
              .disjoint = disjoint});
    CHECK(written == added);
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
  for (int64_t channels = 1; channels <= kernels.panel + 1; ++channels) {
    check_winograd_gradient(kernels, channels);
    check_activation_grad(kernels, channels);
    for (int64_t rows : {1, 4, 7}) check_channels(kernels, rows, channels);
    for (int64_t width : {1, 2, 3, 5}) check_disjoint_pool_grad(kernels, width, channels);
  }
}

}  // namespace

TEST_CASE("kernels of training compute their equations") {
  for (const KernelTable* table : available_isas()) {
    CAPTURE(table->name);
    check_table(table->f32);
    check_table(table->f64);
  }
}
