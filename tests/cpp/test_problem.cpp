// test_problem.cpp: output sizes, and the errors of problem.h with the words they must contain.
#include <doctest/doctest.h>

#include <stdexcept>

#include "problem.h"

namespace {

using namespace pyconv;

Window square(int64_t i, int64_t k, int64_t s = 1, int64_t d = 1, int64_t pad = 0) {
  return {{i, i}, {k, k}, {s, s}, {d, d}, {{pad, pad}, {pad, pad}}};
}

ConvProblem conv(int64_t mb, int64_t ic, int64_t oc, int64_t g, const Window& window) {
  return make_conv_problem("conv", Direction::forward, DType::f32, mb, ic, oc, g, window);
}

void check_error(const Window& window, int64_t ic, int64_t oc, int64_t g, const std::string& words) {
  try {
    conv(1, ic, oc, g, window);
    FAIL("accepted: " << words);
  } catch (const std::invalid_argument& error) {
    CHECK_MESSAGE(std::string(error.what()).find(words) != std::string::npos, error.what());
  }
}

}  // namespace

TEST_CASE("missing axes have size one and outputs follow") {
  const ConvProblem line =
      make_conv_problem("conv", Direction::forward, DType::f32, 2, 3, 4, 1, {{10}, {3}, {2}, {2}, {{1, 0}}});
  CHECK(line.axes[kHeight].o == 1);
  CHECK(line.axes[kWidth].o == 4);  // (1 + 10 - 5) / 2 + 1
  CHECK(line.flops() == 2 * 2 * 4 * 3 * 3 * 4);
}

TEST_CASE("errors name the operation, the argument, the rule and the values") {
  check_error(square(8, 3), 0, 4, 1, "conv: input channels must be at least 1. Received: input channels=0");
  check_error(square(8, 3), 4, 0, 1, "filters must be at least 1");
  check_error(square(8, 3), 4, 4, 3,
              "input channels must be divisible by groups. Received: input channels=4, groups=3");
  check_error(square(8, 3), 6, 4, 3, "filters must be divisible by groups");
  check_error(square(8, 0), 4, 4, 1, "kernel height must be at least 1. Received: kernel height=0");
  check_error(square(8, 3, 0), 4, 4, 1, "stride along height must be at least 1");
  check_error(square(8, 3, 1, 0), 4, 4, 1, "dilation along height must be at least 1");
  check_error(square(8, 3, 1, 1, -1), 4, 4, 1, "padding before height must be at least 0");
  check_error(square(8, 5, 1, 2), 4, 4, 1, "the kernel spans 9 = (5 - 1) * 2 + 1 elements, the padded input only 8");
  check_error(square(int64_t{1} << 31, 1), 1 << 20, 4, 1, "too many to address");
  check_error(square(8, int64_t{1} << 62, 1, 8), 1, 1, 1, "overflow");
  check_error({{8, 8}, {3}, {1, 1}, {1, 1}, {{0, 0}, {0, 0}}}, 1, 1, 1, "one entry for each of the 2");
  CHECK_THROWS_AS(make_pad_problem(DType::f32, {3}, {-1}, {0}), std::invalid_argument);
}

TEST_CASE("an empty batch is a problem like any other") { CHECK(conv(0, 3, 4, 1, square(8, 3)).flops() == 0); }
