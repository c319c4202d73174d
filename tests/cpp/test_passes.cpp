// test_passes.cpp: the passes over whole arrays that training and programs make between convolutions, each against a
// plain loop, on one thread and on three, whose results are the same bits.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "channel_statistics.h"
#include "dispatch.h"
#include "last_axis.h"
#include "numbers.h"
#include "parallel.h"
#include "resample.h"
#include "transpose.h"
#include "update.h"

namespace {

using namespace pyconv;
using Floats = std::vector<float>;

// Enough for three threads, and no whole number of vectors or blocks.
constexpr int64_t kRows = 40'009, kChannels = 19, kCount = kRows * kChannels;

size_t at(int64_t row, int64_t channel) { return static_cast<size_t>(row * kChannels + channel); }

// What `pass` writes on every table and with 1 and 3 threads, which must be one and the same on a table.
void each_way(const std::function<Floats(const KernelTable&)>& pass, const std::function<void(const Floats&)>& check) {
  const int before = num_threads();
  for (const KernelTable* table : available_isas()) {
    set_num_threads(1);
    const Floats alone = pass(*table);
    set_num_threads(3);
    CHECK(pass(*table) == alone);
    check(alone);
  }
  set_num_threads(before);
}

// A relative error of 1e-5: some roundings of float, of numbers near 1.
void check_near(const Floats& got, const std::function<double(size_t)>& expected) {
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(got[i]) - expected(i)) / (1 + std::abs(expected(i))));
  CHECK(worst < 1e-5);
}

}  // namespace

TEST_CASE("transposes exchange rows and columns") {
  const Floats src = numbers<float>(2 * kCount, 1);
  each_way(
      [&](const KernelTable& table) {
        Floats dst(src.size());
        transpose(table, DType::f32, 2, kRows, kChannels, src.data(), dst.data());
        return dst;
      },
      [&](const Floats& dst) {
        int wrong = 0;
        for (int64_t m = 0; m < 2; ++m)
          for (int64_t i = 0; i < kRows; ++i)
            for (int64_t j = 0; j < kChannels; ++j)
              wrong += dst[static_cast<size_t>((m * kChannels + j) * kRows + i)] !=
                       src[static_cast<size_t>(m * kCount) + at(i, j)];
        CHECK(wrong == 0);
      });
}

TEST_CASE("channels: moments, normalisation with a rectifier, and its gradient") {
  const Floats src = numbers<float>(kCount, 2), other = numbers<float>(kCount, 3);
  const Floats centre(kChannels, 2), scale = numbers<float>(kChannels, 4), shift = numbers<float>(kChannels, 5);
  const ChannelRows size{DType::f32, kRows, kChannels};
  const Normalization of{src.data(), centre.data(), scale.data(), shift.data(), Activation::relu};
  // What the rectifier is applied to, and the gradient that it lets through.
  const auto z = [&](size_t i) { return (src[i] - 2.0) * scale[i % kChannels] + shift[i % kChannels]; };
  const auto d = [&](size_t i) { return z(i) > 0 ? static_cast<double>(other[i]) : 0.0; };
  each_way(
      [&](const KernelTable& table) {
        Floats found(4 * kChannels);
        float *mean = found.data(), *sums = mean + 2 * kChannels;
        channel_moments(table, size, src.data(), mean, mean + kChannels);
        channel_gradient_sums(table, size, of, other.data(), sums, sums + kChannels);
        return found;
      },
      [&](const Floats& found) {
        std::vector<double> expected(4 * kChannels);
        for (int64_t j = 0; j < kChannels; ++j) {
          double sum = 0, squares = 0, others = 0, products = 0;
          for (int64_t r = 0; r < kRows; ++r) {
            const double x = src[at(r, j)], y = d(at(r, j));
            sum += x, squares += x * x, others += y, products += y * (x - 2);
          }
          const double mean = sum / kRows, values[] = {mean, squares / kRows - mean * mean, others, products};
          for (int64_t k = 0; k < 4; ++k) expected[static_cast<size_t>(k * kChannels + j)] = values[k];
        }
        check_near(found, [&](size_t i) { return expected[i]; });
      });
  for (const bool adds : {false, true})
    each_way(
        [&](const KernelTable& table) {
          Floats dst(kCount);
          channel_normalize(table, size, of, adds ? other.data() : nullptr, dst.data());
          return dst;
        },
        [&](const Floats& dst) {
          check_near(dst, [&](size_t i) { return std::max(0.0, z(i) + (adds ? other[i] : 0.0f)); });
        });
  each_way(
      [&](const KernelTable& table) {
        Floats diff_src(kCount);
        channel_normalize_backward(table, size, of, other.data(), shift.data(), centre.data(), diff_src.data());
        return diff_src;
      },
      [&](const Floats& diff_src) {
        check_near(diff_src, [&](size_t i) {
          const size_t j = i % kChannels;
          return d(i) * scale[j] + (src[i] - 2.0) * shift[j] + 2;
        });
      });
}

TEST_CASE("the gradient of an activation, by its results") {
  const Floats dst = numbers<float>(kCount, 6), diff_dst = numbers<float>(kCount, 7);
  each_way(
      [&](const KernelTable& table) {
        Floats diff_src(kCount);
        activation_backward(table, DType::f32, Activation::leaky_relu, 0.5, kCount, dst.data(), diff_dst.data(),
                            diff_src.data());
        return diff_src;
      },
      [&](const Floats& diff_src) {
        check_near(diff_src, [&](size_t i) { return diff_dst[i] * (dst[i] > 0 ? 1.0 : 0.5); });
      });
}

TEST_CASE("softmax and normalisation of rows") {
  const Floats src = numbers<float>(kCount, 8), scale = numbers<float>(kChannels, 9);
  const Rows size{DType::f32, kRows, kChannels};
  const auto row_of = [&](size_t i) { return src.data() + i / kChannels * kChannels; };
  each_way(
      [&](const KernelTable& table) {
        Floats dst(kCount);
        softmax(table, size, src.data(), dst.data());
        return dst;
      },
      [&](const Floats& dst) {
        check_near(dst, [&](size_t i) {
          double sum = 0;
          for (int64_t k = 0; k < kChannels; ++k) sum += std::exp(row_of(i)[k]);
          return std::exp(src[i]) / sum;
        });
      });
  each_way(
      [&](const KernelTable& table) {
        Floats dst(kCount);
        row_normalize(table, size, {.centred = true, .epsilon = 0.5, .scale = scale.data()}, src.data(), dst.data());
        return dst;
      },
      [&](const Floats& dst) {
        check_near(dst, [&](size_t i) {
          double sum = 0, squares = 0;
          for (int64_t k = 0; k < kChannels; ++k) sum += row_of(i)[k], squares += row_of(i)[k] * row_of(i)[k];
          const double mean = sum / kChannels, variance = squares / kChannels - mean * mean;
          return (src[i] - mean) / std::sqrt(variance + 0.5) * scale[i % kChannels];
        });
      });
}

TEST_CASE("images at another size") {
  constexpr int64_t kImages = 2, kHeight = 40, kWidth = 33, kOut = 90;
  const Floats src = numbers<float>(kImages * kHeight * kWidth * kChannels, 10);
  AxisTaps rows{2, {}, {}}, cols{2, {}, {}};
  for (int64_t i = 0; i < kOut; ++i) {
    rows.elements.insert(rows.elements.end(), {i % kHeight, (i + 1) % kHeight});
    cols.elements.insert(cols.elements.end(), {i % kWidth, (i + 5) % kWidth});
    rows.weights.insert(rows.weights.end(), {0.25, 0.75});
    cols.weights.insert(cols.weights.end(), {0.5, 0.5});
  }
  each_way(
      [&](const KernelTable& table) {
        Floats dst(kImages * kOut * kOut * kChannels);
        Resampling(DType::f32, kImages, kHeight, kWidth, kChannels, rows, cols, table).run(src.data(), dst.data());
        return dst;
      },
      [&](const Floats& dst) {
        check_near(dst, [&](size_t i) {
          const size_t j = i % kChannels, x = i / kChannels % kOut, y = i / kChannels / kOut % kOut;
          const size_t n = i / kChannels / kOut / kOut;
          double sum = 0;
          for (size_t s = 0; s < 2; ++s)
            for (size_t t = 0; t < 2; ++t) {
              const auto row = static_cast<size_t>(rows.elements[2 * y + s]);
              const auto col = static_cast<size_t>(cols.elements[2 * x + t]);
              sum += rows.weights[2 * y + s] * cols.weights[2 * x + t] *
                     src[((n * kHeight + row) * kWidth + col) * kChannels + j];
            }
          return sum;
        });
      });
}

TEST_CASE("steps of optimizers") {
  const Floats gradients = numbers<float>(kCount, 11), old = numbers<float>(kCount, 12);
  each_way(
      [&](const KernelTable& table) {
        Floats weights = old, velocity = gradients;
        update(table, UpdateRule::sgd,
               UpdateArgs<float>{.weights = weights.data(),
                                 .gradients = gradients.data(),
                                 .velocity = velocity.data(),
                                 .rate = 0.5f,
                                 .momentum = 0.25f,
                                 .count = kCount});
        return weights;
      },
      [&](const Floats& weights) {
        check_near(weights, [&](size_t i) { return old[i] + 0.25 * gradients[i] - 0.5 * gradients[i]; });
      });
  each_way(
      [&](const KernelTable& table) {
        Floats weights = old, mean(kCount, 1), square(kCount, 2);
        update(table, UpdateRule::adam,
               UpdateArgs<float>{.weights = weights.data(),
                                 .gradients = gradients.data(),
                                 .mean = mean.data(),
                                 .square = square.data(),
                                 .rate = 0.5f,
                                 .mean_share = 0.5f,
                                 .square_share = 0.25f,
                                 .epsilon = 1,
                                 .count = kCount});
        return weights;
      },
      [&](const Floats& weights) {
        check_near(weights, [&](size_t i) {
          const double g = gradients[i], mean = 1 + 0.5 * (g - 1), square = 2 + 0.25 * (g * g - 2);
          return old[i] - 0.5 * mean / (std::sqrt(square) + 1);
        });
      });
}
