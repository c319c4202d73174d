// row_blocks.h: convolutions that follow one another, a block of rows through all of them before the next block, so
// that what lies between them stays in a core's cache. Not an algorithm: each runs by its own plan, on some rows.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "../chain.h"
#include "../plan.h"
#include "../step.h"

namespace pyconv {

// One of the convolutions: its weights packed before, or as they are if the algorithm packs none, oc numbers of bias or
// none, and what is done to each of its results, by operations without arrays.
struct RowConv {
  std::shared_ptr<const ConvPlan> plan;
  std::shared_ptr<const std::byte> packed;
  int64_t packed_bytes = 0;
  std::vector<float> bias;
  std::vector<Link> links;
};

class RowBlocksStep final : public Step {
 public:
  // blocks: into how many the last one's rows are cut. residual is added by the last one. Throws std::invalid_argument
  // unless each convolution reads what the one before it writes, a single image of float32, and all are plain sums,
  // whose bits don't depend on where an image was cut.
  RowBlocksStep(std::vector<RowConv> convs, int64_t blocks, Place src, Place dst, std::optional<Place> residual);

  void run(const Memory& memory) const override;
  std::vector<Access> accesses() const override;
  StepFacts facts() const override;

 private:
  struct Rows {
    int64_t begin = 0, end = 0;
  };

  // Some rows of one convolution: how it sees the source's, and where the first of both lies in its memory. Of the rows
  // that lie where results go some may be needed again: those are moved to the beginning.
  struct Part {
    size_t conv;
    Axis height;
    int64_t src_row, dst_row;
    Rows kept;
  };

  // A convolution and its chain, if it has one, on some rows.
  struct Planned {
    ConvPlan conv;
    std::optional<Chain> chain;

    bool fits(const Axis& height) const;
  };
  Planned planned(const Part& part) const;

  // The parts of one block, from the convolution that is returned to the last; those before it have nothing to do.
  // there: the rows of each result between that lie in its memory.
  size_t plan_block(int64_t block, std::vector<Rows>& there, std::vector<Part>& parts) const;

  // Up to which block a thread has come, and which rows of each result between lie in its memory.
  struct Progress {
    int64_t next = -1;
    std::vector<Rows> there;
  };

  // The parts that blocks [begin, end) are made of, in the order in which they run. A thread that goes on where it was
  // needs no rows again.
  void for_each_part(int64_t begin, int64_t end, Progress& progress,
                     const std::function<void(const Part&)>& call) const;
  void run_part(const Part& part, const Memory& memory, std::byte* between) const;

  const ConvProblem& problem(size_t conv) const { return convs_[conv].plan->problem(); }
  int64_t dst_row_bytes(size_t conv) const;

  std::vector<RowConv> convs_;
  int64_t blocks_;
  Place src_, dst_;
  std::optional<Place> residual_;
  std::vector<std::vector<Planned>> plans_;  // of each convolution, one for each height that its parts have
  std::vector<int64_t> between_;             // where the results of each but the last lie in a thread's memory
  int64_t between_bytes_ = 0;
};

}  // namespace pyconv
