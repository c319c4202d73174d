// depthwise_weights.cpp: the weight gradient of convolution with one filter per channel. Forward and data gradient are
// depthwise.cpp's.
//
//   diff_weights[tap][c] = sum over pixels of src[pixel's tap][c] * diff_dst[pixel][c];  diff_bias sums diff_dst
//
// The results are few and the pixels many, so it is the pixels that threads share: their lines are cut into parts, as
// many for any number of threads, and the sums of the parts are added in one order.
#include <algorithm>

#include "../algorithms.h"
#include "../buffer.h"
#include "column_sums.h"
#include "rectangles.h"

namespace pyconv {
namespace {

// Enough for any machine's threads to have about equal shares...
constexpr int64_t kMostParts = 32;
// ...of so many pixels at least that adding up the parts takes a hundredth of the time.
constexpr int64_t kPixelsPerPart = 100;

// What is read of src and diff_dst at a time, a vector of channels after the other: a quarter of an L2 cache of 1 MB.
// Half or twice as much was up to 1.4 times as slow.
constexpr int64_t kChunkBytes = 256 * 1024;

// Lines [lines * part / parts, lines * (part + 1) / parts) of all planes.
template <class T>
struct Parts {
  explicit Parts(const ConvProblem& problem)
      : gather(problem),
        height_segments(gather.segments_of(kHeight)),
        lines(gather.rows()),
        count(std::clamp(lines * gather.produced(kWidth) / kPixelsPerPart, int64_t{1},
                         std::clamp(lines, int64_t{1}, kMostParts))),
        size((problem.taps() + 1) * problem.g) {}

  Gather gather;
  std::vector<Segment> height_segments;
  int64_t lines, count;
  int64_t size;  // of a part's sums: all weights and the bias
};

std::string refuse(const ConvProblem& problem) {
  if (problem.direction != Direction::backward_weights) return "a weight gradient only";
  if (problem.group_ic() != 1 || problem.group_oc() != 1) return "more than one channel a group";
  if (problem.g < widest_lanes(problem)) return "fewer channels than a vector holds";
  return "";
}

ConvMemory memory(const ConvProblem& problem, const KernelTable&, int threads) {
  return with_dtype(problem.dtype, [&]<class T>() -> ConvMemory {
    const Parts<T> parts(problem);
    return {.workspace_bytes = align_up(tap_offset_bytes(problem, threads)) +
                               parts.count * parts.size * static_cast<int64_t>(sizeof(T))};
  });
}

// The sums of lines [begin, end) of all planes.
template <class T>
void sum_lines(const Parts<T>& parts, const Kernels<T>& kernels, const GatherTensors<T>& tensors, int64_t begin,
               int64_t end, const RectangleTaps& offsets, T* sums, T* dst_sums) {
  const Gather& gather = parts.gather;
  const int64_t height = gather.produced(kHeight), channels = gather.produced_channels();
  const int64_t line_bytes = (gather.source(kWidth) * gather.axes[kHeight].s + gather.produced(kWidth)) * channels *
                             static_cast<int64_t>(sizeof(T));
  const int64_t chunk = std::max(int64_t{1}, kChunkBytes / line_bytes);
  const bool in_order = comes_from_memory<T>(gather);
  while (begin < end) {
    const int64_t line = begin % height, last = std::min({height, line + end - begin, line + chunk});
    const PlaneLines lines{begin / height, line, last};
    if (in_order) bring_in(gather, lines, tensors);
    for_each_rectangle_of(
        gather, parts.height_segments, lines, 0, 1, tensors, offsets, [&](int64_t, DepthwiseArgs<T> args) {
          args.channels = channels;
          kernels.depthwise_weights(
              {.pixels = args, .sums = sums + (args.weights - tensors.weights), .dst_sums = dst_sums});
        });
    begin += last - line;
  }
}

template <class T>
void run_as(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const ConvTensors& tensors,
            std::byte* workspace) {
  const Parts<T> parts(problem);
  const int64_t channels = problem.g, weights = problem.taps() * channels;
  T* all_sums = reinterpret_cast<T*>(workspace + align_up(tap_offset_bytes(problem, threads)));
  parallel_for(parts.count, threads, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t part = begin; part < end; ++part) {
      const int64_t first = parts.lines * part / parts.count, last = parts.lines * (part + 1) / parts.count;
      T *sums = all_sums + part * parts.size, *dst = static_cast<T*>(tensors.dst);
      std::fill_n(sums, parts.size, T{0});
      const GatherTensors<T> operands{
          .source = static_cast<const T*>(tensors.src), .weights = sums, .weight_tap = channels, .produced = dst};
      sum_lines(parts, kernels, operands, first, last, RectangleTaps(parts.gather, workspace, thread), sums,
                tensors.bias ? sums + weights : nullptr);
    }
  });
  add_up(kernels, all_sums, parts.count, parts.size, weights, static_cast<T*>(tensors.weights));
  if (tensors.bias)
    add_up(kernels, all_sums + weights, parts.count, parts.size, channels, static_cast<T*>(tensors.bias));
}

void run(const ConvProblem& problem, const KernelTable& table, int threads, const ConvTensors& tensors,
         const std::byte*, std::byte* workspace) {
  with_dtype(problem.dtype, [&]<class T>() { run_as<T>(problem, table.kernels<T>(), threads, tensors, workspace); });
}

}  // namespace

const ConvAlgorithm kDepthwiseWeights = {"depthwise_weights", true, refuse, nullptr, memory, nullptr, run};

}  // namespace pyconv
