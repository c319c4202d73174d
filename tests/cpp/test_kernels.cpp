// test_kernels.cpp: each kernel of each table against its equation in kernel_table.h, on whole numbers, so exactly.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "dispatch.h"

namespace {

using namespace pyconv;

template <class T>
std::vector<T> numbers(size_t count, int seed) {
  std::vector<T> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = static_cast<T>(static_cast<int>((i + 1) * 7919 + i * i * 31 + static_cast<size_t>(seed)) % 9 - 4);
  return values;
}

template <class T>
void check_brgemm(const Kernels<T>& kernels, int64_t rows, int64_t cols, int64_t taps, bool accumulate,
                  bool with_bias) {
  const int64_t k = 5, a_row = 11, a_k = 2, panel = kernels.panel, c_row = cols + 3;
  const auto a = numbers<T>(static_cast<size_t>(rows * a_row + taps * 3 + k * a_k), 1);
  const int64_t b_panel = taps * k * panel + 5, panels = (cols + panel - 1) / panel;
  const auto b = numbers<T>(static_cast<size_t>(panels * b_panel), 2);
  const auto bias = numbers<T>(static_cast<size_t>(cols), 3);
  std::vector<T> c = numbers<T>(static_cast<size_t>(rows * c_row), 4), expected = c;
  std::vector<int64_t> a_taps, b_taps;
  for (int64_t t = 0; t < taps; ++t) {
    a_taps.push_back(t * 3);
    b_taps.push_back((taps - 1 - t) * k * panel);
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < cols; ++j) {
      T& out = expected[static_cast<size_t>(r * c_row + j)];
      if (!accumulate) out = with_bias ? bias[static_cast<size_t>(j)] : T{0};
      for (size_t t = 0; t < static_cast<size_t>(taps); ++t)
        for (int64_t q = 0; q < k; ++q)
          out += a[static_cast<size_t>(a_taps[t] + r * a_row + q * a_k)] *
                 b[static_cast<size_t>(b_taps[t] + q * panel + j % panel + j / panel * b_panel)];
    }
  kernels.brgemm({.a = a.data(),
                  .a_taps = a_taps.data(),
                  .a_row = a_row,
                  .a_k = a_k,
                  .b = b.data(),
                  .b_taps = b_taps.data(),
                  .b_panel = b_panel,
                  .taps = taps,
                  .k = k,
                  .c = c.data(),
                  .c_row = c_row,
                  .rows = rows,
                  .cols = cols,
                  .bias = with_bias ? bias.data() : nullptr,
                  .accumulate = accumulate});
  CHECK(c == expected);  // also the columns between cols and c_row, which must stay as they were
}

// How windows lie that the kernels' tests run over: strides of one to three elements of the width, and no taps at all.
struct Shape {
  int64_t rows, taps, width, advance, channels;
};

// Memory under windows, and the indices of the equations of Windows.
template <class T>
struct Example {
  static constexpr int64_t kTapPixels = 60;  // between two taps; 13 windows of width 5 reach over 46

  explicit Example(const Shape& shape, int64_t element_step)
      : step(element_step * (shape.channels + 2)),
        row(shape.advance * (shape.channels + 2)),
        src(numbers<T>(static_cast<size_t>(shape.taps * kTapPixels * (shape.channels + 2)), 5)),
        windows{.src = src.data(),
                .taps = shape.taps,
                .width = shape.width,
                .src_row = row,
                .src_step = step,
                .rows = shape.rows,
                .channels = shape.channels} {
    for (int64_t t = 0; t < shape.taps; ++t) taps.push_back((shape.taps - 1 - t) * kTapPixels * (shape.channels + 2));
    windows.src_taps = taps.data();
  }
  size_t x(int64_t r, int64_t t, int64_t w, int64_t j) const {
    return static_cast<size_t>(taps[static_cast<size_t>(t)] + r * row + w * step + j);
  }
  // f(t, w) for every element of a window.
  template <class F>
  void for_each_element(F f) const {
    for (int64_t t = 0; t < windows.taps; ++t)
      for (int64_t w = 0; w < windows.width; ++w) f(t, w);
  }
  int64_t step, row;
  std::vector<T> src;
  std::vector<int64_t> taps;
  Windows<T> windows;
};

template <class T>
void check_depthwise(const Kernels<T>& kernels, const Shape& shape, int64_t element_step, bool with_bias) {
  const Example<T> example(shape, element_step);
  const int64_t channels = shape.channels, dst_row = channels + 1, weight_step = -(channels + 1);
  const auto weights = numbers<T>(static_cast<size_t>((shape.taps * shape.width + 1) * (channels + 1)), 6);
  const auto bias = numbers<T>(static_cast<size_t>(channels), 7);
  std::vector<int64_t> weight_taps;
  for (int64_t t = 0; t < shape.taps; ++t) weight_taps.push_back(((t + 1) * shape.width - 1) * (channels + 1));
  const auto weight = [&](int64_t t, int64_t w, int64_t j) {
    return static_cast<size_t>(weight_taps[static_cast<size_t>(t)] + w * weight_step + j);
  };
  auto dst = numbers<T>(static_cast<size_t>(shape.rows * dst_row), 8), expected = dst;
  auto diff_weights = weights, expected_weights = weights;
  auto diff_bias = bias, expected_bias = bias;
  for (int64_t r = 0; r < shape.rows; ++r)
    for (int64_t j = 0; j < channels; ++j) {
      const size_t at = static_cast<size_t>(r * dst_row + j), channel = static_cast<size_t>(j);
      expected_bias[channel] += dst[at];
      expected[at] = with_bias ? bias[channel] : T{0};
      example.for_each_element([&](int64_t t, int64_t w) {
        const T x = example.src[example.x(r, t, w, j)];
        expected[at] += x * weights[weight(t, w, j)];
        expected_weights[weight(t, w, j)] += x * dst[at];
      });
    }
  kernels.depthwise_weights({.windows = example.windows,
                             .diff_dst = dst.data(),
                             .dst_row = dst_row,
                             .diff_weights = diff_weights.data(),
                             .weight_taps = weight_taps.data(),
                             .weight_step = weight_step,
                             .diff_bias = with_bias ? diff_bias.data() : nullptr});
  CHECK(diff_weights == expected_weights);
  CHECK(diff_bias == (with_bias ? expected_bias : bias));
  kernels.depthwise({.windows = example.windows,
                     .weights = weights.data(),
                     .weight_taps = weight_taps.data(),
                     .weight_step = weight_step,
                     .bias = with_bias ? bias.data() : nullptr,
                     .dst = dst.data(),
                     .dst_row = dst_row});
  CHECK(dst == expected);  // also what lies between the pixels
}

template <class T>
void check_pool(const Kernels<T>& kernels, const Shape& shape, int64_t element_step) {
  Example<T> example(shape, element_step);
  constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
  if (shape.taps * shape.width > 0) example.src[example.x(0, shape.taps - 1, shape.width / 2, 0)] = kNan;
  const int64_t dst_row = shape.channels + 1;
  const size_t dst_size = static_cast<size_t>(shape.rows * dst_row);
  std::vector<T> largest(dst_size, T{77}), mean = largest, expected_largest = largest, expected_mean = largest;
  auto gradient = numbers<T>(dst_size, 6);
  auto max_grad = numbers<T>(example.src.size(), 7), mean_grad = max_grad;
  auto expected_max_grad = max_grad, expected_mean_grad = max_grad;
  for (int64_t r = 0; r < shape.rows; ++r)
    for (int64_t j = 0; j < shape.channels; ++j) {
      const size_t at = static_cast<size_t>(r * dst_row + j);
      T best = -std::numeric_limits<T>::infinity(), sum = 0;
      size_t winner = example.src.size();
      example.for_each_element([&](int64_t t, int64_t w) {
        const size_t index = example.x(r, t, w, j);
        const T x = example.src[index];
        if (x > best || (x != x && best == best)) {
          best = x;
          winner = index;
        }
        sum += x;
        expected_mean_grad[index] += 2 * gradient[at];
      });
      expected_largest[at] = best;
      expected_mean[at] = 2 * sum;
      if (winner < example.src.size()) expected_max_grad[winner] += gradient[at];
    }
  const auto run = [&](void (*kernel)(const PoolArgs<T>&), std::vector<T>& dst, T* diff_src) {
    kernel({.windows = example.windows, .dst = dst.data(), .dst_row = dst_row, .diff_src = diff_src, .scale = T{2}});
  };
  run(kernels.max_pool, largest, nullptr);
  run(kernels.average_pool, mean, nullptr);
  run(kernels.max_pool_grad, gradient, max_grad.data());
  run(kernels.average_pool_grad, gradient, mean_grad.data());
  const auto same = [](const std::vector<T>& a, const std::vector<T>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), [](T p, T q) { return p == q || (p != p && q != q); });
  };
  CHECK(same(largest, expected_largest));
  CHECK(same(mean, expected_mean));
  CHECK(max_grad == expected_max_grad);
  CHECK(mean_grad == expected_mean_grad);
}

// Every height of tile and its remainders, windows that share columns and that don't, whole, cut and no runs.
template <class T>
void check_windows(const Kernels<T>& kernels) {
  const int64_t lanes = kernels.panel / 2;
  for (const int64_t channels : {int64_t{1}, lanes - 1, lanes, lanes + 1, 2 * lanes + 3})
    for (const int64_t rows : {1, 3, 4, 7, 8, 13})
      for (const int64_t advance : {1, 2, 3})
        for (const int64_t element_step : {1, 2})
          for (const auto& [taps, width] : {std::pair{0, 0}, {0, 2}, {2, 0}, {1, 1}, {3, 3}, {2, 2}, {2, 5}}) {
            const Shape shape{rows, taps, width, advance, channels};
            CAPTURE(channels);
            CAPTURE(rows);
            CAPTURE(advance);
            CAPTURE(element_step);
            CAPTURE(taps);
            CAPTURE(width);
            check_depthwise(kernels, shape, element_step, rows % 2 == 0);
            check_pool(kernels, shape, element_step);
          }
}

// output(input(patch) * weights(kernel)) is the valid convolution; whole numbers, so off by rounding of G alone.
template <class T>
void check_winograd(const WinogradKernels<T>& kernels, int64_t tile, int64_t channels, int64_t rows, int64_t cols) {
  const int64_t side = tile + 2, n = channels;
  const auto at = [n](int64_t pixel, int64_t j) { return static_cast<size_t>(pixel * n + j); };
  const auto patch = numbers<T>(at(side * side, 0), 1), kernel = numbers<T>(at(9, 0), 2),
             bias = numbers<T>(at(1, 0), 3);
  std::vector<T> v(patch.size()), u(patch.size()), y(at(tile * tile, 0), T{77});
  kernels.input({.src = patch.data(),
                 .src_row = side * n,
                 .src_col = n,
                 .dst = v.data(),
                 .dst_row = side * n,
                 .dst_col = n,
                 .channels = n});
  kernels.weights({.src = kernel.data(),
                   .src_row = 3 * n,
                   .src_col = n,
                   .dst = u.data(),
                   .dst_row = side * n,
                   .dst_col = n,
                   .channels = n});
  for (size_t i = 0; i < v.size(); ++i) v[i] *= u[i];
  kernels.output({.src = v.data(),
                  .src_row = side * n,
                  .src_col = n,
                  .dst = y.data(),
                  .dst_row = tile * n,
                  .dst_col = n,
                  .channels = n,
                  .rows = rows,
                  .cols = cols,
                  .bias = bias.data()});
  for (int64_t r = 0; r < tile; ++r)
    for (int64_t c = 0; c < tile; ++c)
      for (int64_t j = 0; j < n; ++j) {
        T expected = bias[at(0, j)];
        for (int64_t t = 0; t < 9; ++t) expected += patch[at((r + t / 3) * side + c + t % 3, j)] * kernel[at(t, j)];
        const T result = y[at(r * tile + c, j)];
        if (r < rows && c < cols)
          CHECK(result == doctest::Approx(expected).epsilon(1e-4));
        else
          CHECK(result == T{77});
      }
}

template <class T>
void check_table(const Kernels<T>& kernels) {
  for (int64_t rows = 1; rows <= 2 * kernels.tile_rows + 1; ++rows)
    for (int64_t cols : {int64_t{1}, kernels.panel / 2, kernels.panel / 2 + 1, kernels.panel, 2 * kernels.panel,
                         2 * kernels.panel + 3})
      for (int64_t taps : {0, 1, 4}) {
        check_brgemm(kernels, rows, cols, taps, false, false);
        check_brgemm(kernels, rows, cols, taps, false, true);
        check_brgemm(kernels, rows, cols, taps, true, false);
      }
  check_windows(kernels);
  for (int64_t channels = 1; channels <= kernels.panel + 1; ++channels) {
    check_winograd(kernels.winograd4, 4, channels, 4, 4);
    check_winograd(kernels.winograd2, 2, channels, 2, 2);
  }
  check_winograd(kernels.winograd4, 4, 5, 2, 3);
  check_winograd(kernels.winograd2, 2, 5, 1, 2);
}

}  // namespace

TEST_CASE("kernels compute their equations") {
  for (const KernelTable* table : available_isas()) {
    CAPTURE(table->name);
    check_table(table->f32);
    check_table(table->f64);
  }
}

TEST_CASE("peak does the multiply-adds it claims") {
  for (const KernelTable* table : available_isas()) {
    float sink[2] = {0.0f, 3.0f};  // every chain becomes 3
    const int64_t flops = table->f32.peak(10, sink);
    CHECK(flops % (2 * 10) == 0);
    CHECK(sink[0] * static_cast<float>(2 * 10 * table->f32.panel / 2) == static_cast<float>(3 * flops));
  }
}
