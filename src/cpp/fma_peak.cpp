// fma_peak.cpp: the kernel `peak` on each thread, timed.
#include "fma_peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "dispatch.h"
#include "parallel.h"

namespace pyconv {
namespace {

// 7 ms at 16 lanes and a multiply-add of 12 registers in 3.4 ns: waking a thread (0.1 ms at worst) doesn't count, and
// some run falls between two disturbances.
constexpr int64_t kSteps = 1 << 21;

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

double fma_peak(int threads, double seconds) {
  double best = 0;
  const double end = seconds_now() + seconds;
  do {
    std::atomic<int64_t> flops = 0;
    const double start = seconds_now();
    parallel_for(threads, threads, [&](int64_t begin, int64_t finish, int) {
      for (int64_t part = begin; part < finish; ++part) {
        float sink[2] = {0.5f, 1.0f};  // x = x / 2 + 1 stays near 2
        flops += active_isa().f32.peak(kSteps, sink);
      }
    });
    best = std::max(best, static_cast<double>(flops) / (seconds_now() - start));
  } while (seconds_now() < end);
  return best;
}

}  // namespace pyconv
