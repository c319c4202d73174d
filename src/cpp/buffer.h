// buffer.h: uninitialised memory aligned to a cache line. No growth, no sharing: one owner, one size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace pyconv {

// A cache line, and the widest vector of any ISA.
constexpr int64_t kAlignment = 64;

constexpr int64_t align_up(int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

// What takes more bytes than half of an L3 cache comes from memory, and goes there.
constexpr int64_t kUncachedBytes = 16 * 1024 * 1024;

// Whether rows of `length` numbers, each so many after the one before, are whole cache lines: only such can be
// streamed.
template <class T>
bool are_cache_lines(const T* rows, int64_t distance, int64_t length) {
  constexpr int64_t line = kAlignment / static_cast<int64_t>(sizeof(T));
  return reinterpret_cast<uintptr_t>(rows) % kAlignment == 0 && distance % line == 0 && length % line == 0;
}

struct AlignedDelete {
  void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{kAlignment}); }
};
using Buffer = std::unique_ptr<std::byte[], AlignedDelete>;

// Throws std::bad_alloc. Large buffers are put on huge pages where the system has them to give.
Buffer make_buffer(int64_t bytes);

}  // namespace pyconv
