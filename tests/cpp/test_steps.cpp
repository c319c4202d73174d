// test_steps.cpp: a program of one step each, against a plain loop: in memory of exactly its size, image by image, on
// one thread and on two, whose results are the same bits. Convolution, pooling and copies are test_program.cpp's.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <vector>

#include "benchdnn.h"
#include "dispatch.h"
#include "numbers.h"
#include "parallel.h"
#include "program.h"
#include "steps/chain.h"
#include "steps/last_axis.h"
#include "steps/pad.h"
#include "steps/resample.h"
#include "steps/row_blocks.h"

namespace {

using namespace pyconv;
using Floats = std::vector<float>;

// Images of a call, more than threads and no multiple of them.
constexpr size_t kImages = 3;

constexpr Place input(int64_t index) { return {kOutside + index, 0, 0}; }

// What one step makes of inputs that hold kImages each, as its results do.
Floats run(std::unique_ptr<const Step> step, Sharing sharing, std::vector<Floats> inputs, size_t image_results) {
  ProgramBytes bytes;
  std::vector<std::byte*> outside;
  for (Floats& numbers : inputs) {
    bytes.inputs.push_back(static_cast<int64_t>(numbers.size() / kImages * sizeof(float)));
    outside.push_back(reinterpret_cast<std::byte*>(numbers.data()));
  }
  Floats dst(kImages * image_results, 77);
  bytes.outputs = {static_cast<int64_t>(image_results * sizeof(float))};
  outside.push_back(reinterpret_cast<std::byte*>(dst.data()));
  ProgramBuilder builder(bytes);
  builder.section(1, sharing);
  builder.add(std::move(step));
  builder.build().run(outside, kImages);
  return dst;
}

// expected(i) is element i of all images' results; tolerance is relative, of numbers near 1.
void check(const std::function<std::unique_ptr<const Step>(const KernelTable&)>& make,
           const std::vector<Floats>& inputs, size_t image_results, const std::function<double(size_t)>& expected,
           double tolerance = 0) {
  const int before = num_threads();
  for (const KernelTable* table : available_isas())
    for (const Sharing sharing : {Sharing::steps, Sharing::repeats}) {
      CAPTURE(table->name);
      set_num_threads(1);
      const Floats alone = run(make(*table), sharing, inputs, image_results);
      set_num_threads(2);
      CHECK(run(make(*table), sharing, inputs, image_results) == alone);
      double worst = 0;
      for (size_t i = 0; i < alone.size(); ++i)
        worst = std::max(worst, std::abs(alone[i] - expected(i)) / (1 + std::abs(expected(i))));
      CHECK(worst <= tolerance);
    }
  set_num_threads(before);
}

}  // namespace

TEST_CASE("chain: operands from the program's memory and the step's own") {
  constexpr size_t kPixels = 3001, kChannels = 19, kSize = kPixels * kChannels;
  const Floats src = numbers<float>(kImages * kSize, 1), tensor = numbers<float>(kImages * kSize, 2),
               factors = numbers<float>(kImages * kChannels, 3), bias = numbers<float>(kChannels, 4);
  check(
      [&](const KernelTable& table) {
        auto chain = std::make_shared<Chain>(ChainProblem{.pixels = kPixels,
                                                          .c = kChannels,
                                                          .links = {{ElementOp::add, Operand::channels},
                                                                    {ElementOp::relu},
                                                                    {ElementOp::mul, Operand::image_channels},
                                                                    {ElementOp::sub, Operand::tensor}}},
                                             table);
        std::vector<ChainOperand> operands = {{{}, bias}, {}, {input(2), {}}, {input(1), {}}};
        return std::make_unique<ChainStep>(std::move(chain), input(0), std::move(operands), input(3));
      },
      {src, tensor, factors}, kSize,
      [&](size_t i) {
        const size_t j = i % kChannels;
        return std::max(src[i] + bias[j], 0.0f) * factors[i / kSize * kChannels + j] - tensor[i];
      });
}

TEST_CASE("last_axis: softmax and normalisation") {
  constexpr size_t kRows = 3001, kChannels = 19, kSize = kRows * kChannels;
  const Floats src = numbers<float>(kImages * kSize, 5), scale = numbers<float>(kChannels, 6),
               shift = numbers<float>(kChannels, 7);
  const auto sum_of = [&](size_t i, const std::function<double(double)>& f) {
    double sum = 0;
    for (size_t j = 0; j < kChannels; ++j) sum += f(src[i / kChannels * kChannels + j]);
    return sum;
  };
  // Some roundings of float.
  constexpr double kTolerance = 1e-5;
  check(
      [&](const KernelTable& table) {
        return std::make_unique<LastAxisStep>(table, kRows, kChannels, std::nullopt, input(0), input(1));
      },
      {src}, kSize, [&](size_t i) { return std::exp(src[i]) / sum_of(i, [](double x) { return std::exp(x); }); },
      kTolerance);
  check(
      [&](const KernelTable& table) {
        const LastAxisStep::Normalization normalization{.epsilon = 0.5, .scale = scale, .shift = shift};
        return std::make_unique<LastAxisStep>(table, kRows, kChannels, normalization, input(0), input(1));
      },
      {src}, kSize,
      [&](size_t i) {
        const double mean = sum_of(i, [](double x) { return x; }) / kChannels;
        const double variance = sum_of(i, [=](double x) { return (x - mean) * (x - mean); }) / kChannels;
        return (src[i] - mean) / std::sqrt(variance + 0.5) * scale[i % kChannels] + shift[i % kChannels];
      },
      kTolerance);
}

TEST_CASE("pad: a number round an image") {
  // Enough for two threads even as bare copies.
  constexpr size_t kHeight = 290, kWidth = 310, kChannels = 9, kOutHeight = 2 + kHeight + 1, kOutWidth = kWidth + 5,
                   kOutChannels = 1 + kChannels + 2;
  const Floats src = numbers<float>(kImages * kHeight * kWidth * kChannels, 8);
  const PadProblem problem = make_pad_problem(DType::f32, {kHeight, kWidth, kChannels}, {2, 0, 1}, {1, 5, 2});
  check([&](const KernelTable&) { return std::make_unique<PadStep>(problem, 7, input(0), input(1)); }, {src},
        kOutHeight * kOutWidth * kOutChannels,
        [&](size_t i) {
          // Below the first element a size_t is larger than any size.
          const size_t j = i % kOutChannels - 1, x = i / kOutChannels % kOutWidth,
                       y = i / kOutChannels / kOutWidth % kOutHeight - 2, n = i / kOutChannels / kOutWidth / kOutHeight;
          if (y >= kHeight || x >= kWidth || j >= kChannels) return 7.0f;
          return src[((n * kHeight + y) * kWidth + x) * kChannels + j];
        });
}

TEST_CASE("resample: weighted sums of two rows and of two columns") {
  constexpr size_t kHeight = 40, kWidth = 33, kChannels = 19, kOutHeight = 90, kOutWidth = 21;
  const Floats src = numbers<float>(kImages * kHeight * kWidth * kChannels, 9);
  const auto taps = [](size_t size, size_t results) {
    AxisTaps made{.taps = 2, .elements = {}, .weights = {}};
    for (size_t i = 0; i < results; ++i) {
      made.elements.insert(made.elements.end(),
                           {static_cast<int64_t>(i % size), static_cast<int64_t>((i * 3 + 1) % size)});
      made.weights.insert(made.weights.end(), {0.25, 0.75});
    }
    return made;
  };
  const AxisTaps rows = taps(kHeight, kOutHeight), cols = taps(kWidth, kOutWidth);
  check(
      [&](const KernelTable& table) {
        auto plan = std::make_shared<Resampling>(DType::f32, 1, kHeight, kWidth, kChannels, rows, cols, table);
        return std::make_unique<ResampleStep>(std::move(plan), input(0), input(1));
      },
      {src}, kOutHeight * kOutWidth * kChannels,
      [&](size_t i) {
        const size_t j = i % kChannels, x = i / kChannels % kOutWidth, y = i / kChannels / kOutWidth % kOutHeight,
                     n = i / kChannels / kOutWidth / kOutHeight;
        double sum = 0;
        for (size_t s = 2 * y; s < 2 * y + 2; ++s)
          for (size_t t = 2 * x; t < 2 * x + 2; ++t) {
            const size_t pixel = (n * kHeight + static_cast<size_t>(rows.elements[s])) * kWidth;
            sum += rows.weights[s] * cols.weights[t] *
                   src[(pixel + static_cast<size_t>(cols.elements[t])) * kChannels + j];
          }
        return sum;
      });
}

namespace {

// A convolution of whole numbers, what is done to its results, and the same by the definition.
struct Layer {
  Layer(const std::string& line, std::vector<Link> does, int seed)
      : problem(parse_problem(line, Direction::forward, DType::f32).problem),
        links(std::move(does)),
        weights(numbers<float>(static_cast<size_t>(problem.taps() * problem.group_ic() * problem.oc), seed)),
        bias(numbers<float>(static_cast<size_t>(problem.oc), seed + 1)) {}

  RowConv on(const KernelTable& table) const {
    auto plan = std::make_shared<ConvPlan>(problem, table);
    // Depthwise reads weights as they are.
    std::shared_ptr<const std::byte> packed(std::shared_ptr<void>(),
                                            reinterpret_cast<const std::byte*>(weights.data()));
    if (plan->algorithm().pack) packed.reset(plan->pack(weights.data()).release(), AlignedDelete{});
    const int64_t packed_bytes = plan->memory().packed_bytes;
    return {std::move(plan), std::move(packed), packed_bytes, bias, links};
  }

  // One image, from 0 to 6 if there are links.
  Floats operator()(const float* src) const {
    const Axis &height = problem.axes[kHeight], &width = problem.axes[kWidth];
    const int64_t depth = problem.group_ic();
    Floats dst;
    for (int64_t y = 0; y < height.o; ++y)
      for (int64_t x = 0; x < width.o; ++x)
        for (int64_t o = 0; o < problem.oc; ++o) {
          float sum = bias[static_cast<size_t>(o)];
          for (int64_t tap = 0; tap < problem.taps(); ++tap) {
            const int64_t row = y * height.s + tap / width.k - height.pad_begin;
            const int64_t col = x * width.s + tap % width.k - width.pad_begin;
            if (row < 0 || row >= height.i || col < 0 || col >= width.i) continue;
            for (int64_t i = 0; i < depth; ++i)
              sum += src[(row * width.i + col) * problem.ic + o / problem.group_oc() * depth + i] *
                     weights[static_cast<size_t>((tap * depth + i) * problem.oc + o)];
          }
          dst.push_back(links.empty() ? sum : std::clamp(sum, 0.0f, 6.0f));
        }
    return dst;
  }

  ConvProblem problem;
  std::vector<Link> links;
  Floats weights, bias;
};

}  // namespace

TEST_CASE("row_blocks: a depthwise convolution between its neighbours") {
  const std::vector<Link> relu6 = {{ElementOp::clip, Operand::none, 0, 6}};
  const Layer widen("mb1ic8ih61iw40oc24oh61ow40kh1kw1", relu6, 10), narrow("mb1ic24ih61iw40oc8oh61ow40kh1kw1", {}, 11);
  const Layer filter("mb1g24ic24ih61iw40oc24oh61ow40kh3kw3ph1pw1", relu6, 12);
  const Layer stride("mb1g24ic24ih61iw40oc24oh31ow20kh3kw3sh2sw2ph1pw1", relu6, 13);
  const Layer narrow_half("mb1ic24ih31iw20oc8oh31ow20kh1kw1", {}, 14);
  const size_t size = 61 * 40 * 8;
  const Floats src = numbers<float>(kImages * size, 15), residual = numbers<float>(kImages * size, 16);
  for (const bool halves : {false, true}) {
    const std::vector<const Layer*> layers = {&widen, halves ? &stride : &filter, halves ? &narrow_half : &narrow};
    Floats expected;
    for (size_t image = 0; image < kImages; ++image) {
      Floats x(src.begin() + static_cast<ptrdiff_t>(image * size),
               src.begin() + static_cast<ptrdiff_t>((image + 1) * size));
      for (const Layer* layer : layers) x = (*layer)(x.data());
      expected.insert(expected.end(), x.begin(), x.end());
    }
    const size_t results = expected.size() / kImages;
    const Floats added(residual.begin(), residual.begin() + static_cast<ptrdiff_t>(expected.size()));
    for (const int64_t blocks : {1, 2, 7, 31})
      check(
          [&](const KernelTable& table) {
            std::vector<RowConv> convs;
            for (const Layer* layer : layers) convs.push_back(layer->on(table));
            return std::make_unique<RowBlocksStep>(std::move(convs), blocks, input(0), input(2), input(1));
          },
          {src, added}, results, [&](size_t i) { return expected[i] + added[i]; });
  }
}
