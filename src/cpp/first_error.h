// first_error.h: an exception's way out of a part of parallel_for, which must not throw.
#pragma once

#include <exception>
#include <mutex>

namespace pyconv {

// The first exception of several threads, thrown again by the one that called them.
class FirstError {
 public:
  template <class F>
  void guard(F&& f) noexcept {
    try {
      f();
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace pyconv
