// plan.h: a convolution ready to run. Made once from a problem, immutable, run many times and from many threads.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "algorithms.h"
#include "buffer.h"
#include "kernel_table.h"
#include "problem.h"

namespace pyconv {

class ConvPlan {
 public:
  // Takes the first algorithm that neither refuses nor declines, or the named one; throws std::invalid_argument when
  // that one is unknown or refuses.
  ConvPlan(const ConvProblem& problem, const KernelTable& kernels, const std::string& algorithm = "");

  // The same algorithm and kernels on other rows of the image, height being their axis.
  ConvPlan on_rows(const Axis& height) const;

  const ConvProblem& problem() const { return problem_; }
  const ConvAlgorithm& algorithm() const { return *algorithm_; }
  const KernelTable& kernels() const { return *kernels_; }

  // Bytes for packed weights and workspace with the present number of threads, and on a single one.
  ConvMemory memory() const;
  ConvMemory memory_alone() const;

  // The algorithms asked before the chosen one, and why each refused.
  const std::vector<std::pair<std::string, std::string>>& refusals() const { return refusals_; }

  // The problem in benchdnn's words, the algorithm, and the reasons of those that refused.
  std::string describe() const;

  // Packs the weights (an empty buffer where the algorithm reads them as they are).
  Buffer pack(const void* weights) const;

  // Whether packed weights can be scaled.
  bool can_scale() const { return algorithm_->scale && problem_.g == 1 && problem_.direction == Direction::forward; }

  // The packed weights for sources whose channels are to be multiplied by ic factors, in as much memory.
  void scale(const std::byte* packed, const void* factors, std::byte* scaled) const;

  // Runs with weights packed before; throws std::bad_alloc when there is no memory for the workspace.
  void run(const ConvTensors& tensors, const std::byte* packed) const;

  // Runs with weights packed for this run alone.
  void run(const ConvTensors& tensors) const;

 private:
  int threads() const;
  std::string refusals_text() const;

  ConvProblem problem_;
  const KernelTable* kernels_;
  const ConvAlgorithm* algorithm_ = nullptr;
  std::vector<std::pair<std::string, std::string>> refusals_;
};

}  // namespace pyconv
