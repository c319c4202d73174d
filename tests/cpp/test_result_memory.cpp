// test_result_memory.cpp: freed results are used again for results of about their size, and what is kept is bounded.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "result_memory.h"

using namespace pyconv;

TEST_CASE("a freed result is used again, for one up to a quarter smaller") {
  release_results();
  std::unique_ptr<ResultBlock> block = take_result(1000);
  const std::byte* memory = block->memory.get();
  CHECK(reinterpret_cast<uintptr_t>(memory) % kAlignment == 0);
  CHECK(kept_result_bytes() == 0);
  give_back_result(std::move(block));
  CHECK(kept_result_bytes() == 1000);
  for (const int64_t other : {1001, 749}) {
    CHECK(take_result(other)->memory.get() != memory);
    CHECK(kept_result_bytes() == 1000);
  }
  block = take_result(750);
  CHECK(block->memory.get() == memory);
  CHECK(block->bytes == 1000);
  CHECK(kept_result_bytes() == 0);
}

TEST_CASE("the newest is used first, the oldest given back, and no more kept than the bound") {
  release_results();
  constexpr int64_t half = kMaxKeptResultBytes / 2;
  std::vector<std::unique_ptr<ResultBlock>> blocks;
  for (int i = 0; i < 3; ++i) blocks.push_back(take_result(half));
  const std::byte* last = blocks[2]->memory.get();
  for (std::unique_ptr<ResultBlock>& block : blocks) give_back_result(std::move(block));
  CHECK(kept_result_bytes() == 2 * half);
  CHECK(take_result(half)->memory.get() == last);
  CHECK(kept_result_bytes() == half);
  give_back_result(take_result(kMaxKeptResultBytes + 1));  // never kept
  CHECK(kept_result_bytes() == half);
  release_results();
  CHECK(kept_result_bytes() == 0);
}

TEST_CASE("many small ones push out the oldest") {
  release_results();
  std::vector<std::unique_ptr<ResultBlock>> blocks;
  for (size_t i = 0; i < 2 * kMaxKeptResults; ++i) blocks.push_back(take_result(64));
  for (std::unique_ptr<ResultBlock>& block : blocks) give_back_result(std::move(block));
  CHECK(kept_result_bytes() == kMaxKeptResults * 64);
  release_results();
}

TEST_CASE("threads that take, give back and release at once never share a block, and the count comes out") {
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int id = 0; id < 4; ++id)
    threads.emplace_back([id, &wrong] {
      for (int round = 0; round < 2000; ++round) {
        std::unique_ptr<ResultBlock> block = take_result(512 + round % 7 * 64);
        for (int64_t i = 0; i < block->bytes; ++i) block->memory[static_cast<size_t>(i)] = static_cast<std::byte>(id);
        if (round % 50 == 0) release_results();
        for (int64_t i = 0; i < block->bytes; ++i)
          wrong += block->memory[static_cast<size_t>(i)] != static_cast<std::byte>(id);
        give_back_result(std::move(block));
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  release_results();
  CHECK(kept_result_bytes() == 0);
}
