// test_plan.cpp: every algorithm on every table against the reference, all directions, on whole numbers, so exactly.
#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "benchdnn.h"
#include "dispatch.h"
#include "parallel.h"
#include "plan.h"

namespace {

using namespace pyconv;

template <class T>
struct Example {
  std::vector<T> src, weights, bias, dst;

  explicit Example(const ConvProblem& p)
      : src(numbers(p.mb * p.src_pixels() * p.ic)),
        weights(numbers(p.taps() * p.group_ic() * p.oc)),
        bias(numbers(p.produced_channels())),
        dst(numbers(p.mb * p.dst_pixels() * p.oc)) {}

  static std::vector<T> numbers(int64_t count) {
    std::vector<T> values(static_cast<size_t>(count));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(static_cast<int>((i * i + i * 5) % 7) - 3);
    return values;
  }
  void run(const ConvPlan& plan) {
    plan.run({src.data(), weights.data(), bias.data(), dst.data()}, plan.pack(weights.data()).get());
  }
  bool operator==(const Example&) const = default;
};

// |a - b| / |b| in the Euclidean norm, over all tensors.
template <class T>
double distance(const Example<T>& a, const Example<T>& b) {
  double error = 0, norm = 0;
  const auto add = [&](const std::vector<T>& x, const std::vector<T>& y) {
    for (size_t i = 0; i < x.size(); ++i) {
      error += std::pow(static_cast<double>(x[i]) - static_cast<double>(y[i]), 2);
      norm += std::pow(static_cast<double>(y[i]), 2);
    }
  };
  add(a.src, b.src);
  add(a.weights, b.weights);
  add(a.dst, b.dst);
  return std::sqrt(error / norm);
}

template <class T>
void check(const ConvProblem& problem) {
  Example<T> expected(problem);
  expected.run(ConvPlan(problem, active_isa(), "reference"));
  for (const KernelTable* table : available_isas())
    for (const ConvAlgorithm* algorithm : conv_algorithms()) {
      if (!algorithm->refuse(problem).empty()) continue;
      const ConvPlan plan(problem, *table, algorithm->name);
      CAPTURE(plan.describe());
      set_num_threads(1);
      Example<T> alone(problem), shared(problem);
      alone.run(plan);
      set_num_threads(3);
      shared.run(plan);
      CHECK(shared == alone);
      // Winograd's error is about 1e-6 at 64 channels (tests/test_winograd.py holds it against float64).
      if (algorithm->plain_sums)
        CHECK(alone == expected);
      else
        CHECK(distance(alone, expected) < 2e-6);
    }
}

}  // namespace

TEST_CASE("algorithms agree with the reference") {
  const int before = num_threads();
  for (Direction direction : {Direction::forward, Direction::backward_data, Direction::backward_weights})
    for (const auto& [name, problem] : read_problems(PYCONV_PROBLEMS, direction, DType::f32)) {
      CAPTURE(name);
      check<float>(problem);
      ConvProblem as_double = problem;
      as_double.dtype = DType::f64;
      check<double>(as_double);
    }
  set_num_threads(before);
}

TEST_CASE("a problem large enough for several passes and threads") {
  const int before = num_threads();
  for (Direction direction : {Direction::forward, Direction::backward_data, Direction::backward_weights})
    check<float>(parse_problem("mb6ic24ih31iw33oc40kh3kw3ph1pw1", direction, DType::f32).problem);
  set_num_threads(before);
}

TEST_CASE("winograd on tiles that the image cuts, with dilation, and with fewer tiles than threads") {
  const int before = num_threads();
  for (const char* line : {"mb2ic24ih19iw22oc40oh19ow22kh3kw3ph1pw1", "mb1ic20ih21iw18oc33oh17ow14kh3kw3dh1dw1ph0pw0",
                           "mb1ic32ih23iw40oc24oh24ow41kh3kw3dh2dw1ph3pw2", "mb1ic40ih6iw5oc70oh6ow5kh3kw3ph1pw1",
                           "mb3ic24ih9iw9id4oc24oh9ow9od4kd1kh3kw3pd0ph1pw1"})
    for (Direction direction : {Direction::forward, Direction::backward_data}) {
      const ConvProblem problem = parse_problem(line, direction, DType::f32).problem;
      CHECK_NOTHROW(ConvPlan(problem, active_isa(), "winograd4"));
      CHECK_NOTHROW(ConvPlan(problem, active_isa(), "winograd2"));
      check<float>(problem);
    }
  set_num_threads(before);
}

TEST_CASE("winograd with stride 2 on tiles that the image cuts, and with fewer tiles than threads") {
  const int before = num_threads();
  for (const char* line :
       {"mb2ic24ih39iw44oc40oh20ow22kh3kw3sh2sw2ph1pw1", "mb1ic20ih21iw18oc33oh10ow8kh3kw3sh2sw2",
        "mb1ic40ih6iw5oc70oh3ow3kh3kw3sh2sw2ph0pw1", "mb3ic9ih9iw9id4oc24oh5ow5od4kd1kh3kw3sh2sw2ph1pw1"}) {
    const ConvProblem problem = parse_problem(line, Direction::forward, DType::f32).problem;
    CHECK_NOTHROW(ConvPlan(problem, active_isa(), "winograd3_stride2"));
    check<float>(problem);
  }
  set_num_threads(before);
}

TEST_CASE("precision decides whether winograd may run") {
  ConvProblem problem = parse_problem("mb1ic64ih56oc64oh56kh3ph1", Direction::forward, DType::f32).problem;
  CHECK(std::string(ConvPlan(problem, active_isa()).algorithm().name) == "winograd4");
  problem.precision = Precision::strict;
  CHECK(std::string(ConvPlan(problem, active_isa()).algorithm().name) == "direct");
}

TEST_CASE("the list ends with the reference, and plans explain themselves") {
  CHECK(std::string(conv_algorithms().back()->name) == "reference");
  const ConvProblem problem = parse_problem("mb1ic3ih8oc4kh3", Direction::forward, DType::f32).problem;
  const std::string text = ConvPlan(problem, active_isa()).describe();
  CHECK(text.find("ic3oc4_ih8oh6kh3sh1dh0ph0") != std::string::npos);
  CHECK(text.find("-> direct on ") != std::string::npos);
  CHECK(text.find("depthwise: more than one channel a group") != std::string::npos);
  CHECK(text.find("winograd4: so few products") != std::string::npos);
  CHECK_THROWS_AS(ConvPlan(problem, active_isa(), "fft"), std::invalid_argument);
  CHECK_THROWS_AS(ConvPlan(problem, active_isa(), "depthwise"), std::invalid_argument);
}
