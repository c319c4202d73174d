// depthwise.cpp: one filter per channel in all three directions, vertical over channels. Not several filters per
// channel: direct.cpp takes those.
#include <algorithm>

#include "../algorithms.h"
#include "../buffer.h"
#include "../parallel.h"
#include "gather.h"

namespace pyconv {
namespace {

// Rows times blocks of channels make at least so many tasks where they can: with 8 tasks a thread, one task too many
// costs an eighth.
constexpr int64_t kTasks = 16;

// Channels in a block: 4 cache lines of a pixel, below which hardware prefetchers lose the track.
constexpr int64_t kBlockChannels = 64;

std::string refuse(const ConvProblem& problem) {
  if (problem.group_ic() != 1) return "more than one channel a group";
  if (problem.group_oc() != 1) return "more than one filter a channel";
  return "";
}

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Offsets of one thread's taps, one for each run along the kernel's width.
struct TapOffsets {
  TapOffsets(const ConvProblem& problem, std::byte* workspace, int thread)
      : src(reinterpret_cast<int64_t*>(workspace + thread * bytes(problem))), weights(src + limit(problem)) {}
  static int64_t limit(const ConvProblem& problem) { return problem.axes[kDepth].k * problem.axes[kHeight].k; }
  static int64_t bytes(const ConvProblem& problem) {
    return align_up(2 * limit(problem) * static_cast<int64_t>(sizeof(int64_t)));
  }
  int64_t* src;
  int64_t* weights;
};

// A block of channels, which tasks share out together with rows of pixels.
struct Block {
  int64_t first, count;
};

// The windows of a row's segment, and the weights that they meet.
template <class T>
struct Line {
  Line(const ConvProblem& problem, const Gather& gather, const Gather::Row& row, const Segment& segment, Block block,
       const T* source, const TapOffsets& offsets)
      : pixel((row.pixel + segment.first) * problem.g + block.first),
        pixel_step(segment.step * problem.g),
        weight_step((gather.forward ? 1 : -1) * segment.taps.k_step * problem.g),
        windows{.src = source + row.source_pixel * problem.g + block.first,
                .src_taps = offsets.src,
                .width = segment.taps.count,
                .src_row = segment.src_advance * problem.g,
                .src_step = segment.taps.src_step * problem.g,
                .rows = segment.count,
                .channels = block.count} {
    gather.for_each_tap(row, segment, true, [&](int64_t tap, int64_t source_pixel) {
      offsets.src[windows.taps] = source_pixel * problem.g;
      offsets.weights[windows.taps++] = (gather.forward ? tap : problem.taps() - 1 - tap) * problem.g;
    });
  }

  int64_t pixel, pixel_step;  // where the produced pixels lie
  int64_t weight_step;
  Windows<T> windows;
};

// produced[pixel][c] = bias[c] + sum over taps of source[pixel's tap][c] * weights[tap][c]
template <class T>
void run_gather(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const T* source, const T* weights,
                const T* bias, T* produced, std::byte* workspace) {
  const Gather gather(problem);
  const int64_t blocks = std::clamp(ceil_div(kTasks, std::max<int64_t>(1, gather.rows())), int64_t{1},
                                    ceil_div(problem.g, kBlockChannels));
  parallel_for(blocks * gather.rows(), threads, [&](int64_t begin, int64_t end, int thread) {
    const TapOffsets offsets(problem, workspace, thread);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t index = task / gather.rows(), channel = problem.g * index / blocks;
      const Block block = {channel, problem.g * (index + 1) / blocks - channel};
      const Gather::Row row = gather.row(task % gather.rows());
      for (const Segment& segment : gather.segments) {
        const Line<T> line(problem, gather, row, segment, block, source, offsets);
        kernels.depthwise({.windows = line.windows,
                           .weights = weights + block.first,
                           .weight_taps = offsets.weights,
                           .weight_step = line.weight_step,
                           .bias = bias ? bias + block.first : nullptr,
                           .dst = produced + line.pixel,
                           .dst_row = line.pixel_step});
      }
    }
  });
}

// diff_weights[tap][c] = sum over pixels of src[pixel's tap][c] * diff_dst[pixel][c]; diff_bias sums diff_dst.
//
// Rows are cut into as many parts as the problem, not the number of threads, asks for. Each part sums by itself, with a
// tap more for the bias, and the parts' sums are added in order: partial[part][tap][c].
template <class T>
class WeightGradient {
 public:
  explicit WeightGradient(const ConvProblem& problem)
      : problem_(problem),
        gather_(problem),
        channels_(problem.g),
        taps_(problem.taps()),
        blocks_(ceil_div(channels_, kBlockChannels)),
        parts_(std::clamp(kTasks / blocks_, int64_t{1}, std::max<int64_t>(1, gather_.rows()))) {}

  int64_t workspace_bytes(int threads) const {
    return threads * TapOffsets::bytes(problem_) + parts_ * part_size() * static_cast<int64_t>(sizeof(T));
  }

  void run(const Kernels<T>& kernels, int threads, const T* src, const T* diff_dst, T* diff_weights, T* diff_bias,
           std::byte* workspace) const {
    T* partial = reinterpret_cast<T*>(workspace + threads * TapOffsets::bytes(problem_));
    std::fill_n(partial, parts_ * part_size(), T{0});
    parallel_for(blocks_ * parts_, threads, [&](int64_t begin, int64_t end, int thread) {
      const TapOffsets offsets(problem_, workspace, thread);
      for (int64_t task = begin; task < end; ++task) {
        const int64_t channel = task / parts_ * kBlockChannels, part = task % parts_;
        const Block block = {channel, std::min(kBlockChannels, channels_ - channel)};
        T* sums = partial + part * part_size() + channel;
        for (int64_t row = gather_.rows() * part / parts_; row < gather_.rows() * (part + 1) / parts_; ++row)
          add_row(kernels, gather_.row(row), block, src, diff_dst, sums, offsets);
      }
    });
    add_parts(partial, taps_ * channels_, diff_weights);
    if (diff_bias) add_parts(partial + taps_ * channels_, channels_, diff_bias);
  }

 private:
  int64_t part_size() const { return (taps_ + 1) * channels_; }

  void add_row(const Kernels<T>& kernels, const Gather::Row& row, Block block, const T* src, const T* diff_dst, T* sums,
               const TapOffsets& offsets) const {
    for (const Segment& segment : gather_.segments) {
      const Line<T> line(problem_, gather_, row, segment, block, src, offsets);
      kernels.depthwise_weights({.windows = line.windows,
                                 .diff_dst = diff_dst + line.pixel,
                                 .dst_row = line.pixel_step,
                                 .diff_weights = sums,
                                 .weight_taps = offsets.weights,
                                 .weight_step = line.weight_step,
                                 .diff_bias = sums + taps_ * channels_});
    }
  }

  void add_parts(const T* partial, int64_t count, T* sum) const {
    std::copy_n(partial, count, sum);
    for (int64_t part = 1; part < parts_; ++part)
      for (int64_t index = 0; index < count; ++index) sum[index] += partial[part * part_size() + index];
  }

  const ConvProblem& problem_;
  Gather gather_;
  int64_t channels_, taps_;
  int64_t blocks_;  // of kBlockChannels
  int64_t parts_;   // of the rows
};

ConvMemory memory(const ConvProblem& problem, const KernelTable&, int threads) {
  if (problem.direction != Direction::backward_weights)
    return {.workspace_bytes = threads * TapOffsets::bytes(problem)};
  return with_dtype(problem.dtype, [&]<class T>() -> ConvMemory {
    return {.workspace_bytes = WeightGradient<T>(problem).workspace_bytes(threads)};
  });
}

void run(const ConvProblem& problem, const KernelTable& table, int threads, const ConvTensors& tensors,
         const std::byte*, std::byte* workspace) {
  with_dtype(problem.dtype, [&]<class T>() {
    const Kernels<T>& kernels = table.kernels<T>();
    T *src = static_cast<T*>(tensors.src), *dst = static_cast<T*>(tensors.dst);
    T *weights = static_cast<T*>(tensors.weights), *bias = static_cast<T*>(tensors.bias);
    switch (problem.direction) {
      case Direction::forward:
        return run_gather<T>(problem, kernels, threads, src, weights, bias, dst, workspace);
      case Direction::backward_data:
        return run_gather<T>(problem, kernels, threads, dst, weights, nullptr, src, workspace);
      case Direction::backward_weights:
        return WeightGradient<T>(problem).run(kernels, threads, src, dst, weights, bias, workspace);
    }
  });
}

}  // namespace

const ConvAlgorithm kDepthwise = {"depthwise", true, refuse, nullptr, memory, nullptr, run};

}  // namespace pyconv
