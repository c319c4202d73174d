// parallel.cpp: parallel_for on a pool of threads that the process shares.
//
// Not OpenMP, whose regions end only when every thread of the team has been there: one thread that waits for its turn
// behind another process then stops all. Here every thread has a part that it begins with, job after job, so that what
// it wrote is found in its own cache; then it helps the others with what they have not begun, for a core may be half as
// fast as its neighbour: virtual ones share theirs with strangers. A forked child gets a pool of its own, and a process
// with an OpenMP runtime no second one.
#include "parallel.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif
#ifndef _WIN32
#include <pthread.h>
#endif

#include "cpu_quota.h"

#ifdef __ELF__
// Null unless the program has an OpenMP runtime that is visible to all of it.
extern "C" __attribute__((weak, visibility("default"))) int omp_in_parallel();
#endif

namespace pyconv {
namespace {

// One core does about 1e5 operations in a microsecond. Waking another takes a few; sharing with one that is awake takes
// half of one, and up to three where cache lines move far between the cores.
constexpr int64_t kWorthWaking = 400'000, kWorthSharing = 150'000;  // operations for each thread

// So many jobs worth sharing, one soon after the other, are worth a wake-up together.
constexpr int kBurst = 32;

// How long an idle thread looks for the next job before it sleeps. Waking it takes 5 us, on a virtual machine 35 to
// 120 us, so it should outlast the Python and NumPy between two layers; it yields to any other thread meanwhile.
constexpr std::chrono::microseconds kSpin{2000};

constexpr int kMaxThreads = 1024;  // each has a line of cache in the pool

// A part consists of so many slices. Its thread takes kFirst of them at once, the rest in ever smaller pieces that
// others may take instead: of two cores they balance one that is up to 1.7 times as slow, 3/4 r < 2 r / (1 + r).
constexpr uint64_t kSlices = 16, kFirst = 12;

// A piece costs 0.3 to 0.5 us: shorter jobs are cut no further.
constexpr std::chrono::microseconds kWorthCutting{10};

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
  // slice of the caller's time while the other CPU has nothing to do. And a caller that is moved to a thread's CPU may
  // stay there. Asked before each job: what the caller may use is looked up where it moved or a thread sleeps.
  void leave_callers_cpu(bool all_awake) {
    cpu_set_t cpus;
    const int here = sched_getcpu();
    if (here < 0 || (all_awake && here == callers_cpu_) || sched_getaffinity(0, sizeof cpus, &cpus) != 0) return;
    callers_cpu_ = here;
    if (CPU_COUNT(&cpus) > 1) CPU_CLR(here, &cpus);
    if (CPU_EQUAL(&cpus, &placed_)) return;
    for (const pthread_t thread : threads_) pthread_setaffinity_np(thread, sizeof cpus, &cpus);
    placed_ = cpus;
  }

 private:
  std::vector<pthread_t> threads_;
  cpu_set_t placed_{};  // none before they have been placed
  int callers_cpu_ = -1;
#else
  void add(std::thread::native_handle_type) {}
  void leave_callers_cpu(bool) {}
#endif
};

thread_local bool inside_part = false;

// Within a part, or within a region of a program's own OpenMP, where every core has work already.
bool must_run_alone() {
#ifdef __ELF__
  if (omp_in_parallel != nullptr && omp_in_parallel()) return true;
#endif
  return inside_part;
}

// The slices of a thread's part that nobody has taken, and of which job they are.
class alignas(64) Rest {
 public:
  void begin(uint64_t job) { word_ = job << kJobShift | kSlices; }

  // Takes as many slices as amount(how many are left) says, in front or behind, and returns [first, last). None where
  // the part is of another job.
  template <class Amount>
  std::pair<uint64_t, uint64_t> take(uint64_t job, bool in_front, Amount amount) {
    uint64_t word = word_;
    while (word >> kJobShift == job) {
      const uint64_t first = word >> kFirstShift & kMask, last = word & kMask, left = last - first;
      if (left == 0) break;
      const uint64_t count = amount(left), begin = in_front ? first : last - count, end = begin + count;
      const uint64_t rest = in_front ? end << kFirstShift | last : first << kFirstShift | begin;
      if (word_.compare_exchange_weak(word, job << kJobShift | rest)) return {begin, end};
    }
    return {0, 0};
  }

 private:
  static constexpr int kFirstShift = 8, kJobShift = 16;
  static constexpr uint64_t kMask = 255;
  std::atomic<uint64_t> word_{0};  // job << 16 | first << 8 | last
};

class Pool {
 public:
  // Runs body for all tasks, an equal part of them for each thread, and returns when all are done; false, with nothing
  // run, when the pool is at work for another thread.
  bool run(int64_t tasks, int threads, const Body& body) {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return false;
    hire(threads - 1);
    placement_.leave_callers_cpu(awake_ == workers_);
    body_ = &body;
    tasks_ = tasks;
    threads_ = threads;
    left_ = kSlices * static_cast<uint64_t>(threads);
    const uint64_t job = (state_ >> kThreadsBits) + 1;
    for (int part = 0; part < threads; ++part) rests_[part].begin(job);
    state_ = job << kThreadsBits | static_cast<uint64_t>(threads);
    state_.notify_all();
    take_part(0);
    if (!spin_until([&] { return left_ == 0; }))
      for (uint64_t left = left_; left != 0; left = left_) left_.wait(left);
    return true;
  }

  // How many threads look for a job or do one.
  int awake() const { return awake_; }

 private:
  // Works on the thread's own part of the present job, then on what is left of the others'. Whoever has taken slices
  // of a job keeps it alive, so they are never of a job that is over.
  void take_part(int thread) {
    const uint64_t state = state_, job = state >> kThreadsBits;
    const int threads = static_cast<int>(state & ((1 << kThreadsBits) - 1));
    if (thread >= threads) return;  // the job has no workspace for it
    const auto start = std::chrono::steady_clock::now();
    const auto amount = [&](uint64_t left) {
      const bool is_short = std::chrono::steady_clock::now() - start < kWorthCutting;
      return is_short ? left : (left + 1) / 2;
    };
    run_slices(thread, thread, rests_[thread].take(job, true, [](uint64_t left) { return std::min(left, kFirst); }));
    for (int next = 0; next < threads; ++next) {
      const int part = (thread + next) % threads;
      while (run_slices(thread, part, rests_[part].take(job, next == 0, amount))) {
      }
    }
  }

  // Returns whether there were any.
  bool run_slices(int thread, int part, std::pair<uint64_t, uint64_t> slices) {
    const auto [first, last] = slices;
    if (first == last) return false;
    const auto all = static_cast<int64_t>(kSlices) * threads_;
    const auto task_of = [&](uint64_t slice) {
      return tasks_ * (static_cast<int64_t>(kSlices) * part + static_cast<int64_t>(slice)) / all;
    };
    const int64_t begin = task_of(first), end = task_of(last);
    if (begin < end) {
      inside_part = true;
      (*body_)(begin, end, thread);
      inside_part = false;
    }
    if ((left_ -= last - first) == 0) left_.notify_all();
    return true;
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
      take_part(thread);
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
  int threads_ = 0;
  static constexpr int kThreadsBits = 16;
  std::atomic<uint64_t> state_{0};         // job number << kThreadsBits | threads
  std::array<Rest, kMaxThreads> rests_{};  // by part
  std::atomic<uint64_t> left_{0};          // slices of the job that are not finished
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
  const int quota = quota_cpus();
  return std::max(1, quota > 0 ? std::min(affinity_cpus(), quota) : affinity_cpus());
}

std::atomic<int>& thread_count() {
  static std::atomic<int> count = default_threads();
  return count;
}

}  // namespace

int num_threads() { return thread_count(); }

void set_num_threads(int count) { thread_count() = std::clamp(count, 1, kMaxThreads); }

int threads_for(int64_t operations) {
  if (must_run_alone()) return 1;
  const auto at_least = [&](int64_t each) {
    return static_cast<int>(std::clamp<int64_t>(operations / each, 1, num_threads()));
  };
  const int to_wake = at_least(kWorthWaking), to_share = at_least(kWorthSharing);
  if (to_share == to_wake) return to_wake;
  const int awake = 1 + pool().load()->awake();
  if (awake < to_share && ends_burst()) return to_share;
  return std::max(to_wake, std::min(to_share, awake));
}

void share_tasks(int64_t tasks, int threads, const Body& body) {
  const int parts = static_cast<int>(std::min<int64_t>(tasks, threads));
  if (parts > 1 && !must_run_alone() && pool().load()->run(tasks, parts, body)) return;
  if (tasks > 0) body(0, tasks, 0);
}

}  // namespace pyconv
