// direct.cpp: dense convolution as batch-reduce matrix products over rows of pixels, forward and data gradient; the
// weight gradient is weight_gradient.h's. Any kernel, stride, dilation, padding and grouping; no im2col, no padded
// copy, no product with a padding zero.
#include "gather_run.h"
#include "weight_gradient.h"

namespace pyconv {
namespace {

std::string refuse(const ConvProblem&) { return ""; }

ConvMemory memory(const ConvProblem& problem, const KernelTable& table, int threads) {
  return with_dtype(problem.dtype, [&]<class T>() -> ConvMemory {
    if (problem.direction == Direction::backward_weights)
      return {.workspace_bytes = WeightGradient<T>(problem, table.kernels<T>()).workspace_bytes(threads)};
    const DirectLayout<T> layout(flattened(problem), table.kernels<T>());
    return {.packed_bytes = layout.packed_size() * static_cast<int64_t>(sizeof(T)),
            .workspace_bytes = SegmentTaps<T>::bytes(layout, threads)};
  });
}

void pack(const ConvProblem& problem, const KernelTable& table, int threads, const void* weights, std::byte* packed) {
  if (problem.direction == Direction::backward_weights) return;
  with_dtype(problem.dtype, [&]<class T>() {
    const Kernels<T>& kernels = table.kernels<T>();
    pack_weights<T>(problem, {problem, kernels}, kernels, threads, static_cast<const T*>(weights),
                    reinterpret_cast<T*>(packed));
  });
}

void scale(const ConvProblem& problem, const KernelTable& table, int threads, const std::byte* packed,
           const void* factors, std::byte* scaled) {
  with_dtype(problem.dtype, [&]<class T>() {
    scale_weights<T>({problem, table.kernels<T>()}, threads, reinterpret_cast<const T*>(packed),
                     static_cast<const T*>(factors), reinterpret_cast<T*>(scaled));
  });
}

void run(const ConvProblem& problem, const KernelTable& table, int threads, const ConvTensors& tensors,
         const std::byte* packed, std::byte* workspace) {
  with_dtype(problem.dtype, [&]<class T>() {
    const Kernels<T>& kernels = table.kernels<T>();
    if (problem.direction == Direction::backward_weights)
      WeightGradient<T>(problem, kernels)
          .run(threads, static_cast<const T*>(tensors.src), static_cast<const T*>(tensors.dst),
               static_cast<T*>(tensors.weights), static_cast<T*>(tensors.bias), workspace);
    else
      run_products<T>(problem, {flattened(problem), kernels}, {kernels.brgemm, kernels.tile_rows}, threads, tensors,
                      packed, workspace);
  });
}

}  // namespace

const ConvAlgorithm kDirect = {"direct", true, refuse, nullptr, memory, pack, run, scale};

}  // namespace pyconv
