// parallel.h: cuts work into equal parts for threads. The only threading in the project; nothing here knows arrays.
#pragma once

#include <cstdint>
#include <functional>

namespace pyconv {

// How many threads parallel_for uses at most. The first value honours OMP_NUM_THREADS, the process's CPU affinity and
// its cgroup's CPU quota.
int num_threads();
void set_num_threads(int count);

// "OpenMP 201511" or "std::thread".
const char* threading_name();

// How many threads a job of this many arithmetic operations is worth: one when waking the others costs more.
int threads_for(int64_t operations);

// Calls body(begin, end, thread) for consecutive ranges that cover [0, tasks), one range and thread number
// (0 <= thread < threads) per call. body must not throw. Calls from within such a thread, and calls in a forked child
// whose parent had threads, run on the calling thread alone.
void parallel_for(int64_t tasks, int threads, const std::function<void(int64_t begin, int64_t end, int thread)>& body);

}  // namespace pyconv
