// result_memory.h: memory for large results, kept when the result is freed, for the next one of about that size. Not
// for scratch memory, which is workspace.h's, and not for results so small that the allocator keeps them itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "buffer.h"

namespace pyconv {

// What is smaller is better left to the allocator. The GNU one returns to the system what lies free at the end of its
// memory, as a training step's results do when it ends, and single results from 32 MB on; new pages are zeroed, which
// took as long as the convolution for 3 to 16 channels, and in a profile most of the gradient of a relu.
constexpr int64_t kMinResultBytes = int64_t{1} << 20;

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
