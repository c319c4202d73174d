// pool.cpp: hands rows of windows to the kernels; a pooling gathers its elements as a depthwise convolution does.
#include "pool.h"

#include <algorithm>
#include <vector>

#include "algorithms/gather.h"
#include "parallel.h"

namespace pyconv {
namespace {

// A block of channels that one task of the gradient owns: windows overlap along space, never along channels.
constexpr int64_t kGradientChannels = 64;

int64_t kernel_runs(const PoolProblem& problem) { return problem.axes[kDepth].k * problem.axes[kHeight].k; }

int64_t operations(const PoolProblem& problem) {
  return problem.mb * problem.c * problem.dst_pixels() * kernel_runs(problem) * problem.axes[kWidth].k;
}

// The rows of windows, an output's depth and height each, in the kernels' words.
template <class T>
class Lines {
 public:
  explicit Lines(const PoolProblem& problem)
      : gather_(true, problem.mb, problem.c, problem.c, problem.axes), runs_(kernel_runs(problem)) {}

  int64_t count() const { return gather_.rows(); }

  // Room for the offsets of every thread's windows.
  std::vector<int64_t> offsets(int threads) const { return std::vector<int64_t>(static_cast<size_t>(runs_ * threads)); }
  int64_t* of_thread(std::vector<int64_t>& offsets, int thread) const { return offsets.data() + runs_ * thread; }

  // Calls f(windows without src, elements before the image, elements before the first output) for a row's segments;
  // the outputs of a segment are neighbours.
  template <class F>
  void for_each(int64_t index, int64_t* offsets, F f) const {
    const int64_t channels = gather_.ic;
    const Gather::Row row = gather_.row(index);
    for (const Segment& segment : gather_.segments) {
      Windows<T> windows{.src_taps = offsets,
                         .width = segment.taps.count,
                         .src_row = segment.src_advance * channels,
                         .src_step = segment.taps.src_step * channels,
                         .rows = segment.count,
                         .channels = channels};
      gather_.for_each_tap(row, segment, true,
                           [&](int64_t, int64_t pixel) { offsets[windows.taps++] = pixel * channels; });
      f(windows, row.source_pixel * channels, (row.pixel + segment.first) * channels);
    }
  }

 private:
  Gather gather_;
  int64_t runs_;  // of the kernel's elements along the width
};

template <class T>
T scale_of(const Windows<T>& windows) {
  const int64_t count = windows.taps * windows.width;
  return count > 0 ? T{1} / static_cast<T>(count) : T{0};
}

template <class T>
void forward(const PoolProblem& problem, const Kernels<T>& kernels, const T* src, T* dst) {
  const auto kernel = problem.kind == PoolKind::max ? kernels.max_pool : kernels.average_pool;
  const Lines<T> lines(problem);
  const int threads = threads_for(operations(problem));
  std::vector<int64_t> offsets = lines.offsets(threads);
  parallel_for(lines.count(), threads, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t row = begin; row < end; ++row)
      lines.for_each(row, lines.of_thread(offsets, thread), [&](Windows<T> windows, int64_t input, int64_t output) {
        windows.src = src + input;
        kernel({.windows = windows, .dst = dst + output, .dst_row = problem.c, .scale = scale_of(windows)});
      });
  });
}

bool windows_overlap(const Axis& axis) { return axis.o > 1 && (axis.k - 1) * axis.d >= axis.s; }

struct Range {
  int64_t begin, end;
};

// The inputs that windows [first, last) of an axis own where windows don't overlap: from the first one's begin to that
// of the window behind them, and with them all that no window sees.
Range owned_inputs(const Axis& axis, int64_t first, int64_t last) {
  const auto begin_of = [&](int64_t o) { return std::clamp(o * axis.s - axis.pad_begin, int64_t{0}, axis.i); };
  return {first == 0 ? 0 : begin_of(first), last == axis.o ? axis.i : begin_of(last)};
}

// The part of the gradient that one task produces: windows first to last in depth and height, and some channels.
struct Share {
  Range depth, height;
  int64_t image, channel, channels;
};

// Where windows of different rows don't overlap, a share is a row of windows; else it is all the image's, and tasks
// share out the channels.
class Shares {
 public:
  explicit Shares(const PoolProblem& problem)
      : problem_(problem),
        by_rows_(!windows_overlap(problem.axes[kDepth]) && !windows_overlap(problem.axes[kHeight])),
        per_image_(by_rows_ ? problem.axes[kDepth].o * problem.axes[kHeight].o
                            : (problem.c + kGradientChannels - 1) / kGradientChannels) {}

  int64_t count() const { return problem_.mb * per_image_; }

  Share share(int64_t task) const {
    const int64_t image = task / per_image_, index = task % per_image_;
    const int64_t depths = problem_.axes[kDepth].o, heights = problem_.axes[kHeight].o;
    if (by_rows_) {
      const int64_t depth = index / heights, height = index % heights;
      return {{depth, depth + 1}, {height, height + 1}, image, 0, problem_.c};
    }
    const int64_t channel = index * kGradientChannels;
    return {{0, depths}, {0, heights}, image, channel, std::min(kGradientChannels, problem_.c - channel)};
  }

 private:
  const PoolProblem& problem_;
  bool by_rows_;
  int64_t per_image_;
};

template <class T>
void clear(const PoolProblem& problem, const Share& share, T* diff_src) {
  const Axis &depth = problem.axes[kDepth], &height = problem.axes[kHeight];
  const Range depths = owned_inputs(depth, share.depth.begin, share.depth.end);
  const Range heights = owned_inputs(height, share.height.begin, share.height.end);
  const int64_t line = problem.axes[kWidth].i, pixels = (heights.end - heights.begin) * line;
  for (int64_t d = depths.begin; d < depths.end; ++d) {
    T* first = diff_src + (((share.image * depth.i + d) * height.i + heights.begin) * line) * problem.c + share.channel;
    if (share.channels == problem.c)
      std::fill_n(first, pixels * problem.c, T{0});
    else
      for (int64_t pixel = 0; pixel < pixels; ++pixel) std::fill_n(first + pixel * problem.c, share.channels, T{0});
  }
}

template <class T>
void backward(const PoolProblem& problem, const Kernels<T>& kernels, const T* src, const T* diff_dst, T* diff_src) {
  const auto kernel = problem.kind == PoolKind::max ? kernels.max_pool_grad : kernels.average_pool_grad;
  const Lines<T> lines(problem);
  const Shares shares(problem);
  const int threads = threads_for(2 * operations(problem));
  std::vector<int64_t> offsets = lines.offsets(threads);
  parallel_for(shares.count(), threads, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t task = begin; task < end; ++task) {
      const Share share = shares.share(task);
      clear(problem, share, diff_src);
      for (int64_t depth = share.depth.begin; depth < share.depth.end; ++depth)
        for (int64_t height = share.height.begin; height < share.height.end; ++height) {
          const int64_t row = (share.image * problem.axes[kDepth].o + depth) * problem.axes[kHeight].o + height;
          lines.for_each(row, lines.of_thread(offsets, thread), [&](Windows<T> windows, int64_t input, int64_t output) {
            windows.src = problem.kind == PoolKind::max ? src + input + share.channel : nullptr;
            windows.channels = share.channels;
            kernel({.windows = windows,
                    // Only read: one argument struct serves the kernels that write dst and those that don't.
                    .dst = const_cast<T*>(diff_dst) + output + share.channel,
                    .dst_row = problem.c,
                    .diff_src = diff_src + input + share.channel,
                    .scale = scale_of(windows)});
          });
        }
    }
  });
}

}  // namespace

void pool_forward(const PoolProblem& problem, const KernelTable& table, const void* src, void* dst) {
  with_dtype(problem.dtype, [&]<class T>() {
    forward<T>(problem, table.kernels<T>(), static_cast<const T*>(src), static_cast<T*>(dst));
  });
}

void pool_backward(const PoolProblem& problem, const KernelTable& table, const void* src, const void* diff_dst,
                   void* diff_src) {
  with_dtype(problem.dtype, [&]<class T>() {
    backward<T>(problem, table.kernels<T>(), static_cast<const T*>(src), static_cast<const T*>(diff_dst),
                static_cast<T*>(diff_src));
  });
}

}  // namespace pyconv
