// parallel.cpp: parallel_for on OpenMP, or on std::thread where there is none (or where ThreadSanitizer must see it).
#include "parallel.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <thread>
#include <vector>

#ifdef _OPENMP
#include <omp.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#endif

namespace pyconv {
namespace {

// Waking a second thread costs 1 to 4 us; one core does about 1e5 operations in 1 us.
constexpr int64_t kMinOperationsPerThread = 400'000;

// A forked child inherits OpenMP's records of threads that do not exist in it, and would wait for them for ever.
std::atomic<bool> forked_with_threads{false};
std::atomic<bool> threads_started{false};
thread_local bool inside_parallel_for = false;

// The CPUs that a container's quota pays for, or a large number without a quota.
int cgroup_cpus() {
  double quota = 0, period = 0;
  if (std::FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    if (std::fscanf(file, "%lf %lf", &quota, &period) != 2) quota = 0;  // "max 100000": no quota
    std::fclose(file);
  }
  return quota > 0 && period > 0 ? std::max(1, static_cast<int>(std::ceil(quota / period))) : 1 << 16;
}

int default_threads() {
#ifdef _OPENMP
  const int cpus = omp_get_max_threads();
#else
  const int cpus = static_cast<int>(std::thread::hardware_concurrency());
#endif
  return std::max(1, std::min(cpus, cgroup_cpus()));
}

std::atomic<int>& thread_count() {
  static std::atomic<int> count = [] {
#ifndef _WIN32
    pthread_atfork(nullptr, nullptr, [] { forked_with_threads = threads_started.load(); });
#endif
    return default_threads();
  }();
  return count;
}

}  // namespace

int num_threads() { return forked_with_threads ? 1 : thread_count().load(); }

void set_num_threads(int count) { thread_count() = std::max(1, count); }

const char* threading_name() {
#ifdef _OPENMP
#define PYCONV_TEXT(x) #x
#define PYCONV_VALUE(x) PYCONV_TEXT(x)
  return "OpenMP " PYCONV_VALUE(_OPENMP);
#else
  return "std::thread";
#endif
}

int threads_for(int64_t operations) {
  return static_cast<int>(std::clamp<int64_t>(operations / kMinOperationsPerThread, 1, num_threads()));
}

void parallel_for(int64_t tasks, int threads, const std::function<void(int64_t begin, int64_t end, int thread)>& body) {
  const int parts = static_cast<int>(std::min<int64_t>(tasks, std::min(threads, num_threads())));
  if (parts <= 1 || inside_parallel_for) {
    if (tasks > 0) body(0, tasks, 0);
    return;
  }
  threads_started = true;
  const auto run_part = [&](int part) {
    inside_parallel_for = true;
    body(tasks * part / parts, tasks * (part + 1) / parts, part);
    inside_parallel_for = false;
  };
#ifdef _OPENMP
  // A team may come out smaller than asked for (OMP_THREAD_LIMIT): the loop still runs every part.
#pragma omp parallel for schedule(static, 1) num_threads(parts)
  for (int part = 0; part < parts; ++part) run_part(part);
#else
  std::vector<std::jthread> team;
  for (int part = 1; part < parts; ++part) team.emplace_back(run_part, part);
  run_part(0);
#endif
}

}  // namespace pyconv
