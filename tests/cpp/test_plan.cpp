// test_plan.cpp: every algorithm on every table against the reference, all directions, on whole numbers, so exactly.
#include <doctest/doctest.h>

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
        bias(numbers(p.oc)),
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

template <class T>
void check(const ConvProblem& problem) {
  Example<T> expected(problem);
  expected.run(ConvPlan(problem, active_isa(), "reference"));
  for (const KernelTable* table : available_isas())
    for (const ConvAlgorithm* algorithm : conv_algorithms()) {
      if (!algorithm->refuse(problem).empty()) continue;
      const ConvPlan plan(problem, *table, algorithm->name);
      CAPTURE(plan.describe());
      for (int threads : {1, 3}) {
        set_num_threads(threads);
        Example<T> actual(problem);
        actual.run(plan);
        CHECK(actual == expected);
      }
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

TEST_CASE("the list ends with the reference, and plans explain themselves") {
  CHECK(std::string(conv_algorithms().back()->name) == "reference");
  const ConvProblem problem = parse_problem("mb1ic3ih8oc4kh3", Direction::forward, DType::f32).problem;
  const std::string text = ConvPlan(problem, active_isa()).describe();
  CHECK(text.find("ic3oc4_ih8oh6kh3sh1dh0ph0") != std::string::npos);
  CHECK(text.find("-> direct on ") != std::string::npos);
  CHECK(text.find("depthwise: more than one channel a group") != std::string::npos);
  CHECK_THROWS_AS(ConvPlan(problem, active_isa(), "fft"), std::invalid_argument);
  CHECK_THROWS_AS(ConvPlan(problem, active_isa(), "depthwise"), std::invalid_argument);
}
