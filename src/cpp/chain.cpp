// chain.cpp: cuts elements into blocks that stay in L1 while one operation after the other goes through them. Operands
// that are the same for many pixels are first spread over a block, so that kernels see runs of numbers only.
#include "chain.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "parallel.h"
#include "workspace.h"

namespace pyconv {
namespace {

// 4 KB: what is read, what is written, the block between and two operands fill 20 of 32 KB of L1.
constexpr int64_t kBlockBytes = 4096;

// In parallel.h's measure, 1e5 operations a microsecond. An element that comes from memory and goes there takes about
// as long as 20; each further operation finds it in L1. Functions take a vector 10 to 20 ns.
constexpr int64_t kMemory = 20, kArithmetic = 4, kFunction = 40;

bool is_function(ElementOp op) {
  switch (op) {
    case ElementOp::exp:
    case ElementOp::log:
    case ElementOp::erf:
    case ElementOp::tanh:
    case ElementOp::sigmoid:
    case ElementOp::silu:
    case ElementOp::gelu:
    case ElementOp::gelu_tanh:
    case ElementOp::elu:
    case ElementOp::softplus:
    case ElementOp::mish:
      return true;
    default:
      return false;
  }
}

bool is_spread(Operand operand) { return operand >= Operand::channels; }

template <class T>
void copy_rows(int64_t rows, int64_t cols, const T* src, int64_t src_stride, T* dst, int64_t dst_stride) {
  for (int64_t r = 0; r < rows; ++r)
    std::memcpy(dst + r * dst_stride, src + r * src_stride, static_cast<size_t>(cols) * sizeof(T));
}

}  // namespace

Chain::Chain(const ChainProblem& problem, const KernelTable& table) : problem_(problem), table_(&table) {
  if (problem_.src_stride == 0) problem_.src_stride = problem_.c;
  if (problem_.dst_stride == 0) problem_.dst_stride = problem_.c;
  int64_t most = kFunction * kMostLinks;  // so that operations() can be counted, and bytes
  for (const int64_t size : {problem_.mb, problem_.pixels, problem_.src_stride, problem_.dst_stride})
    if (size < 0 || __builtin_mul_overflow(most, std::max(size, int64_t{1}), &most))
      throw std::invalid_argument("Chain: sizes must be at least 0 and not larger than any memory. Received: " +
                                  std::to_string(size));
  for (const int64_t row : {problem_.src_stride, problem_.dst_stride})
    if (row < problem_.c)
      throw std::invalid_argument("Chain: rows must be at least c apart. Received: row=" + std::to_string(row) +
                                  ", c=" + std::to_string(problem_.c));
  if (problem_.links.empty() || problem_.links.size() > kMostLinks)
    throw std::invalid_argument("Chain: there must be 1 to " + std::to_string(kMostLinks) +
                                " links. Received: " + std::to_string(problem_.links.size()));

  bool by_image = false, by_row = problem_.src_stride != problem_.c || problem_.dst_stride != problem_.c;
  for (const Link& link : problem_.links) {
    if (is_binary(link.op) == (link.operand == Operand::none))
      throw std::invalid_argument("Chain: an operation must have an operand if it is one of two numbers, else none.");
    by_image |= link.operand == Operand::image_channels;
    by_row |= is_spread(link.operand);
    tiles_ += is_spread(link.operand);
  }
  mb_ = problem_.mb, pixels_ = problem_.pixels, c_ = problem_.c;
  if (!by_image) pixels_ *= std::exchange(mb_, 1);
  if (!by_row) c_ *= std::exchange(pixels_, 1);
  const int64_t block = kBlockBytes / size_of(problem_.dtype);
  block_cols_ = std::clamp(c_, int64_t{1}, block);
  block_rows_ = std::clamp(block / block_cols_, int64_t{1}, std::max(int64_t{1}, pixels_));
}

int64_t Chain::operand_size(Operand operand) const {
  switch (operand) {
    case Operand::tensor:
      return problem_.mb * problem_.pixels * problem_.c;
    case Operand::channels:
      return problem_.c;
    case Operand::image_channels:
      return problem_.mb * problem_.c;
    case Operand::pixels:
      return problem_.mb * problem_.pixels;
    default:
      return 0;
  }
}

int64_t Chain::operations() const {
  int64_t each = kMemory;
  for (const Link& link : problem_.links) {
    each += is_function(link.op) ? kFunction : kArithmetic;
    if (link.operand == Operand::tensor) each += kMemory / 2;
  }
  return each * operand_size(Operand::tensor) * size_of(problem_.dtype) / size_of(DType::f32);
}

int64_t Chain::workspace_bytes() const { return (1 + tiles_) * kBlockBytes; }

// One thread's part of a run.
template <class T>
struct Chain::Run {
  const Chain& chain;
  const Kernels<T>& kernels;
  const T* src;
  const void* const* operands;
  T* dst;
  T *between, *tiles;
  int64_t tiled_image = -1;

  // The operand of a link as a run of numbers for the block's elements.
  const T* operand(size_t index, const Block& block, T*& tile) {
    const auto* numbers = static_cast<const T*>(operands[index]);
    const Operand kind = chain.problem_.links[index].operand;
    const int64_t c = chain.c_, row = block.image * chain.pixels_ + block.row;
    if (!is_spread(kind)) return numbers ? numbers + row * c + block.col : nullptr;
    T* spread = std::exchange(tile, tile + chain.block_rows_ * chain.block_cols_);
    if (kind == Operand::pixels) {
      for (int64_t r = 0; r < block.rows; ++r) std::fill_n(spread + r * block.cols, block.cols, numbers[row + r]);
      return spread;
    }
    if (kind == Operand::image_channels) numbers += block.image * c;
    if (chain.block_rows_ == 1) return numbers + block.col;
    if (tiled_image < 0 || (kind == Operand::image_channels && tiled_image != block.image))
      copy_rows(chain.block_rows_, c, numbers, 0, spread, c);
    return spread;
  }

  void run(const Block& block) {
    const ChainProblem& problem = chain.problem_;
    const int64_t row = block.image * chain.pixels_ + block.row;
    const bool src_dense = problem.src_stride == problem.c, dst_dense = problem.dst_stride == problem.c;
    const T* from = src + row * (src_dense ? chain.c_ : problem.src_stride) + block.col;
    T* to = dst + row * (dst_dense ? chain.c_ : problem.dst_stride) + block.col;
    if (!src_dense) {
      copy_rows(block.rows, block.cols, from, problem.src_stride, between, block.cols);
      from = between;
    }
    T* tile = tiles;
    for (size_t index = 0; index < problem.links.size(); ++index) {
      const Link& link = problem.links[index];
      T* const out = index + 1 == problem.links.size() && dst_dense ? to : between;
      kernels.element({.op = link.op,
                       .alpha = static_cast<T>(link.alpha),
                       .beta = static_cast<T>(link.beta),
                       .src = from,
                       .other = operand(index, block, tile),
                       .dst = out,
                       .count = block.rows * block.cols});
      from = out;
    }
    if (!dst_dense) copy_rows(block.rows, block.cols, between, block.cols, to, problem.dst_stride);
    tiled_image = block.image;
  }
};

void Chain::run(const void* src, const void* const* operands, void* dst) const {
  const int64_t pieces = (c_ + block_cols_ - 1) / block_cols_, blocks = (pixels_ + block_rows_ - 1) / block_rows_;
  const int threads = threads_for(operations());
  const Workspace workspace(threads * workspace_bytes());
  with_dtype(problem_.dtype, [&]<class T>() {
    parallel_for(mb_ * blocks * pieces, threads, [&](int64_t begin, int64_t end, int thread) {
      T* const scratch = reinterpret_cast<T*>(workspace.get() + thread * workspace_bytes());
      Run<T> run{*this,
                 table_->kernels<T>(),
                 static_cast<const T*>(src),
                 operands,
                 static_cast<T*>(dst),
                 scratch,
                 scratch + kBlockBytes / static_cast<int64_t>(sizeof(T))};
      for (int64_t task = begin; task < end; ++task) {
        const int64_t row = task / pieces % blocks * block_rows_, col = task % pieces * block_cols_;
        run.run({.image = task / pieces / blocks,
                 .row = row,
                 .rows = std::min(block_rows_, pixels_ - row),
                 .col = col,
                 .cols = std::min(block_cols_, c_ - col)});
      }
    });
  });
}

}  // namespace pyconv
