// test_workspace.cpp: blocks are kept for the next run, never shared, and bounded.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "workspace.h"

using namespace pyconv;

TEST_CASE("a block is kept, grown and given back") {
  release_workspaces();
  CHECK(kept_workspace_bytes() == 0);
  {
    const Workspace none(0);
  }
  CHECK(kept_workspace_bytes() == 0);
  std::byte* first = nullptr;
  {
    const Workspace workspace(1000);
    first = workspace.get();
    CHECK(reinterpret_cast<uintptr_t>(first) % kAlignment == 0);
    CHECK(kept_workspace_bytes() == 0);  // it is in use
  }
  CHECK(kept_workspace_bytes() == 1000);
  CHECK(Workspace(10).get() == first);
  {
    const Workspace larger(5000);
  }
  CHECK(kept_workspace_bytes() == 5000);
  release_workspaces();
  CHECK(kept_workspace_bytes() == 0);
}

TEST_CASE("a very large block isn't kept") {
  release_workspaces();
  {
    const Workspace workspace((int64_t{64} << 20) + 1);
  }
  CHECK(kept_workspace_bytes() == 0);
}

TEST_CASE("workspaces that live at once are different, and at most 16 are kept") {
  release_workspaces();
  {
    std::vector<std::unique_ptr<Workspace>> many;
    for (int i = 0; i < 20; ++i) {
      many.push_back(std::make_unique<Workspace>(64));
      for (int j = 0; j < i; ++j) CHECK(many[static_cast<size_t>(i)]->get() != many[static_cast<size_t>(j)]->get());
    }
  }
  CHECK(kept_workspace_bytes() == 16 * 64);
  release_workspaces();
}

TEST_CASE("threads that take, fill and release at once find their numbers again") {
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int id = 0; id < 4; ++id)
    threads.emplace_back([id, &wrong] {
      for (int round = 0; round < 2000; ++round) {
        const int64_t bytes = 64 + round % 7 * 512;
        const Workspace workspace(bytes);
        for (int64_t i = 0; i < bytes; ++i) workspace.get()[i] = static_cast<std::byte>(id);
        if (round % 50 == 0) release_workspaces();
        for (int64_t i = 0; i < bytes; ++i) wrong += workspace.get()[i] != static_cast<std::byte>(id);
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  release_workspaces();
}
