// workspace.cpp: the blocks that wait for a run, in slots that are taken and filled without a lock, so that a child
// forked at any moment finds them usable.
#include "workspace.h"

#include <array>
#include <atomic>

namespace pyconv {
namespace {

// More calls than this at once leave a block to be freed, which costs them only the time.
constexpr size_t kSlots = 16;

// A larger block goes back to the system after its run: getting 64 MiB anew takes some 15 ms of page faults, little
// beside a run that fills them, while keeping one would double the memory of a model that needs it once.
constexpr int64_t kMaxKeptBytes = int64_t{64} << 20;

std::array<std::atomic<WorkspaceBlock*>, kSlots> slots;

// What the block in each slot holds, or held: a hint, for a block may not be looked at before it is taken.
std::array<std::atomic<int64_t>, kSlots> sizes;

// Whether a block of `bytes` serves better than one of `other`: the smallest that is large enough, else the largest.
// A program and the convolutions inside it so keep to their own, and neither grows to the size of the other's.
bool serves_better(int64_t bytes, int64_t other, int64_t wanted) {
  if (bytes >= wanted && other >= wanted) return bytes < other;
  return bytes > other;
}

std::unique_ptr<WorkspaceBlock> take(int64_t wanted) {
  for (size_t tries = 0; tries < kSlots; ++tries) {
    size_t best = kSlots;
    for (size_t slot = 0; slot < kSlots; ++slot)
      if (slots[slot].load(std::memory_order_relaxed) != nullptr &&
          (best == kSlots || serves_better(sizes[slot], sizes[best], wanted)))
        best = slot;
    if (best == kSlots) break;
    if (WorkspaceBlock* block = slots[best].exchange(nullptr)) return std::unique_ptr<WorkspaceBlock>(block);
  }
  return std::make_unique<WorkspaceBlock>();
}

// Puts a block into an empty slot; false if there is none.
bool put(WorkspaceBlock* block) {
  const int64_t bytes = block->bytes;
  for (size_t slot = 0; slot < kSlots; ++slot) {
    WorkspaceBlock* empty = nullptr;
    if (!slots[slot].compare_exchange_strong(empty, block)) continue;
    sizes[slot] = bytes;
    return true;
  }
  return false;
}

}  // namespace

Workspace::Workspace(int64_t bytes) {
  if (bytes == 0) return;
  block_ = take(bytes);
  if (block_->bytes >= bytes) return;
  block_->memory.reset();  // first, so that the two are never there together
  block_->bytes = 0;
  block_->memory = make_buffer(bytes);
  block_->bytes = bytes;
}

Workspace::~Workspace() {
  if (!block_ || block_->bytes > kMaxKeptBytes) return;
  if (put(block_.get())) block_.release();
}

void release_workspaces() {
  for (std::atomic<WorkspaceBlock*>& slot : slots) delete slot.exchange(nullptr);
}

int64_t kept_workspace_bytes() {
  // Each block is taken out while it is looked at: another thread might free it otherwise.
  int64_t total = 0;
  for (std::atomic<WorkspaceBlock*>& slot : slots) {
    std::unique_ptr<WorkspaceBlock> block(slot.exchange(nullptr));
    if (!block) continue;
    total += block->bytes;
    if (put(block.get())) block.release();
  }
  return total;
}

}  // namespace pyconv
