// workspace.h: scratch memory for a run, kept for the next one. Not for results, and not for packed weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "buffer.h"

namespace pyconv {

struct WorkspaceBlock {
  Buffer memory;
  int64_t bytes = 0;
};

// At least this many uninitialised bytes while the object lives; throws std::bad_alloc. Any thread may hold several.
// Nothing is tied to a thread: a run takes a block that an earlier run put back, grown if it is too small, so that
// there are only as many as runs have been under way at once, and none is lost with a thread that ends.
class Workspace {
 public:
  explicit Workspace(int64_t bytes);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  std::byte* get() const { return block_ ? block_->memory.get() : nullptr; }

 private:
  std::unique_ptr<WorkspaceBlock> block_;
};

// Frees the blocks that no run holds.
void release_workspaces();

// Bytes in those blocks.
int64_t kept_workspace_bytes();

}  // namespace pyconv
