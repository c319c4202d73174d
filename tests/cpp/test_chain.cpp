// test_chain.cpp: chains on pixels that lie apart, in place and for every kind of operand, against the same loop by
// loop.
#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "chain.h"
#include "dispatch.h"
#include "numbers.h"

namespace {

using namespace pyconv;

template <class T>
void check(const KernelTable& table, DType dtype, int64_t mb, int64_t pixels, int64_t c, int64_t src_gap,
           int64_t dst_gap) {
  const int64_t src_stride = c + src_gap, dst_stride = c + dst_gap, rows = mb * pixels;
  const auto size = [](int64_t n) { return static_cast<size_t>(n); };
  const auto src = numbers<T>(size(rows * src_stride), 1), tensor = numbers<T>(size(rows * c), 2),
             channels = numbers<T>(size(c), 3), image_channels = numbers<T>(size(mb * c), 4),
             of_pixels = numbers<T>(size(rows), 5);
  std::vector<T> dst(size(rows * dst_stride), T{77}), expected = dst;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t j = 0; j < c; ++j) {
      T x = src[size(row * src_stride + j)] * channels[size(j)] - tensor[size(row * c + j)];
      x = std::max(x, T{0}) * image_channels[size(row / pixels * c + j)];
      expected[size(row * dst_stride + j)] = of_pixels[size(row)] - x + T{3};
    }
  const Chain chain({.dtype = dtype,
                     .mb = mb,
                     .pixels = pixels,
                     .c = c,
                     .links = {{ElementOp::mul, Operand::channels},
                               {ElementOp::sub, Operand::tensor},
                               {ElementOp::relu},
                               {ElementOp::mul, Operand::image_channels},
                               {ElementOp::rsub, Operand::pixels},
                               {ElementOp::add, Operand::number, 3}},
                     .src_stride = src_stride,
                     .dst_stride = dst_stride},
                    table);
  const std::vector<const void*> operands = {channels.data(),       tensor.data(),    nullptr,
                                             image_channels.data(), of_pixels.data(), nullptr};
  chain.run(src.data(), operands.data(), dst.data());
  CHECK(dst == expected);
  if (src_stride == dst_stride) {
    auto place = src;
    chain.run(place.data(), operands.data(), place.data());
    for (int64_t row = 0; row < rows; ++row)
      CHECK(std::equal(&place[size(row * src_stride)], &place[size(row * src_stride)] + c,
                       &expected[size(row * dst_stride)]));
  }
}

}  // namespace

TEST_CASE("chains compute their links in turn") {
  for (const KernelTable* table : available_isas()) {
    CAPTURE(table->name);
    // Blocks of several rows, the last of fewer; rows of several blocks.
    for (const auto& [pixels, c] : {std::pair<int64_t, int64_t>{1, 1}, {700, 3}, {5, 600}, {3, 2100}})
      for (const int64_t src_gap : {0, 2})
        for (const int64_t dst_gap : {0, 2}) {
          check<float>(*table, DType::f32, 3, pixels, c, src_gap, dst_gap);
          check<double>(*table, DType::f64, 2, pixels, c, src_gap, dst_gap);
        }
  }
}

TEST_CASE("a chain's rows must not lie in one another") {
  CHECK_THROWS_AS(Chain({.c = 4, .links = {{ElementOp::relu}}, .dst_stride = 3}, active_isa()), std::invalid_argument);
  CHECK_THROWS_AS(Chain({.c = 4, .links = {}}, active_isa()), std::invalid_argument);
}
