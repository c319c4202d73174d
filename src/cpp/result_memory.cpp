// result_memory.cpp: freed blocks in a ring of slots that are taken and filled without a lock, so that a child forked
// at any moment finds them usable.
#include "result_memory.h"

#include <array>
#include <atomic>

namespace pyconv {
namespace {

std::array<std::atomic<ResultBlock*>, kMaxKeptResults> slots;

// What the block in each slot holds, or held: a hint, for a block may not be looked at before it is taken.
std::array<std::atomic<int64_t>, kMaxKeptResults> sizes;

std::atomic<int64_t> kept{0};       // bytes in them
std::atomic<size_t> next_place{0};  // where the next one goes: what lies there has been kept longest

std::unique_ptr<ResultBlock> empty(std::atomic<ResultBlock*>& slot) {
  std::unique_ptr<ResultBlock> block;
  if (slot.load(std::memory_order_relaxed) != nullptr) block.reset(slot.exchange(nullptr));
  if (block) kept -= block->bytes;
  return block;
}

// The block goes into the slot, and what lay there is freed.
void put(size_t slot, std::unique_ptr<ResultBlock> block) {
  kept += block->bytes;
  sizes[slot] = block->bytes;
  const std::unique_ptr<ResultBlock> before(slots[slot].exchange(block.release()));
  if (before) kept -= before->bytes;
}

// A block may be larger by a quarter than what it is to hold: then an image of a few lines less still finds it, and
// little memory lies idle.
bool fits(int64_t block, int64_t bytes) { return block >= bytes && block - block / 4 <= bytes; }

}  // namespace

std::unique_ptr<ResultBlock> take_result(int64_t bytes) {
  // What was kept last comes first: the caches may still hold some of it.
  const size_t newest = next_place + kMaxKeptResults - 1;
  for (size_t age = 0; age < kMaxKeptResults; ++age) {
    const size_t slot = (newest - age) % kMaxKeptResults;
    if (!fits(sizes[slot].load(std::memory_order_relaxed), bytes)) continue;
    std::unique_ptr<ResultBlock> block = empty(slots[slot]);
    if (!block) continue;
    if (fits(block->bytes, bytes)) return block;
    put(slot, std::move(block));
  }
  return std::make_unique<ResultBlock>(make_buffer(bytes), bytes);
}

void give_back_result(std::unique_ptr<ResultBlock> block) {
  if (block->bytes > kMaxKeptResultBytes) return;
  const size_t place = next_place++;
  put(place % kMaxKeptResults, std::move(block));
  for (size_t age = kMaxKeptResults - 1; age > 0 && kept > kMaxKeptResultBytes; --age)
    empty(slots[(place - age) % kMaxKeptResults]);
}

void release_results() {
  for (std::atomic<ResultBlock*>& slot : slots) empty(slot);
}

int64_t kept_result_bytes() { return kept; }

}  // namespace pyconv
