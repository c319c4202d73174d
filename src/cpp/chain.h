// chain.h: several operations on each element, one after the other, in one pass over memory. No sums over elements, and
// no gradients.
#pragma once

#include <vector>

#include "kernel_table.h"
#include "problem.h"

namespace pyconv {

// What the second number y of an operation is taken from, for element (n, p, j): image, pixel, channel.
enum class Operand {
  none,            // an operation of x alone
  number,          // alpha
  tensor,          // y[n][p][j]
  channels,        // y[j]
  image_channels,  // y[n][j], as of squeeze-and-excitation
  pixels,          // y[n][p]
};

constexpr bool reads_array(Operand operand) { return operand >= Operand::tensor; }

struct Link {
  ElementOp op = ElementOp::relu;
  Operand operand = Operand::none;
  double alpha = 0, beta = 0;
};

// x[n][p][j] of the source, n < mb, p < pixels, j < c, changed by all links in turn. Pixels of the source lie
// src_stride elements apart, those of the result dst_stride; 0 stands for c. All else is dense.
struct ChainProblem {
  DType dtype = DType::f32;
  int64_t mb = 1, pixels = 1, c = 1;
  std::vector<Link> links;
  int64_t src_stride = 0, dst_stride = 0;
};

// Immutable, run many times and from many threads.
class Chain {
 public:
  static constexpr size_t kMostLinks = 64;  // whose operands, spread, still fill no more than an L2 cache

  // Throws std::invalid_argument for sizes below 0, rows closer than c, or an operand that the operation doesn't have.
  Chain(const ChainProblem& problem, const KernelTable& table);

  // operands[i] is that of link i, null for none and number. dst may be src, if their rows are alike, or any operand
  // that is a tensor. Throws std::bad_alloc.
  void run(const void* src, const void* const* operands, void* dst) const;

  const ChainProblem& problem() const { return problem_; }
  // How many elements an operand has.
  int64_t operand_size(Operand operand) const;
  int64_t operations() const;  // in parallel_for's measure
  int64_t workspace_bytes() const;

 private:
  // A block: rows of one image and as many columns, few enough for all that is read and written to stay in L1.
  struct Block {
    int64_t image, row, rows, col, cols;
  };
  template <class T>
  struct Run;

  ChainProblem problem_;
  // The same elements as fewer and longer rows, where operands allow it.
  int64_t mb_, pixels_, c_;
  int64_t block_rows_, block_cols_, tiles_ = 0;
  const KernelTable* table_;
};

}  // namespace pyconv
