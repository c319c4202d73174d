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

std::unique_ptr<WorkspaceBlock> take() {
  for (std::atomic<WorkspaceBlock*>& slot : slots)
    if (slot.load(std::memory_order_relaxed) != nullptr)
      if (WorkspaceBlock* block = slot.exchange(nullptr)) return std::unique_ptr<WorkspaceBlock>(block);
  return std::make_unique<WorkspaceBlock>();
}

}  // namespace

Workspace::Workspace(int64_t bytes) {
  if (bytes == 0) return;
  block_ = take();
  if (block_->bytes >= bytes) return;
  block_->memory.reset();  // first, so that the two are never there together
  block_->bytes = 0;
  block_->memory = make_buffer(bytes);
  block_->bytes = bytes;
}

Workspace::~Workspace() {
  if (!block_ || block_->bytes > kMaxKeptBytes) return;
  for (std::atomic<WorkspaceBlock*>& slot : slots) {
    WorkspaceBlock* empty = nullptr;
    if (slot.compare_exchange_strong(empty, block_.get())) {
      block_.release();
      return;
    }
  }
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
    WorkspaceBlock* empty = nullptr;
    if (slot.compare_exchange_strong(empty, block.get())) block.release();
  }
  return total;
}

}  // namespace pyconv
