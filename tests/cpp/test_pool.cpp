// test_pool.cpp: pooling and padding in one dimension, where the answer can be written down.
#include <doctest/doctest.h>

#include <vector>

#include "dispatch.h"
#include "pad.h"
#include "pool.h"

using namespace pyconv;

TEST_CASE("windows leave padding out of maxima, averages and gradients") {
  const std::vector<float> src = {-5, -1, -1, -3, -8}, diff = {10, 20, 30};
  const Window window{{5}, {3}, {2}, {1}, {{1, 1}}};
  for (const KernelTable* table : available_isas()) {
    std::vector<float> dst(3), diff_src(5);
    const PoolProblem largest = make_pool_problem("max_pool", PoolKind::max, DType::f32, 1, 1, window);
    pool_forward(PoolPlan(largest, *table), src.data(), dst.data());
    CHECK(dst == std::vector<float>{-1, -1, -3});
    pool_backward(PoolPlan(largest, *table), src.data(), diff.data(), diff_src.data());
    CHECK(diff_src == std::vector<float>{0, 30, 0, 30, 0});
    const PoolProblem mean = make_pool_problem("average_pool", PoolKind::average, DType::f32, 1, 1, window);
    pool_forward(PoolPlan(mean, *table), src.data(), dst.data());
    CHECK(dst[0] == -3.0f);
    CHECK(dst[2] == -5.5f);
    pool_backward(PoolPlan(mean, *table), nullptr, diff.data(), diff_src.data());
    CHECK(diff_src[0] == 5.0f);
    CHECK(diff_src[4] == 15.0f);
  }
}

TEST_CASE("pad fills round the source") {
  const std::vector<double> src = {1, 2, 3, 4};
  const PadProblem problem = make_pad_problem(DType::f64, {2, 2}, {1, 0}, {0, 1});
  std::vector<double> dst(9);
  pad(problem, src.data(), 7, dst.data());
  CHECK(dst == std::vector<double>{7, 7, 7, 1, 2, 7, 3, 4, 7});
}
