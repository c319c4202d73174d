// test_pyconv.cpp: the public header, against sums written down here. The plans behind it have tests of their own.
#include "pyconv/pyconv.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace pyconv;

TEST_CASE("a convolution keeps copies of its weights and adds bias, residual and activation") {
  // Two pixels of two channels, three filters of one element: dst[o][m] = sum over c of src[o][c] * weights[c][m].
  const std::vector<float> src = {1, 2, 3, 4}, residual = {0, 0, 0, 0, 0, 100};
  std::vector<float> weights = {1, 0, -1, 0, 1, -1}, bias = {10, 20, 0}, dst(6);
  ConvolutionOptions options;
  options.activation = ConvolutionOptions::Activation::relu;
  Convolution first({1, 2, 2}, {1, 2, 3}, weights.data(), bias.data(), options);
  std::fill(weights.begin(), weights.end(), 0.0f);
  std::fill(bias.begin(), bias.end(), 0.0f);
  const Convolution convolution = std::move(first);
  CHECK(convolution.dst_shape() == Shape{1, 2, 3});
  convolution.run(src.data(), dst.data());
  CHECK(dst == std::vector<float>{11, 22, 0, 13, 24, 0});
  convolution.run(src.data(), dst.data(), residual.data());
  CHECK(dst == std::vector<float>{11, 22, 0, 13, 24, 93});
}

TEST_CASE("strides, dilation, padding and groups reach the plan") {
  // Two channels of their own: kernel elements two apart, every third window, beginning one before the image.
  const std::vector<float> src = {1, 10, 2, 20, 3, 30, 4, 40, 5, 50}, weights = {1, 2, 100, 1};
  ConvolutionOptions options;
  options.strides = {3};
  options.dilation = {2};
  options.padding = {{1, 0}};
  options.groups = 2;
  const Convolution convolution({1, 5, 2}, {2, 1, 2}, weights.data(), nullptr, options);
  CHECK(convolution.dst_shape() == Shape{1, 2, 2});
  std::vector<float> dst(4);
  convolution.run(src.data(), dst.data());
  CHECK(dst == std::vector<float>{200, 20, 503, 110});
}

TEST_CASE("pooling: strides are the window's size unless given, padding does not count") {
  const std::vector<float> src = {-1, -2, -3, -4};
  std::vector<float> dst(2);
  Pooling(Pool::max, {1, 4, 1}, {2}).run(src.data(), dst.data());
  CHECK(dst == std::vector<float>{-1, -3});
  const Pooling mean(Pool::average, {1, 4, 1}, {3}, {2}, {{1, 0}});
  CHECK(mean.dst_shape() == Shape{1, 2, 1});
  mean.run(src.data(), dst.data());
  CHECK(dst == std::vector<float>{-1.5f, -3});
}

TEST_CASE("same_padding: ceil(size / stride) results, the odd zero after") {
  CHECK(same_padding({1, 7, 8, 3}, {3, 4}) == Padding{{1, 1}, {1, 2}});
  CHECK(same_padding({1, 7, 8, 3}, {3, 3}, {2, 2}) == Padding{{1, 1}, {0, 1}});
  CHECK(same_padding({1, 9, 3}, {3}, {}, {3}) == Padding{{3, 3}});
  CHECK(same_padding({1, 9, 3}, {1}, {4}) == Padding{{0, 0}});
}

TEST_CASE("what can't be is said before anything runs") {
  const std::vector<float> weights(81);
  ConvolutionOptions wrong;
  wrong.strides = {0, 1};
  CHECK_THROWS_AS(Convolution({1, 5, 5, 3}, {3, 3, 3, 3}, weights.data(), nullptr, wrong), std::invalid_argument);
  CHECK_THROWS_AS(Convolution({1, 5, 5, 2}, {3, 3, 3, 3}, weights.data(), nullptr), std::invalid_argument);
  CHECK_THROWS_AS(Convolution({1, 5, 5, 3}, {3, 3, 3}, weights.data(), nullptr), std::invalid_argument);
  CHECK_THROWS_AS(Convolution({5, 3}, {3, 3}, weights.data(), nullptr), std::invalid_argument);
  CHECK_THROWS_AS(Convolution({1, 5, 5, 3}, {3, 3, 3, 3}, nullptr, nullptr), std::invalid_argument);
  CHECK_THROWS_AS(Pooling(Pool::max, {1, 5, 5, 3}, {6, 1}), std::invalid_argument);
  CHECK_THROWS_AS(Pooling(Pool::max, {1, 5, 5, 3}, {}), std::invalid_argument);
  CHECK_THROWS_AS(same_padding({1, 5, 5, 3}, {3, 3}, {0, 1}), std::invalid_argument);
}
