// algorithms.h: what an algorithm for convolution must offer, and the ordered list of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "kernel_table.h"
#include "problem.h"

namespace pyconv {

// The tensors of a convolution: src (mb, *i, ic), weights (*k, ic / g, oc), bias (oc) or null, dst (mb, *o, oc),
// residual like dst or null, dense but for the strides of the problem's pixels. Forward reads src, weights, bias and
// residual and writes
//
//   dst = activation(src * weights + bias + residual)         residual may be dst itself
//
// backward_data reads weights and dst (its gradient), and if it is a transposed convolution bias (ic), and writes
//
//   src = activation(gradient of src + bias)
//
// backward_weights reads src and dst and writes weights and bias.
struct ConvTensors {
  void* src = nullptr;
  void* weights = nullptr;
  void* bias = nullptr;
  void* dst = nullptr;
  const void* residual = nullptr;
};

// What the kernels shall do to results, but for those of backward_weights. Its residual begins where they begin.
template <class T>
Epilogue<T> epilogue_of(const ConvProblem& problem, const ConvTensors& tensors) {
  return {.activation = problem.activation,
          .negative_slope = static_cast<T>(problem.negative_slope),
          .residual = static_cast<const T*>(tensors.residual)};
}

// The same for results that begin at an offset into dst.
template <class T>
Epilogue<T> at_offset(Epilogue<T> epilogue, int64_t offset) {
  if (epilogue.residual) epilogue.residual += offset;
  return epilogue;
}

// The memory an algorithm wants: packed weights live as long as the weights do not change, the workspace for one run.
struct ConvMemory {
  int64_t packed_bytes = 0;
  int64_t workspace_bytes = 0;
  int64_t unpacked_bytes = 0;  // the workspace where weights serve one run, which packs part after part; 0: it can't
};

struct ConvAlgorithm {
  const char* name;

  // Whether every result is a plain sum of products, so that whole numbers come out exactly.
  bool plain_sums;

  // Why the algorithm can't serve the problem; empty if it can.
  std::string (*refuse)(const ConvProblem&);

  // Why one that comes later in the list should be faster; empty if not. Null when that is never so.
  std::string (*decline)(const ConvProblem&, const KernelTable&);

  ConvMemory (*memory)(const ConvProblem&, const KernelTable&, int threads);

  // Brings the weights into the order in which run reads them. Null when packed_bytes is always 0.
  void (*pack)(const ConvProblem&, const KernelTable&, int threads, const void* weights, std::byte* packed);

  // Reads tensors.weights only if there is no pack, or packed is null as unpacked_bytes allows. The result must not
  // depend on threads, nor on that.
  void (*run)(const ConvProblem&, const KernelTable&, int threads, const ConvTensors& tensors, const std::byte* packed,
              std::byte* workspace);

  // scaled: the packed weights of a forward problem of one group, those of source channel q times factors[q]. Null
  // where the algorithm has no order of its own, or more than the weights in it.
  void (*scale)(const ConvProblem&, const KernelTable&, int threads, const std::byte* packed, const void* factors,
                std::byte* scaled) = nullptr;
};

extern const ConvAlgorithm kDepthwise;
extern const ConvAlgorithm kDepthwiseWeights;
extern const ConvAlgorithm kGroupedWeights;
extern const ConvAlgorithm kGrouped;
extern const ConvAlgorithm kWinograd4Transposed;
extern const ConvAlgorithm kWinograd4;
extern const ConvAlgorithm kWinograd2;
extern const ConvAlgorithm kWinograd2For5x5;
extern const ConvAlgorithm kWinograd3Stride2;
extern const ConvAlgorithm kWinograd4Line3;
extern const ConvAlgorithm kWinograd4Line5;
extern const ConvAlgorithm kWinograd2Line7;
extern const ConvAlgorithm kWinograd4Weights;
extern const ConvAlgorithm kStrassen;
extern const ConvAlgorithm kFewChannels;
extern const ConvAlgorithm kDirect;
extern const ConvAlgorithm kReference;

// In the order in which they are asked; the reference comes last and refuses nothing.
std::span<const ConvAlgorithm* const> conv_algorithms();

}  // namespace pyconv
