// parallel.cpp: parallel_for on a pool of threads that the process shares.
//
// Not OpenMP, whose regions end only when every thread of the team has been there: one thread that waits for its turn
// behind another process then stops all. Here every thread has a part that it begins with, job after job, so that what
// it wrote is found in its own cache; then it takes any that nobody has begun. A forked child gets a pool of its own,
// and a process with an OpenMP runtime no second one.
#include "parallel.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#endif

namespace pyconv {
namespace {

using Body = std::function<void(int64_t begin, int64_t end, int part)>;

// One core does about 1e5 operations in a microsecond. Waking another takes a few, sharing with one that is awake less
// than one.
constexpr int64_t kWorthWaking = 400'000, kWorthSharing = 150'000;  // operations for each thread

// So many jobs worth sharing, one soon after the other, are worth a wake-up together.
constexpr int kBurst = 32;

// How long an idle thread looks for the next job before it sleeps. Waking it takes 5 us, on a virtual machine 35 to
// 120 us, so it should outlast the Python and NumPy between two layers; it yields to any other thread meanwhile.
constexpr std::chrono::microseconds kSpin{2000};

constexpr int kMaxThreads = 1024;  // each has 8 bytes in the pool

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until done() or kSpin has passed; returns whether done.
template <class Done>
bool spin_until(Done done) {
  const auto deadline = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
      relax();
    }
    std::this_thread::yield();
  } while (std::chrono::steady_clock::now() < deadline);
  return done();
}

// Which CPUs the pool's threads may use.
class Placement {
 public:
#ifdef __linux__
  void add(pthread_t thread) {
    threads_.push_back(thread);
    placed_ = {};
  }

  // Lets the threads run wherever the caller may, but not on the CPU that it is on. Linux likes to wake a thread where
  // its waker runs: on two CPUs, after 200 ms of idleness, that was every other time, and then the thread waits for a
  // slice of the caller's time while the other CPU has nothing to do.
  void leave_callers_cpu() {
    cpu_set_t cpus;
    const int here = sched_getcpu();
    if (here < 0 || sched_getaffinity(0, sizeof cpus, &cpus) != 0) return;
    if (CPU_COUNT(&cpus) > 1) CPU_CLR(here, &cpus);
    if (CPU_EQUAL(&cpus, &placed_)) return;
    for (const pthread_t thread : threads_) pthread_setaffinity_np(thread, sizeof cpus, &cpus);
    placed_ = cpus;
  }

 private:
  std::vector<pthread_t> threads_;
  cpu_set_t placed_{};  // none before they have been placed
#else
  void add(std::thread::native_handle_type) {}
  void leave_callers_cpu() {}
#endif
};

thread_local bool inside_part = false;

class Pool {
 public:
  // Runs body for parts equal parts of tasks and returns when all are done; false, with nothing run, when the pool is
  // at work for another thread.
  bool run(int64_t tasks, int parts, const Body& body) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return false;
    hire(parts - 1);
    if (awake_ < workers_) placement_.leave_callers_cpu();
    body_ = &body;
    tasks_ = tasks;
    done_ = 0;
    state_ = ((state_ >> kPartsBits) + 1) << kPartsBits | static_cast<uint64_t>(parts);
    state_.notify_all();
    run_parts(0);
    if (!spin_until([&] { return done_ == parts; }))
      for (int done = done_; done != parts; done = done_) done_.wait(done);
    return true;
  }

  // How many threads look for a job or do one.
  int awake() const { return awake_; }

 private:
  // Takes the thread's own part of the present job and then those that nobody has begun. All parts of a job are taken
  // before it ends, so none can be taken for a job that is over; and one that was taken keeps the job alive.
  void run_parts(int thread) {
    const uint64_t state = state_, job = state >> kPartsBits;
    const int parts = static_cast<int>(state & ((1 << kPartsBits) - 1));
    for (int next = 0; next < parts; ++next) {
      const int part = (thread + next) % parts;
      uint64_t last = taken_[part];
      if (last >= job || !taken_[part].compare_exchange_strong(last, job)) continue;
      inside_part = true;
      (*body_)(tasks_* part / parts, tasks_ * (part + 1) / parts, part);
      inside_part = false;
      if (++done_ == parts) done_.notify_all();
    }
  }

  // A system that gives no more threads only makes the job slower.
  void hire(int workers) try {
    for (; workers_ < workers; ++workers_) {
      std::thread worker([this, thread = workers_ + 1] { work(thread); });
      placement_.add(worker.native_handle());
      worker.detach();
      ++awake_;
    }
  } catch (const std::system_error&) {
  }

  [[noreturn]] void work(int thread) {
    while (true) {
      const uint64_t seen = state_;
      run_parts(thread);
      const auto new_job = [&] { return state_ != seen; };
      if (spin_until(new_job)) continue;
      --awake_;
      for (uint64_t state = state_; !new_job(); state = state_) state_.wait(state);
      ++awake_;
    }
  }

  std::mutex mutex_;  // held by the thread whose job runs
  int workers_ = 0;
  Placement placement_;
  std::atomic<int> awake_{0};
  const Body* body_ = nullptr;
  int64_t tasks_ = 0;
  static constexpr int kPartsBits = 16;
  std::atomic<uint64_t> state_{0};                          // job number << kPartsBits | parts
  std::array<std::atomic<uint64_t>, kMaxThreads> taken_{};  // by part, the last job in which it was taken
  std::atomic<int> done_{0};                                // parts of the job that are finished
};

// Never destroyed: its threads may outlive every static object. Replaced in a forked child, where they do not exist.
std::atomic<Pool*>& pool() {
  static std::atomic<Pool*> instance = [] {
#ifndef _WIN32
    pthread_atfork(nullptr, nullptr, [] { pool() = new Pool; });
#endif
    return new Pool;
  }();
  return instance;
}

// Whether this is the last of kBurst calls that came one soon after the other, from any threads.
bool ends_burst() {
  static std::atomic<std::chrono::steady_clock::time_point> last{};
  static std::atomic<int> calls{0};
  const auto now = std::chrono::steady_clock::now();
  if (now - last.exchange(now, std::memory_order_relaxed) > kSpin) calls = 0;
  if (++calls < kBurst) return false;
  calls = 0;
  return true;
}

// The CPUs that a container's quota pays for, or a large number without a quota.
int cgroup_cpus() {
  double quota = 0, period = 0;
  if (std::FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    if (std::fscanf(file, "%lf %lf", &quota, &period) != 2) quota = 0;  // "max 100000": no quota
    std::fclose(file);
  }
  return quota > 0 && period > 0 ? std::max(1, static_cast<int>(std::ceil(quota / period))) : kMaxThreads;
}

int affinity_cpus() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  return static_cast<int>(std::thread::hardware_concurrency());
}

int default_threads() {
  const char* wish = std::getenv("OMP_NUM_THREADS");
  if (const int count = wish ? std::atoi(wish) : 0; count > 0) return std::min(count, kMaxThreads);
  return std::max(1, std::min(affinity_cpus(), cgroup_cpus()));
}

std::atomic<int>& thread_count() {
  static std::atomic<int> count = default_threads();
  return count;
}

}  // namespace

int num_threads() { return thread_count(); }

void set_num_threads(int count) { thread_count() = std::clamp(count, 1, kMaxThreads); }

int threads_for(int64_t operations) {
  if (inside_part) return 1;
  const auto at_least = [&](int64_t each) {
    return static_cast<int>(std::clamp<int64_t>(operations / each, 1, num_threads()));
  };
  const int to_wake = at_least(kWorthWaking), to_share = at_least(kWorthSharing);
  if (to_share == to_wake) return to_wake;
  const int awake = 1 + pool().load()->awake();
  if (awake < to_share && ends_burst()) return to_share;
  return std::max(to_wake, std::min(to_share, awake));
}

void parallel_for(int64_t tasks, int threads, const Body& body) {
  const int parts = static_cast<int>(std::min<int64_t>(tasks, threads));
  if (parts > 1 && !inside_part && pool().load()->run(tasks, parts, body)) return;
  if (tasks > 0) body(0, tasks, 0);
}

}  // namespace pyconv
