// result_memory.h: memory for results, kept when the result is freed, for the next one of about that size. Not for
// scratch memory, which is workspace.h's, and not for results so small that the allocator keeps them itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "buffer.h"

namespace pyconv {

// What is smaller is better left to the allocator. The GNU one returns to the system what lies free at the end of its
// memory, down to the last 128 KB: where that is, other allocations decide, so that one process gets new pages at each
// call and the next one none. New pages are zeroed, which made a pointwise convolution with a result of 588 KB take
// four times as long, and was most of the gradient of a relu.
constexpr int64_t kMinResultBytes = int64_t{128} << 10;

// The most results that are kept, so that looking for one takes no time that shows.
constexpr size_t kMaxKeptResults = 256;

// The most that is kept for results to come, all in all: two results of 1920 x 1080 x 16 floats, as where one is still
// held while the next is made.
constexpr int64_t kMaxKeptResultBytes = int64_t{256} << 20;

struct ResultBlock {
  Buffer memory;
  int64_t bytes = 0;
};

// At least this many uninitialised bytes; throws std::bad_alloc. From any number of threads.
std::unique_ptr<ResultBlock> take_result(int64_t bytes);

// Keeps the block for a later result, or frees it; what was kept longest goes first.
void give_back_result(std::unique_ptr<ResultBlock> block);

// Frees what is kept.
void release_results();

// Bytes kept.
int64_t kept_result_bytes();

}  // namespace pyconv
