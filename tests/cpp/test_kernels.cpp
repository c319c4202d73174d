// test_kernels.cpp: each kernel of each table against its equation in kernel_table.h, on whole numbers, so exactly.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "dispatch.h"
#include "numbers.h"

namespace {

using namespace pyconv;

template <class T>
void check_brgemm(const Kernels<T>& kernels, int64_t rows, int64_t cols, int64_t taps, bool with_bias, bool onto_itself,
                  Activation activation) {
  const int64_t k = 5, a_row = 11, a_k = 2, panel = kernels.panel, c_row = cols + 3;
  const int64_t b_k = panel + (rows % 2 == 0 ? 0 : 3);  // packed panels, and rows of a larger matrix
  const auto a = numbers<T>(static_cast<size_t>(rows * a_row + taps * 3 + k * a_k), 1);
  const int64_t b_panel = taps * k * b_k + 5, panels = (cols + panel - 1) / panel;
  const auto b = numbers<T>(static_cast<size_t>(panels * b_panel), 2);
  const auto bias = numbers<T>(static_cast<size_t>(cols), 3);
  std::vector<T> c = numbers<T>(static_cast<size_t>(rows * c_row), 4), expected = c;
  std::vector<int64_t> a_taps, b_taps;
  for (int64_t t = 0; t < taps; ++t) {
    a_taps.push_back(t * 3);
    b_taps.push_back((taps - 1 - t) * k * b_k);
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < cols; ++j) {
      T& out = expected[static_cast<size_t>(r * c_row + j)];
      if (!onto_itself) out = 0;
      if (with_bias) out += bias[static_cast<size_t>(j)];
      for (size_t t = 0; t < static_cast<size_t>(taps); ++t)
        for (int64_t q = 0; q < k; ++q)
          out += a[static_cast<size_t>(a_taps[t] + r * a_row + q * a_k)] *
                 b[static_cast<size_t>(b_taps[t] + q * b_k + j % panel + j / panel * b_panel)];
      if (activation == Activation::relu6) out = std::clamp(out, T{0}, T{6});
    }
  kernels.brgemm({.a = a.data(),
                  .a_taps = a_taps.data(),
                  .a_row = a_row,
                  .a_k = a_k,
                  .b = b.data(),
                  .b_taps = b_taps.data(),
                  .b_k = b_k,
                  .b_panel = b_panel,
                  .taps = taps,
                  .k = k,
                  .c = c.data(),
                  .c_row = c_row,
                  .rows = rows,
                  .cols = cols,
                  .bias = with_bias ? bias.data() : nullptr,
                  .epilogue = {.activation = activation, .residual = onto_itself ? c.data() : nullptr}});
  CHECK(c == expected);  // also the columns between cols and c_row, which must stay as they were
}

// Two runs of taps; with `shared` a tap of a run meets the rows of a one further than the tap before. With `in_place` c
// is the residual, too.
template <class T>
void check_dots(const Kernels<T>& kernels, int64_t rows, int64_t cols, int64_t run, int64_t k, bool shared,
                bool side_by_side, bool in_place) {
  const int64_t taps = 2 * run, a_row = k + 3, step = shared ? a_row : 2, c_row = side_by_side ? cols : cols + 2;
  const int64_t b_panel = taps * k + 5;
  const auto a = numbers<T>(static_cast<size_t>((rows + run) * a_row + 7 + k), 1);
  const auto b = numbers<T>(static_cast<size_t>(cols * b_panel), 2);
  const auto bias = numbers<T>(static_cast<size_t>(cols), 3);
  std::vector<T> c = numbers<T>(static_cast<size_t>(rows * c_row), 4), expected = c;
  std::vector<int64_t> a_taps, b_taps;
  for (int64_t t = 0; t < taps; ++t) {
    a_taps.push_back(t / run * 7 + t % run * step);
    b_taps.push_back((taps - 1 - t) * k);
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < cols; ++j) {
      T& out = expected[static_cast<size_t>(r * c_row + j)];
      out = (in_place ? out : T{0}) + bias[static_cast<size_t>(j)];
      for (size_t t = 0; t < static_cast<size_t>(taps); ++t)
        for (int64_t q = 0; q < k; ++q)
          out +=
              a[static_cast<size_t>(a_taps[t] + r * a_row + q)] * b[static_cast<size_t>(b_taps[t] + q + j * b_panel)];
      out = std::max(out, T{0});
    }
  kernels.dots({.a = a.data(),
                .a_taps = a_taps.data(),
                .a_row = a_row,
                .b = b.data(),
                .b_taps = b_taps.data(),
                .b_k = 1,
                .b_panel = b_panel,
                .taps = taps,
                .run = run,
                .k = k,
                .c = c.data(),
                .c_row = c_row,
                .rows = rows,
                .cols = cols,
                .bias = bias.data(),
                .epilogue = {.activation = Activation::relu, .residual = in_place ? c.data() : nullptr}});
  CHECK(c == expected);
}

template <class T>
void check_depthwise(const Kernels<T>& kernels, int64_t rows, int64_t channels, int64_t taps, int64_t run,
                     int64_t advance) {
  // An advance of 0 stands for pixels and elements of the kernel that lie in no simple ratio.
  const int64_t lines = 2, pixel = channels + 2, step = advance == 0 ? 2 * pixel : pixel;
  const int64_t src_row = advance == 0 ? 3 * pixel : advance * pixel, src_line = 5, dst_row = channels + 1;
  const int64_t dst_line = rows * dst_row + 3;
  const auto src =
      numbers<T>(static_cast<size_t>(lines * src_line + taps * 7 + rows * src_row + run * step + pixel), 1);
  const auto weights = numbers<T>(static_cast<size_t>((taps + 1) * run * pixel), 2);
  const auto bias = numbers<T>(static_cast<size_t>(channels), 3);
  std::vector<T> dst = numbers<T>(static_cast<size_t>(lines * dst_line), 4), expected = dst;
  std::vector<int64_t> src_taps, weight_taps;
  for (int64_t t = 0; t < taps; ++t) {
    src_taps.push_back((taps - t) * 7);
    weight_taps.push_back((taps - t) * run * pixel);
  }
  for (const bool with_bias : {false, true}) {
    for (int64_t l = 0; l < lines; ++l)
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t j = 0; j < channels; ++j) {
          T& out = expected[static_cast<size_t>(l * dst_line + r * dst_row + j)];
          out = with_bias ? bias[static_cast<size_t>(j)] : T{0};
          for (size_t t = 0; t < static_cast<size_t>(taps); ++t)
            for (int64_t e = 0; e < run; ++e)
              out += src[static_cast<size_t>(src_taps[t] + e * step + l * src_line + r * src_row + j)] *
                     weights[static_cast<size_t>(weight_taps[t] - e * pixel + j)];  // the steps may be negative
        }
    kernels.depthwise({.src = src.data(),
                       .src_taps = src_taps.data(),
                       .src_step = step,
                       .src_line = src_line,
                       .src_row = src_row,
                       .weights = weights.data(),
                       .weight_taps = weight_taps.data(),
                       .weight_step = -pixel,
                       .taps = taps,
                       .run = run,
                       .dst = dst.data(),
                       .dst_line = dst_line,
                       .dst_row = dst_row,
                       .lines = lines,
                       .rows = rows,
                       .channels = channels,
                       .bias = with_bias ? bias.data() : nullptr});
    CHECK(dst == expected);  // also what lies between pixels and lines, which must stay as it was
  }
}

// Three vectors of results, the second partial; their lanes read some channel of a source pixel of two vectors.
template <class T>
void check_grouped(const Kernels<T>& kernels, int64_t rows, int64_t run, int64_t advance, const Epilogue<T>& epilogue) {
  const int64_t lanes = kernels.lanes, depth = 2, taps = 2, channels = 3 * lanes, source = 2 * lanes + 1;
  const int64_t weight_size = (taps + 1) * run * lanes, dst_size = rows * channels;
  const std::vector<int64_t> first = {0, lanes, 2 * lanes - 1}, counts = {lanes, lanes - 1, lanes};
  const std::vector<int64_t> offset = {0, 1, 2, lanes, lanes + 1, 3}, src_taps = {5, 0}, weight_taps = {run * lanes, 0};
  std::vector<typename GroupedArgs<T>::Lane> lane;
  for (int64_t i = 0; i < 6 * lanes; ++i) lane.push_back(static_cast<int>((i * 5 + i / lanes) % lanes));
  const auto src = numbers<T>(static_cast<size_t>((rows * advance + run + 2) * source + 5), 1);
  const auto weights = numbers<T>(static_cast<size_t>(6 * weight_size), 2);
  const auto bias = numbers<T>(static_cast<size_t>(channels), 3);
  const auto residual = numbers<T>(static_cast<size_t>(dst_size), 5);
  std::vector<T> dst = numbers<T>(static_cast<size_t>(dst_size), 4), expected = dst;
  for (size_t v = 0; v < 3; ++v)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t i = 0; i < counts[v]; ++i) {
        const auto at = static_cast<size_t>(r * channels + first[v] + i);
        T& out = expected[at];
        out = bias[static_cast<size_t>(first[v] + i)];
        for (size_t q = 0; q < 2; ++q)
          for (size_t t = 0; t < 2; ++t)
            for (int64_t e = 0; e < run; ++e) {
              const int64_t vq = static_cast<int64_t>(v * 2 + q);
              out += src[static_cast<size_t>(src_taps[t] + (e + r * advance) * source + offset[v * 2 + q] +
                                             lane[static_cast<size_t>(vq * lanes + i)])] *
                     weights[static_cast<size_t>(weight_taps[t] + e * lanes + vq * weight_size + i)];
            }
        if (epilogue.residual) out += residual[at];
        if (epilogue.activation == Activation::relu) out = std::max(out, T{0});
      }
  Epilogue<T> with_residual = epilogue;
  if (epilogue.residual) with_residual.residual = residual.data();
  kernels.grouped({.pixels = {.src = src.data(),
                              .src_taps = src_taps.data(),
                              .src_step = source,
                              .src_row = advance * source,
                              .weights = weights.data(),
                              .weight_taps = weight_taps.data(),
                              .weight_step = lanes,
                              .taps = taps,
                              .run = run,
                              .dst = dst.data(),
                              .dst_row = channels,
                              .lines = 1,
                              .rows = rows,
                              .bias = bias.data(),
                              .epilogue = with_residual},
                   .first = first.data(),
                   .lanes = counts.data(),
                   .offset = offset.data(),
                   .lane = lane.data(),
                   .count = 3,
                   .depth = depth,
                   .weight_size = weight_size});
  CHECK(dst == expected);
}

// Windows of 2 or 3 runs of 3 elements, one NaN in the first window and infinities of both signs in the second.
template <class T>
void check_pool(const Kernels<T>& kernels, int64_t channels, int64_t taps, int64_t advance) {
  constexpr int64_t width = 3, rows = 3, gap = 2;
  const int64_t window = taps * width;
  const int64_t columns = (rows - 1) * advance + width, dst_row = channels + gap;
  const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  auto src = numbers<T>(static_cast<size_t>(taps * columns * channels), 5);
  src[static_cast<size_t>((columns + 1) * channels)] = nan;
  src[static_cast<size_t>((advance + 2) * channels - 1)] = infinity;
  src[static_cast<size_t>((advance + 3) * channels - 1)] = -infinity;
  const std::vector<int64_t> src_taps = {0, columns * channels, 2 * columns * channels};
  const auto gradient = numbers<T>(static_cast<size_t>(rows * dst_row), 6);
  std::vector<T> largest(gradient.size(), T{77}), sum = largest, max_grad(src.size()), average_grad(src.size());
  PoolArgs<T> args{.src = src.data(),
                   .src_taps = src_taps.data(),
                   .taps = taps,
                   .width = width,
                   .src_step = channels,
                   .src_row = advance * channels,
                   .dst = largest.data(),
                   .dst_row = dst_row,
                   .rows = rows,
                   .channels = channels,
                   .scale = T{2}};
  kernels.max_pool(args);
  args.dst = sum.data();
  kernels.average_pool(args);
  args.diff_dst = gradient.data();
  args.diff_src = max_grad.data();
  kernels.max_pool_grad(args);
  args.diff_src = average_grad.data();
  kernels.average_pool_grad(args);

  std::vector<T> expected_max_grad(src.size()), expected_average_grad(src.size());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = 0; j < channels; ++j) {
      const size_t at = static_cast<size_t>(r * dst_row + j);
      std::vector<size_t> place;
      for (int64_t t = 0; t < window; ++t)
        place.push_back(static_cast<size_t>(t / width * columns * channels + (r * advance + t % width) * channels + j));
      T total = 0;
      size_t best = place[0];
      for (size_t p : place) {
        total += src[p];
        if (src[p] > src[best] || (src[p] != src[p] && src[best] == src[best])) best = p;
        expected_average_grad[p] += 2 * gradient[at];
      }
      expected_max_grad[best] += gradient[at];
      CHECK((largest[at] == src[best] || (largest[at] != largest[at] && src[best] != src[best])));
      CHECK((sum[at] == 2 * total || (sum[at] != sum[at] && total != total)));
    }
  CHECK(max_grad == expected_max_grad);
  CHECK(average_grad == expected_average_grad);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t j = channels; j < dst_row; ++j) {
      CHECK(largest[static_cast<size_t>(r * dst_row + j)] == T{77});
      CHECK(sum[static_cast<size_t>(r * dst_row + j)] == T{77});
    }
  kernels.max_pool({.dst = largest.data(), .dst_row = channels, .channels = channels});  // no taps
  CHECK(largest[0] == -infinity);
}

// output(input(patch) * weights(kernel)) is the valid convolution; whole numbers, so off by rounding of G alone. With a
// stride the products of its phases, each with `points` points or fewer in a dimension, are added before output.
template <class T>
void check_winograd(const WinogradKernels<T>& kernels, int64_t tile, int64_t channels, int64_t rows, int64_t cols,
                    int64_t stride = 1) {
  const int64_t side = (tile - 1) * stride + 3, points = (side + stride - 1) / stride, n = channels;
  const auto at = [n](int64_t pixel, int64_t j) { return static_cast<size_t>(pixel * n + j); };
  const auto patch = numbers<T>(at(side * side, 0), 1), kernel = numbers<T>(at(9, 0), 2),
             bias = numbers<T>(at(1, 0), 3);
  std::vector<T> v(patch.size()), u(patch.size()), m(at(points * points, 0)), y(at(tile * tile, 0), T{77});
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
  for (int64_t r = 0; r < side; ++r)
    for (int64_t c = 0; c < side; ++c)
      for (int64_t j = 0; j < n; ++j)
        m[at(r % points * points + c % points, j)] += v[at(r * side + c, j)] * u[at(r * side + c, j)];
  kernels.output({.src = m.data(),
                  .src_row = points * n,
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
        for (int64_t t = 0; t < 9; ++t)
          expected += patch[at((r * stride + t / 3) * side + c * stride + t % 3, j)] * kernel[at(t, j)];
        const T result = y[at(r * tile + c, j)];
        if (r < rows && c < cols)
          CHECK(result == doctest::Approx(expected).epsilon(1e-4));
        else
          CHECK(result == T{77});
      }
}

// The same along one axis.
template <class T>
void check_winograd_line(const WinogradKernels<T>& kernels, int64_t tile, int64_t taps, int64_t channels,
                         int64_t cols) {
  const int64_t side = tile + taps - 1, n = channels;
  const auto at = [n](int64_t pixel, int64_t j) { return static_cast<size_t>(pixel * n + j); };
  const auto patch = numbers<T>(at(side, 0), 1), kernel = numbers<T>(at(taps, 0), 2), bias = numbers<T>(at(1, 0), 3);
  std::vector<T> v(patch.size()), u(patch.size()), m(patch.size()), y(at(tile, 0), T{77});
  kernels.input({.src = patch.data(), .src_col = n, .dst = v.data(), .dst_col = n, .channels = n});
  kernels.weights({.src = kernel.data(), .src_col = n, .dst = u.data(), .dst_col = n, .channels = n});
  for (size_t i = 0; i < m.size(); ++i) m[i] = v[i] * u[i];
  kernels.output(
      {.src = m.data(), .src_col = n, .dst = y.data(), .dst_col = n, .channels = n, .cols = cols, .bias = bias.data()});
  for (int64_t c = 0; c < tile; ++c)
    for (int64_t j = 0; j < n; ++j) {
      T expected = bias[at(0, j)];
      for (int64_t t = 0; t < taps; ++t) expected += patch[at(c + t, j)] * kernel[at(t, j)];
      if (c < cols)
        CHECK(y[at(c, j)] == doctest::Approx(expected).epsilon(1e-4));
      else
        CHECK(y[at(c, j)] == T{77});
    }
}

template <class T>
void check_table(const Kernels<T>& kernels) {
  for (int64_t rows = 1; rows <= 2 * kernels.tile_rows + 1; ++rows)
    for (int64_t cols : {int64_t{1}, kernels.panel / 4, kernels.panel / 4 + 1, kernels.panel / 2, kernels.panel / 2 + 1,
                         3 * kernels.panel / 4, kernels.panel, 2 * kernels.panel, 2 * kernels.panel + 3})
      for (int64_t taps : {0, 1, 4}) {
        check_brgemm(kernels, rows, cols, taps, false, false, Activation::linear);
        check_brgemm(kernels, rows, cols, taps, true, false, Activation::relu6);
        check_brgemm(kernels, rows, cols, taps, true, true, Activation::linear);
      }
  const int64_t lanes = kernels.lanes;
  for (int64_t rows = 1; rows <= kernels.dot_sums + 1; ++rows)
    for (int64_t cols : {1, 2, 3, 4, 5, 7})
      for (int64_t run : {0, 1, 2, 3, 5})
        for (int64_t k : {int64_t{1}, lanes, 2 * lanes + 1})
          for (bool shared : {false, true}) {
            check_dots(kernels, rows, cols, run, k, shared, rows % 2 == 0, true);
            check_dots(kernels, rows, cols, run, k, shared, rows % 2 == 0, false);
          }
  for (int64_t advance : {0, 1, 2})
    for (int64_t rows = 1; rows <= 2 * kernels.depthwise_rows + 1; ++rows)
      for (int64_t channels : {int64_t{1}, lanes - 1, lanes, 2 * lanes + 1, 9 * lanes + 3})
        for (int64_t run : {0, 1, 2, 3, 5, 7}) check_depthwise(kernels, rows, channels, 3, run, advance);
  check_depthwise(kernels, 5, lanes + 1, 0, 3, 1);  // no taps: the bias alone
  const T any = 0;                                  // stands for a residual
  for (int64_t advance : {1, 2})
    for (int64_t rows = 1; rows <= kernels.depthwise_rows + 1; ++rows)
      for (int64_t run : {1, 2, 3, 4}) {
        check_grouped(kernels, rows, run, advance, {});
        check_grouped(kernels, rows, run, advance, {.activation = Activation::relu, .residual = &any});
      }
  for (int64_t channels = 1; channels <= kernels.panel + 1; ++channels) {
    for (int64_t taps : {2, 3})
      for (int64_t advance : {1, 2}) check_pool(kernels, channels, taps, advance);
    check_winograd(kernels.winograd4, 4, channels, 4, 4);
    check_winograd(kernels.winograd2, 2, channels, 2, 2);
    check_winograd(kernels.winograd3_stride2, 3, channels, 3, 3, 2);
    check_winograd_line(kernels.winograd4_line3, 4, 3, channels, 4);
    check_winograd_line(kernels.winograd4_line5, 4, 5, channels, 4);
    check_winograd_line(kernels.winograd2_line7, 2, 7, channels, 2);
  }
  check_winograd(kernels.winograd4, 4, 5, 2, 3);
  check_winograd(kernels.winograd2, 2, 5, 1, 2);
  check_winograd(kernels.winograd3_stride2, 3, 5, 2, 1, 2);
  check_winograd_line(kernels.winograd4_line3, 4, 3, 5, 3);
  check_winograd_line(kernels.winograd4_line5, 4, 5, 5, 1);
  check_winograd_line(kernels.winograd2_line7, 2, 7, 5, 1);
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
