// depthwise.cpp: one filter per channel, forward and data gradient, vertical over channels. Not the weight gradient,
// and not several filters per channel: direct.cpp takes those.
#include "../algorithms.h"
#include "../buffer.h"
#include "../parallel.h"
#include "gather.h"

namespace pyconv {
namespace {

std::string refuse(const ConvProblem& problem) {
  if (problem.group_ic() != 1 || problem.group_oc() != 1) return "more than one channel a group";
  if (problem.direction == Direction::backward_weights) return "weight gradient not served";
  return "";
}

// Offsets of source pixels and of weights, for one thread.
int64_t offsets_per_thread(const ConvProblem& problem) { return 2 * problem.taps(); }

ConvMemory memory(const ConvProblem& problem, const KernelTable&, int threads) {
  return {.workspace_bytes = offsets_per_thread(problem) * threads * static_cast<int64_t>(sizeof(int64_t))};
}

template <class T>
void run_as(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const T* source, const T* weights,
            const T* bias, const Epilogue<T>& epilogue, T* produced, std::byte* workspace) {
  const Gather gather(problem);
  const int64_t channels = problem.g, taps_in_all = problem.taps();
  parallel_for(gather.rows(), threads, [&](int64_t begin, int64_t end, int thread) {
    int64_t* src_taps = reinterpret_cast<int64_t*>(workspace) + thread * offsets_per_thread(problem);
    int64_t* weight_taps = src_taps + taps_in_all;
    for (int64_t index = begin; index < end; ++index) {
      const Gather::Row row = gather.row(index);
      for (const Segment& segment : gather.segments) {
        int64_t taps = 0;
        gather.for_each_tap(row, segment, false, [&](int64_t tap, int64_t pixel) {
          src_taps[taps] = pixel * channels;
          weight_taps[taps++] = (gather.forward ? tap : taps_in_all - 1 - tap) * channels;
        });
        const int64_t produced_at = (row.pixel + segment.first) * channels;
        kernels.depthwise({.src = source + row.source_pixel * channels,
                           .src_taps = src_taps,
                           .src_row = segment.src_advance * channels,
                           .weights = weights,
                           .weight_taps = weight_taps,
                           .taps = taps,
                           .dst = produced + produced_at,
                           .dst_row = segment.step * channels,
                           .rows = segment.count,
                           .channels = channels,
                           .bias = bias,
                           .epilogue = at_offset(epilogue, produced_at)});
      }
    }
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
