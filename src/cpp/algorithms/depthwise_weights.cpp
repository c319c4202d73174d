// depthwise_weights.cpp: the weight gradient of convolution with one filter per channel, and with a few channels a
// group. Forward and data gradient are depthwise.cpp's and grouped.cpp's.
//
//   diff_weights[tap][q][c] = sum over pixels of src_q[pixel's tap][c] * diff_dst[pixel][c];  diff_bias sums diff_dst
//
// src_q is src where a group has one channel of each. Else it is spread out: channel q of the group that c belongs to.
//
// The results are few and the pixels many, so it is the pixels that threads share: their lines are cut into parts, as
// many for any number of threads, and the sums of the parts are added in one order.
#include <algorithm>
#include <optional>

#include "../algorithms.h"
#include "../buffer.h"
#include "column_sums.h"
#include "rectangles.h"
#include "spread.h"

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
        is_depthwise(problem.group_ic() == 1 && problem.group_oc() == 1),
        depth(problem.group_ic()),
        channels(problem.oc),
        size((problem.taps() * depth + 1) * channels) {
    const Axis& height = gather.axes[kHeight];
    const int64_t line = (gather.source(kWidth) * height.s + gather.produced(kWidth)) * channels;
    chunk = std::max(int64_t{1}, kChunkBytes / (line * static_cast<int64_t>(sizeof(T))));
    if (!is_depthwise) {
      gather.source_stride = channels;
      spread_lines = std::min(height.i, (chunk - 1) * height.s + (height.k - 1) * height.d + 1);
    }
  }

  int64_t spread_bytes() const {
    return align_up(spread_lines * gather.source(kWidth) * channels * static_cast<int64_t>(sizeof(T)));
  }

  Gather gather;
  std::vector<Segment> height_segments;
  int64_t lines, count;
  bool is_depthwise;         // src is not spread out
  int64_t depth;             // channels of src in a group
  int64_t channels;          // of dst
  int64_t size;              // of a part's sums: all weights and the bias
  int64_t chunk;             // lines at a time
  int64_t spread_lines = 0;  // of src, that a chunk sees
};

std::string refuse(const ConvProblem& problem) {
  if (problem.direction != Direction::backward_weights) return "a weight gradient only";
  if (problem.group_ic() != 1 || problem.group_oc() != 1) return "more than one channel a group";
  if (problem.g < widest_lanes(problem)) return "fewer channels than a vector holds";
  return "";
}

std::string refuse_groups(const ConvProblem& problem) {
  if (problem.direction != Direction::backward_weights) return "a weight gradient only";
  if (problem.g == 1) return "one group";
  if (std::min(problem.ic, problem.oc) < widest_lanes(problem)) return "fewer channels than a vector holds";
  const Axis& d = problem.axes[kDepth];
  if (d.k != 1 || d.s != 1 || d.pad_begin != 0 || d.pad_end != 0) return "the kernel has a depth";
  return "";
}

// Direct convolution fills part of a vector with one group; two of them are needed to do better.
std::string decline_groups(const ConvProblem& problem, const KernelTable&) {
  const int64_t lanes = widest_lanes(problem);
  if (2 * problem.group_oc() > lanes || problem.group_ic() > lanes) return "a vector doesn't hold two groups";
  return "";
}

ConvMemory memory(const ConvProblem& problem, const KernelTable&, int threads) {
  return with_dtype(problem.dtype, [&]<class T>() -> ConvMemory {
    const Parts<T> parts(problem);
    return {.workspace_bytes = align_up(tap_offset_bytes(problem, threads)) + threads * parts.spread_bytes() +
                               parts.count * parts.size * static_cast<int64_t>(sizeof(T))};
  });
}

// The lines of an image of src that some lines of dst see.
struct SourceLines {
  SourceLines(const Gather& gather, const PlaneLines& lines) : begin(gather.source(kHeight)) {
    for (int64_t line = lines.begin; line < lines.end; ++line) {
      const Taps taps = gather.taps(kHeight, line);
      if (taps.count == 0) continue;
      begin = std::min(begin, taps.src);
      end = std::max(end, taps.src + (taps.count - 1) * taps.src_step + 1);
    }
  }
  int64_t begin, end = 0;
};

// The sums of lines [begin, end) of all planes.
template <class T>
void sum_lines(const Parts<T>& parts, const Kernels<T>& kernels, const std::optional<Spread<T>>& spread,
               GatherTensors<T> tensors, int64_t begin, int64_t end, const RectangleTaps& offsets, T* spread_out,
               T* sums, T* dst_sums) {
  const Gather& gather = parts.gather;
  const int64_t height = gather.produced(kHeight);
  const bool in_order = !spread && comes_from_memory<T>(gather);
  const T* src = tensors.source;
  while (begin < end) {
    const int64_t line = begin % height, last = std::min({height, line + end - begin, line + parts.chunk});
    const PlaneLines lines{begin / height, line, last};
    if (in_order) bring_in(gather, lines, tensors);
    for (int64_t q = 0; q < parts.depth; ++q) {
      if (spread) {
        const SourceLines seen(gather, lines);
        const int64_t first = (lines.plane * gather.source(kHeight) + seen.begin) * gather.source(kWidth);
        spread->run(q, src + first * gather.ic, (seen.end - seen.begin) * gather.source(kWidth), spread_out);
        tensors.source = spread_out;
        tensors.first_pixel = first;
      }
      for_each_rectangle_of(
          gather, parts.height_segments, lines, 0, 1, tensors, offsets, [&](int64_t, DepthwiseArgs<T> args) {
            args.channels = parts.channels;
            kernels.depthwise_weights({.pixels = args,
                                       .diff_dst = args.dst,
                                       .sums = sums + q * parts.channels + (args.weights - tensors.weights),
                                       .dst_sums = q == 0 ? dst_sums : nullptr});
          });
    }
    begin += last - line;
  }
}

template <class T>
void run_as(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const ConvTensors& tensors,
            std::byte* workspace) {
  const Parts<T> parts(problem);
  std::optional<Spread<T>> spread;
  if (!parts.is_depthwise) spread.emplace(problem, kernels);
  const int64_t channels = parts.channels, weights = parts.size - channels;
  std::byte* spread_out = workspace + align_up(tap_offset_bytes(problem, threads));
  T* all_sums = reinterpret_cast<T*>(spread_out + threads * parts.spread_bytes());
  parallel_for(parts.count, threads, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t part = begin; part < end; ++part) {
      const int64_t first = parts.lines * part / parts.count, last = parts.lines * (part + 1) / parts.count;
      T *sums = all_sums + part * parts.size, *dst = static_cast<T*>(tensors.dst);
      std::fill_n(sums, parts.size, T{0});
      const GatherTensors<T> operands{.source = static_cast<const T*>(tensors.src),
                                      .weights = sums,
                                      .weight_tap = parts.depth * channels,
                                      .produced = dst};
      sum_lines(parts, kernels, spread, operands, first, last, RectangleTaps(parts.gather, workspace, thread),
                reinterpret_cast<T*>(spread_out + thread * parts.spread_bytes()), sums,
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
const ConvAlgorithm kGroupedWeights = {"grouped_weights", true, refuse_groups, decline_groups, memory, nullptr, run};

}  // namespace pyconv
