// test_program.cpp: programs of two steps on whole numbers: all ways to share the work, and threads that run at once.
#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>
#include <vector>

#include "benchdnn.h"
#include "dispatch.h"
#include "numbers.h"
#include "parallel.h"
#include "program.h"
#include "steps/conv.h"
#include "steps/copy.h"
#include "steps/pool.h"

namespace {

using namespace pyconv;

// A convolution 8-16 of 6x6 pixels, and a max-pooling 2x2 of its results.
struct Example {
  static constexpr int64_t kSrc = 6 * 6 * 8 * 4, kMiddle = 6 * 6 * 16 * 4, kDst = 3 * 3 * 16 * 4;

  explicit Example(const KernelTable& table)
      : conv(std::make_shared<ConvPlan>(parse_problem("mb1ic8ih6oc16oh6kh3ph1", Direction::forward, DType::f32).problem,
                                        table)),
        pool(std::make_shared<PoolPlan>(make_pool_problem("max_pool", PoolKind::max, DType::f32, 1, 16,
                                                          {{6, 6}, {2, 2}, {2, 2}, {1, 1}, {{0, 0}, {0, 0}}}),
                                        table)),
        weights(numbers<float>(3 * 3 * 8 * 16, 1)),
        bias(numbers<float>(16, 2)),
        packed(conv->pack(weights.data()).release(), AlignedDelete{}) {}

  // Image by image, by the plans themselves.
  std::vector<float> step_by_step(std::vector<float> src, int64_t images) const {
    std::vector<float> middle(kMiddle / 4), dst(static_cast<size_t>(images * kDst / 4));
    for (int64_t image = 0; image < images; ++image) {
      conv->run({.src = src.data() + image * kSrc / 4, .bias = const_cast<float*>(bias.data()), .dst = middle.data()},
                packed.get());
      pool_forward(*pool, middle.data(), dst.data() + image * kDst / 4);
    }
    return dst;
  }

  std::unique_ptr<Step> conv_step(Place src, Place dst) const {
    return std::make_unique<ConvStep>(conv, packed, conv->memory().packed_bytes, bias.data(), src, dst, std::nullopt);
  }
  std::unique_ptr<Step> pool_step(Place src, Place dst) const { return std::make_unique<PoolStep>(pool, src, dst); }

  // Through the arena, in one section; or through kept memory, in two.
  Program program(int64_t repeats, Sharing sharing, bool sections) const {
    ProgramBuilder builder({.arena = sections ? 0 : kMiddle,
                            .kept = sections ? repeats * kMiddle : 0,
                            .inputs = {repeats * kSrc},
                            .outputs = {repeats * kDst}});
    const Place middle = sections ? Place{kKept, 0, kMiddle} : Place{kArena, 0, 0};
    builder.section(repeats, sharing);
    builder.add(conv_step({kOutside, 0, kSrc}, middle));
    if (sections) builder.section(repeats, sharing);
    builder.add(pool_step(middle, {kOutside + 1, 0, kDst}));
    return builder.build();
  }

  std::shared_ptr<const ConvPlan> conv;
  std::shared_ptr<const PoolPlan> pool;
  std::vector<float> weights, bias;
  std::shared_ptr<const std::byte> packed;
};

std::vector<float> run(const Program& program, std::vector<float> src, int64_t rounds, size_t results) {
  std::vector<float> dst(results);
  std::byte* outside[] = {reinterpret_cast<std::byte*>(src.data()), reinterpret_cast<std::byte*>(dst.data())};
  program.run(outside, rounds);
  return dst;
}

}  // namespace

TEST_CASE("a program gives the bits of its steps, however the work is shared") {
  const int before = num_threads();
  for (const KernelTable* table : available_isas()) {
    const Example example(*table);
    for (const int64_t images : {1, 3, 8}) {
      const std::vector<float> src = numbers<float>(static_cast<size_t>(images * Example::kSrc / 4), 3);
      const std::vector<float> expected = example.step_by_step(src, images);
      for (const int threads : {1, 3})
        for (const Sharing sharing : {Sharing::automatic, Sharing::steps, Sharing::repeats})
          for (const bool sections : {false, true}) {
            set_num_threads(threads);
            CHECK(run(example.program(images, sharing, sections), src, 1, expected.size()) == expected);
            CHECK(run(example.program(1, sharing, sections), src, images, expected.size()) == expected);
          }
    }
  }
  set_num_threads(before);
}

TEST_CASE("many threads run one program at once") {
  const int before = num_threads();
  set_num_threads(2);
  const Example example(active_isa());
  const Program program = example.program(4, Sharing::repeats, false);
  const std::vector<float> src = numbers<float>(4 * Example::kSrc / 4, 5);
  const std::vector<float> expected = example.step_by_step(src, 4);
  std::vector<std::thread> callers;
  std::vector<int> right(4);
  for (size_t caller = 0; caller < right.size(); ++caller)
    callers.emplace_back([&, caller] {
      for (int turn = 0; turn < 20; ++turn) right[caller] += run(program, src, 1, expected.size()) == expected;
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(right == std::vector<int>{20, 20, 20, 20});
  set_num_threads(before);
}

TEST_CASE("places outside of a program's memory are refused") {
  const Example example(active_isa());
  ProgramBuilder builder({.arena = Example::kMiddle, .inputs = {Example::kSrc}, .outputs = {Example::kDst}});
  const Place src{kOutside, 0, 0}, middle{kArena, 0, 0}, dst{kOutside + 1, 0, 0};
  CHECK_THROWS_AS(builder.add(example.conv_step(src, {kArena, 4, 0})), std::invalid_argument);
  CHECK_THROWS_AS(builder.add(example.conv_step(middle, src)), std::invalid_argument);
  CHECK_THROWS_AS(builder.add(example.conv_step(src, {kOutside + 2, 0, 0})), std::invalid_argument);
  CHECK_NOTHROW(builder.add(example.conv_step(src, middle)));
  CHECK_NOTHROW(builder.add(example.pool_step(middle, dst)));
  CHECK(builder.build().steps() == 2);
}

TEST_CASE("a copy joins axes that lie alike, and repeats what has no distance") {
  const std::vector<float> src = {1, 2, 3, 4, 5, 6};
  ProgramBuilder builder({.inputs = {24}, .outputs = {48}});
  builder.add(std::make_unique<CopyStep>(CopyProblem{{3, 2, 2}, {2, 0, 1}, {4, 2, 1}}, Place{kOutside, 0, 0},
                                         Place{kOutside + 1, 0, 0}, active_isa()));
  CHECK(run(builder.build(), src, 1, 12) == std::vector<float>{1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6});
}
