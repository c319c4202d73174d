// depthwise.cpp: one filter per channel, forward and data gradient, vertical over channels. Not the weight gradient,
// and not several filters per channel: direct.cpp takes those.
#include <algorithm>

#include "../algorithms.h"
#include "../buffer.h"
#include "rectangles.h"

namespace pyconv {
namespace {

std::string refuse(const ConvProblem& problem) {
  if (problem.group_ic() != 1 || problem.group_oc() != 1) return "more than one channel a group";
  if (problem.direction == Direction::backward_weights) return "weight gradient not served";
  return "";
}

ConvMemory memory(const ConvProblem& problem, const KernelTable&, int threads) {
  return {.workspace_bytes = tap_offset_bytes(problem, threads)};
}

template <class T>
void run_as(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const T* source, const T* weights,
            const T* bias, const Epilogue<T>& epilogue, T* produced, std::byte* workspace) {
  const Gather gather(problem);
  // Blocks are whole cache lines, the last also has the rest: fewer channels than a vector holds would be slow.
  const int64_t channels = problem.g, unit = kAlignment / static_cast<int64_t>(sizeof(T));
  const int64_t units = std::max(int64_t{1}, channels / unit);
  const int64_t blocks = channel_blocks(gather, threads, units, tile_source_pixels(gather, kernels) * kAlignment);
  const auto block_begin = [&](int64_t block) { return block == blocks ? channels : units * block / blocks * unit; };
  // The data gradient meets the kernel's elements from the last to the first.
  const GatherTensors<T> tensors{.source = source,
                                 .weights = weights + (gather.forward ? 0 : (problem.taps() - 1) * channels),
                                 .weight_tap = gather.forward ? channels : -channels,
                                 .produced = produced,
                                 .epilogue = epilogue};
  for_each_rectangle(gather, blocks, threads, tensors, workspace, [&](int64_t block, DepthwiseArgs<T> args) {
    const int64_t first = block_begin(block);
    args.src += first;
    args.weights += first;
    args.dst += first;
    args.epilogue = at_offset(args.epilogue, first);
    args.bias = bias ? bias + first : nullptr;
    args.channels = block_begin(block + 1) - first;
    kernels.depthwise(args);
  });
}

void run(const ConvProblem& problem, const KernelTable& table, int threads, const ConvTensors& tensors,
         const std::byte*, std::byte* workspace) {
  with_dtype(problem.dtype, [&]<class T>() {
    const Kernels<T>& kernels = table.kernels<T>();
    T *src = static_cast<T*>(tensors.src), *dst = static_cast<T*>(tensors.dst);
    const T *weights = static_cast<const T*>(tensors.weights), *bias = static_cast<const T*>(tensors.bias);
    if (problem.direction == Direction::forward)
      run_as<T>(problem, kernels, threads, src, weights, bias, epilogue_of<T>(problem, tensors), dst, workspace);
    else
      run_as<T>(problem, kernels, threads, dst, weights, nullptr, {}, src, workspace);
  });
}

}  // namespace

const ConvAlgorithm kDepthwise = {"depthwise", true, refuse, nullptr, memory, nullptr, run};

}  // namespace pyconv
