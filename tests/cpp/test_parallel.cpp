// test_parallel.cpp: every task once, whatever the number of threads; a slow thread is helped; nesting; settings.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "parallel.h"

using namespace pyconv;

TEST_CASE("parallel_for runs every task once and numbers its threads") {
  const int before = num_threads();
  for (int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    for (int64_t tasks : {0, 1, 2, 7, 100}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(tasks));
      parallel_for(tasks, threads, [&](int64_t begin, int64_t end, int thread) {
        CHECK(thread < threads);
        if (threads > 1 && tasks > 1)
          parallel_for(2, threads, [&](int64_t first, int64_t last, int) { CHECK(last - first == 2); });
        for (int64_t task = begin; task < end; ++task) ++seen[static_cast<size_t>(task)];
      });
      for (const auto& count : seen) CHECK(count == 1);
    }
  }
  set_num_threads(before);
}

TEST_CASE("what a slow thread has not begun is done by another") {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t tasks = 320;
  for (int slow : {0, 1}) {
    std::atomic<int64_t> begun_by_slow = 0, done_by_other = 0;
    std::atomic<bool> gave_up = false;
    parallel_for(tasks, 2, [&](int64_t begin, int64_t end, int thread) {
      if (thread != slow) {
        // Long enough to be cut, and for the slow thread to wake.
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        done_by_other += end - begin;
        return;
      }
      begun_by_slow += end - begin;
      const auto deadline = Clock::now() + std::chrono::seconds(20);
      while (begun_by_slow + done_by_other < tasks && !gave_up) gave_up = Clock::now() > deadline;
    });
    CHECK(!gave_up);
    CHECK(begun_by_slow + done_by_other == tasks);
    CHECK(done_by_other > tasks / 2);
  }
}

TEST_CASE("small jobs stay on one thread") {
  const int before = num_threads();
  set_num_threads(4);
  CHECK(threads_for(0) == 1);
  CHECK(threads_for(1000) == 1);
  CHECK(threads_for(1'000'000'000) == 4);
  set_num_threads(0);
  CHECK(num_threads() == 1);
  set_num_threads(before);
}

TEST_CASE("smaller jobs are shared with threads that are awake, and many of them wake one") {
  const int before = num_threads();
  set_num_threads(2);
  constexpr int64_t small = 400'000;
  const auto shares_within = [&](int calls) {
    for (int call = 1; call <= calls; ++call)
      if (threads_for(small) == 2) return call;
    return 0;
  };
  parallel_for(2, 2, [](int64_t, int64_t, int) {});
  CHECK(shares_within(10'000) > 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // a hundred times as long as a thread stays awake
  CHECK(shares_within(30) == 0);
  CHECK(shares_within(10'000) > 0);
  CHECK(threads_for(small / 2) == 1);
  set_num_threads(before);
}

TEST_CASE("many callers at once each get all their tasks done") {
  const int before = num_threads();
  set_num_threads(3);
  std::vector<std::thread> callers;
  std::atomic<int64_t> total = 0;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int job = 0; job < 500; ++job)
        parallel_for(10, 3, [&](int64_t begin, int64_t end, int) { total += end - begin; });
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(total == 4 * 500 * 10);
  set_num_threads(before);
}
