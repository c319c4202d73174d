// unlocked.h: Python's global lock, given up while the core computes.
#pragma once

#include <Python.h>

#ifdef __GLIBCXX__
#include <cxxabi.h>
#include <unistd.h>
#endif

namespace pyconv {

// Gives the lock up for as long as it lives.
//
// A daemon thread that takes the lock back after the interpreter has begun to end is ended by Python up to 3.13 with
// pthread_exit, which in glibc unwinds the stack like an exception: pybind11's gil_scoped_release, whose destructor
// lets none through, then aborts the process, and any destructor of an array on the way would touch an interpreter that
// is gone. Here the thread sleeps until the process has ended, which is what Python does from 3.14 on.
class Unlocked {
 public:
  Unlocked() : state_(PyEval_SaveThread()) {}
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

#ifdef __GLIBCXX__
  ~Unlocked() {
    try {
      PyEval_RestoreThread(state_);
    } catch (const abi::__forced_unwind&) {
      while (true) pause();
    }
  }
#else
  ~Unlocked() { PyEval_RestoreThread(state_); }
#endif

 private:
  PyThreadState* state_;
};

}  // namespace pyconv
