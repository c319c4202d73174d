// pool.h: max- and average-pooling and their gradients. Elements of the padding never count, in maxima or in averages.
#pragma once

#include <vector>

#include "algorithms/gather.h"
#include "kernel_table.h"
#include "problem.h"

namespace pyconv {

// A pooling ready to run. Made once from a problem, immutable, run many times and from many threads.
struct PoolPlan {
  PoolPlan(const PoolProblem& problem, const KernelTable& table);

  // Line index of the output: its taps and its place.
  Gather::Row line(int64_t index) const;

  // How many lines from this one on, of the same image and at most so many, see as many elements of the input, each a
  // step of the window further down.
  int64_t alike_from(int64_t index, int64_t most) const;

  // Rows of the input, of all images.
  int64_t source_rows() const;

  // Rows of a window that lie within the input: a window at most.
  int64_t most_rows() const;

  // The work in parallel_for's measure.
  int64_t operations() const;

  // Bytes of scratch memory that each thread needs in a forward run.
  int64_t scratch_bytes() const;

  PoolProblem problem;
  const KernelTable* table;
  Gather gather;
  std::vector<Taps> depth, height;               // of each output
  bool rows_first, columns_first, every_column;  // steps forward, see pool.cpp
};

// Reads src (mb, *i, c), writes dst (mb, *o, c), on pixels as far apart as the problem says. A window that sees padding
// only gives -inf or 0. Like pool_backward throws std::bad_alloc when there is no memory for its workspace.
void pool_forward(const PoolPlan& plan, const void* src, void* dst);

// Reads diff_dst and, for a maximum, src; writes diff_src; all of dense pixels. Of equal maxima in a window the first
// takes the gradient.
void pool_backward(const PoolPlan& plan, const void* src, const void* diff_dst, void* diff_src);

}  // namespace pyconv
