// parallel.h: shares work among threads. The only threading in the project; nothing here knows arrays.
#pragma once

#include <cstdint>
#include <functional>

namespace pyconv {

// How many threads parallel_for uses at most. The first value is OMP_NUM_THREADS or what the process's CPU affinity and
// its cgroup's CPU quota allow.
int num_threads();
void set_num_threads(int count);

// How many threads a job of this many arithmetic operations is worth. Fewer while the others sleep, for waking them
// costs more than sharing with them; one for a job that is small even so, or that is within another's part or an OpenMP
// region.
int threads_for(int64_t operations);

// parallel_for, below, for any function.
using Body = std::function<void(int64_t begin, int64_t end, int thread)>;
void share_tasks(int64_t tasks, int threads, const Body& body);

// Calls body(begin, end, thread) for pieces of [0, tasks), each once, on the calling thread and on others, and returns
// when all are done. A thread, numbered from 0 and less than threads, works on one piece after the other: first on most
// of an equal part, then on what nobody has begun. body must not throw. Calls from within body or an OpenMP region of
// the program's, and calls while another thread's job runs, make a single piece of it all.
template <class F>
void parallel_for(int64_t tasks, int threads, const F& body) {
  share_tasks(tasks, threads, std::cref(body));  // a function that holds more than a reference is allocated
}

}  // namespace pyconv
