// result_memory.cpp: freed blocks in a ring of slots that are taken and filled without a lock, so that a child forked
// at any moment finds them usable.
#include "result_memory.h"

#include <array>
#include <atomic>

namespace pyconv {
namespace {

constexpr size_t kSlots = kMaxKeptResultBytes / kMinResultBytes;

std::array<std::atomic<ResultBlock*>, kSlots> slots;
std::atomic<int64_t> kept{0};       // bytes in them
std::atomic<size_t> next_place{0};  // where the next one goes: what lies there has been kept longest

std::unique_ptr<ResultBlock> empty(std::atomic<ResultBlock*>& slot) {
  std::unique_ptr<ResultBlock> block;
  if (slot.load(std::memory_order_relaxed) != nullptr) block.reset(slot.exchange(nullptr));
  if (block) kept -= block->bytes;
  return block;
}

// The block goes into the slot, and what lay there is freed.
void put(std::atomic<ResultBlock*>& slot, std::unique_ptr<ResultBlock> block) {
  kept += block->bytes;
  const std::unique_ptr<ResultBlock> before(slot.exchange(block.release()));
  if (before) kept -= before->bytes;
}

// A block may be larger by a quarter than what it is to hold: then an image of a few lines less still finds it, and
// little memory lies idle.
bool fits(const ResultBlock& block, int64_t bytes) {
  return block.bytes >= bytes && block.bytes - block.bytes / 4 <= bytes;
}

}  // namespace

std::unique_ptr<ResultBlock> take_result(int64_t bytes) {
  // What was kept last comes first: the caches may still hold some of it.
  const size_t newest = next_place + kSlots - 1;
  for (size_t age = 0; age < kSlots; ++age) {
    std::atomic<ResultBlock*>& slot = slots[(newest - age) % kSlots];
    std::unique_ptr<ResultBlock> block = empty(slot);
    if (!block) continue;
    if (fits(*block, bytes)) return block;
    put(slot, std::move(block));
  }
  return std::make_unique<ResultBlock>(make_buffer(bytes), bytes);
}

void give_back_result(std::unique_ptr<ResultBlock> block) {
  if (block->bytes > kMaxKeptResultBytes) return;
  const size_t place = next_place++;
  put(slots[place % kSlots], std::move(block));
  for (size_t age = kSlots - 1; age > 0 && kept > kMaxKeptResultBytes; --age) empty(slots[(place - age) % kSlots]);
}

void release_results() {
  for (std::atomic<ResultBlock*>& slot : slots) empty(slot);
}

int64_t kept_result_bytes() { return kept; }

}  // namespace pyconv
