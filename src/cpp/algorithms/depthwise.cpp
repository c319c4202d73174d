// depthwise.cpp: one filter per channel, forward and data gradient, vertical over channels. Not the weight gradient,
// and not several filters per channel: direct.cpp takes those.
#include <algorithm>
#include <vector>

#include "../algorithms.h"
#include "../buffer.h"
#include "../parallel.h"
#include "gather.h"

namespace pyconv {
namespace {

// What a tile and the next one below it read of the source: half of an L1 cache of 32 KB.
constexpr int64_t kTileSourceBytes = 16 * 1024;

// At least so many tasks for each of several threads: one task too many then costs an eighth.
constexpr int64_t kTasksPerThread = 8;

constexpr int64_t kCacheLineBytes = 64;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

std::string refuse(const ConvProblem& problem) {
  if (problem.group_ic() != 1 || problem.group_oc() != 1) return "more than one channel a group";
  if (problem.direction == Direction::backward_weights) return "weight gradient not served";
  return "";
}

// Taps are rows of the kernel; there is an offset of source pixels and one of weights for each, for one thread.
int64_t tap_limit(const ConvProblem& problem) { return problem.axes[kDepth].k * problem.axes[kHeight].k; }

ConvMemory memory(const ConvProblem& problem, const KernelTable&, int threads) {
  return {.workspace_bytes = 2 * tap_limit(problem) * threads * static_cast<int64_t>(sizeof(int64_t))};
}

// The channels cut into blocks of whole cache lines, of equal size but for the last, which has the rest as well.
struct Blocks {
  template <class T>
  static Blocks of(const ConvProblem& problem, const Gather& gather, const Kernels<T>& kernels, int threads) {
    const int64_t unit = kCacheLineBytes / static_cast<int64_t>(sizeof(T));
    const int64_t units = std::max(int64_t{1}, problem.g / unit);
    const Axis &height = problem.axes[kHeight], &width = problem.axes[kWidth];
    const int64_t stride = gather.forward ? width.s : 1;
    const int64_t tile_pixels = height.k * std::min(gather.source(kWidth), kernels.depthwise_rows * stride + width.k);
    const int64_t cached_units = std::max(int64_t{1}, kTileSourceBytes / (tile_pixels * kCacheLineBytes));
    const int64_t tasks = threads > 1 ? kTasksPerThread * threads : 1;
    const int64_t count = std::max(ceil_div(units, cached_units), ceil_div(tasks, std::max(int64_t{1}, gather.rows())));
    return {.channels = problem.g, .unit = unit, .units = units, .count = std::min(units, count)};
  }
  int64_t begin(int64_t block) const { return block == count ? channels : units * block / count * unit; }

  int64_t channels, unit, units, count;
};

template <class T>
void run_as(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const T* source, const T* weights,
            const T* bias, const Epilogue<T>& epilogue, T* produced, std::byte* workspace) {
  const Gather gather(problem);
  const std::vector<Segment> height_segments = gather.segments_of(kHeight);
  const Blocks blocks = Blocks::of(problem, gather, kernels, threads);
  const int64_t channels = problem.g, lines = gather.produced(kHeight), planes = problem.mb * gather.produced(kDepth);
  const int64_t source_line = gather.source(kWidth) * channels, produced_line = gather.produced(kWidth) * channels;
  // The data gradient meets the kernel's elements from the last to the first.
  const int64_t weight_step = gather.forward ? channels : -channels;
  const T* first_weights = weights + (gather.forward ? 0 : (problem.taps() - 1) * channels);

  parallel_for(planes * blocks.count * lines, threads, [&](int64_t begin, int64_t end, int thread) {
    int64_t* src_taps = reinterpret_cast<int64_t*>(workspace) + 2 * thread * tap_limit(problem);
    int64_t* weight_taps = src_taps + tap_limit(problem);
    while (begin < end) {  // all lines of one block that belong to this thread
      const int64_t line = begin % lines, block = begin / lines % blocks.count, plane = begin / (lines * blocks.count);
      const int64_t last_line = std::min(lines, line + end - begin);
      begin += last_line - line;
      const int64_t channel = blocks.begin(block), block_channels = blocks.begin(block + 1) - channel;
      const Gather::Row row = gather.row(plane * lines);
      for (const Segment& all_lines : height_segments) {
        const Segment height = all_lines.within(line, last_line);
        if (height.count == 0) continue;
        int64_t taps = 0;
        for (int64_t d = 0; d < row.depth.count; ++d)
          for (int64_t h = 0; h < height.taps.count; ++h) {
            const int64_t kd = row.depth.k + d * row.depth.k_step, kh = height.taps.k + h * height.taps.k_step;
            const int64_t sd = row.depth.src + d * row.depth.src_step, sh = height.taps.src + h * height.taps.src_step;
            src_taps[taps] = (sd * gather.source(kHeight) + sh) * source_line;
            weight_taps[taps++] = (kd * problem.axes[kHeight].k + kh) * problem.axes[kWidth].k * weight_step;
          }
        for (const Segment& width : gather.segments) {
          const int64_t produced_at = (row.pixel + width.first) * channels + height.first * produced_line + channel;
          kernels.depthwise({.src = source + (row.source_pixel + width.taps.src) * channels + channel,
                             .src_taps = src_taps,
                             .src_step = width.taps.src_step * channels,
                             .src_line = height.src_advance * source_line,
                             .src_row = width.src_advance * channels,
                             .weights = first_weights + width.taps.k * weight_step + channel,
                             .weight_taps = weight_taps,
                             .weight_step = width.taps.k_step * weight_step,
                             .taps = taps,
                             .run = width.taps.count,
                             .dst = produced + produced_at,
                             .dst_line = height.step * produced_line,
                             .dst_row = width.step * channels,
                             .lines = height.count,
                             .rows = width.count,
                             .channels = block_channels,
                             .bias = bias ? bias + channel : nullptr,
                             .epilogue = at_offset(epilogue, produced_at)});
        }
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
