// depthwise.cpp: one filter per channel, forward and data gradient, vertical over channels. Not the weight gradient,
// and not several filters per channel: direct.cpp takes those.
#include <algorithm>
#include <numeric>
#include <utility>

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

// Of fewer channels than a vector holds, pixels side by side are taken as numbers side by side: vectors are full then,
// and their weights repeat every so many numbers. 0 where there are channels enough.
int64_t period(const ConvProblem& problem) {
  return problem.g < widest_lanes(problem) ? std::lcm(problem.g, widest_lanes(problem)) : 0;
}

// Offsets of taps, and then the weights and the bias repeated.
ConvMemory memory(const ConvProblem& problem, const KernelTable&, int threads) {
  return {.workspace_bytes = align_up(tap_offset_bytes(problem, threads)) +
                             (problem.taps() + 1) * period(problem) * size_of(problem.dtype)};
}

// to[line][i] = from[line][i % channels] for i < period, a multiple of channels.
template <class T>
void repeat(const T* from, int64_t lines, int64_t channels, int64_t period, T* to) {
  for (int64_t line = 0; line < lines; ++line)
    for (int64_t i = 0; i < period; i += channels)
      std::copy_n(from + line * channels, channels, to + line * period + i);
}

// The pixels of args, whose channels and weights repeat: whole periods are one pixel each to the kernel, the rest of a
// line another. Where pixels do not lie side by side, because of a stride, they stay what they are.
template <class T>
void run_repeated(const Kernels<T>& kernels, DepthwiseArgs<T> args, int64_t period) {
  if (args.src_row == args.channels && args.dst_row == args.channels) {
    const int64_t numbers = args.rows * args.channels;
    args.rows = numbers / period;
    args.src_row = args.dst_row = args.channels = period;
    if (args.rows > 0) kernels.depthwise(args);
    const int64_t done = args.rows * period;
    if (done == numbers) return;
    args.src += done;
    args.dst += done;
    args.epilogue = at_offset(args.epilogue, done);
    args.rows = 1;
    args.channels = numbers - done;
  }
  kernels.depthwise(args);
}

template <class T>
void run_as(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const T* source, const T* weights,
            const T* bias, const Epilogue<T>& epilogue, T* produced, std::byte* workspace) {
  const Gather gather(problem);
  // Blocks are whole cache lines, the last also has the rest: fewer channels than a vector holds would be slow.
  const int64_t channels = problem.g, unit = widest_lanes(problem);
  const int64_t units = std::max(int64_t{1}, channels / unit);
  const int64_t blocks = channel_blocks(gather, threads, units, tile_source_pixels(gather, kernels) * kAlignment);
  const auto block_begin = [&](int64_t block) { return block == blocks ? channels : units * block / blocks * unit; };
  const int64_t repeated = period(problem), tap = repeated > 0 ? repeated : channels;
  if (repeated > 0) {
    T* weights_again = reinterpret_cast<T*>(workspace + align_up(tap_offset_bytes(problem, threads)));
    repeat(weights, problem.taps(), channels, repeated, weights_again);
    weights = weights_again;
    if (bias) {
      T* bias_again = weights_again + problem.taps() * repeated;
      repeat(bias, 1, channels, repeated, bias_again);
      bias = bias_again;
    }
  }
  // The data gradient meets the kernel's elements from the last to the first.
  const GatherTensors<T> tensors{.source = source,
                                 .weights = weights + (gather.forward ? 0 : (problem.taps() - 1) * tap),
                                 .weight_tap = gather.forward ? tap : -tap,
                                 .produced = produced,
                                 .epilogue = epilogue,
                                 .streamed = is_streamed(gather, kernels.lanes, channels, produced)};
  for_each_rectangle(gather, blocks, threads, tensors, workspace, [&](int64_t block, DepthwiseArgs<T> args) {
    const int64_t first = block_begin(block);
    args.src += first;
    args.weights += first;
    args.dst += first;
    args.epilogue = at_offset(args.epilogue, first);
    args.bias = bias ? bias + first : nullptr;
    args.channels = block_begin(block + 1) - first;
    if (repeated > 0)
      run_repeated(kernels, args, repeated);
    else
      kernels.depthwise(args);
  });
}

void run(const ConvProblem& problem, const KernelTable& table, int threads, const ConvTensors& tensors,
         const std::byte*, std::byte* workspace) {
  with_dtype(problem.dtype, [&]<class T>() {
    const Kernels<T>& kernels = table.kernels<T>();
    T *src = static_cast<T*>(tensors.src), *dst = static_cast<T*>(tensors.dst);
    const T *weights = static_cast<const T*>(tensors.weights), *bias = static_cast<const T*>(tensors.bias);
    if (problem.direction == Direction::backward_data) std::swap(src, dst);
    run_as<T>(problem, kernels, threads, src, weights, bias, epilogue_of<T>(problem, tensors), dst, workspace);
  });
}

}  // namespace

const ConvAlgorithm kDepthwise = {"depthwise", true, refuse, nullptr, memory, nullptr, run};

}  // namespace pyconv
