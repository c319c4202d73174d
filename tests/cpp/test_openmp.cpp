// test_openmp.cpp: calls from a program's own OpenMP regions, which have given each core a thread already.
#include <doctest/doctest.h>
#include <omp.h>

#include <atomic>
#include <thread>
#include <vector>

#include "parallel.h"

using namespace pyconv;

TEST_CASE("within an OpenMP region a job stays on the thread that calls") {
  const int before = num_threads();
  set_num_threads(4);
  std::atomic<int> callers = 0, pieces = 0, strangers = 0, most_threads = 0;
#pragma omp parallel num_threads(3)
  {
    ++callers;
    const std::thread::id caller = std::this_thread::get_id();
    if (threads_for(1'000'000'000) > 1) most_threads = 4;
    for (int job = 0; job < 100; ++job)
      parallel_for(64, 4, [&](int64_t, int64_t, int) {
        ++pieces;
        if (std::this_thread::get_id() != caller) ++strangers;
      });
  }
  CHECK(callers == 3);
  CHECK(pieces == 100 * callers);
  CHECK(strangers == 0);
  CHECK(most_threads == 0);

  // Before and after it they share as ever.
  CHECK(threads_for(1'000'000'000) == 4);
  std::atomic<int> after = 0;
  parallel_for(64, 4, [&](int64_t, int64_t, int) { ++after; });
  CHECK(after >= 4);
  set_num_threads(before);
}
