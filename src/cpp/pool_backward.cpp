// pool_backward.cpp: the gradients of pooling, cut into shares that no two threads write to.
#include <algorithm>

#include "parallel.h"
#include "pool.h"
#include "workspace.h"

namespace pyconv {
namespace {

// A block of channels that one task of the gradient owns: windows overlap along space, never along channels.
constexpr int64_t kGradientChannels = 64;

// Whether every element of the input lies in one window, and one only.
bool is_tiled(const PoolProblem& problem) {
  return std::ranges::all_of(problem.axes, [](const Axis& axis) {
    return axis.d == 1 && axis.s == axis.k && axis.pad_begin == 0 && axis.o * axis.k == axis.i;
  });
}

// Lines of an image's gradient become zero shortly before the first window adds to them, while they are in the cache.
template <class T>
class Zeros {
 public:
  Zeros(const PoolProblem& problem, T* image, int64_t channels)
      : image_(image), channels_(channels), pixel_(problem.c), width_(problem.axes[kWidth].i) {}

  // Lines up to this one, depths and heights counted together.
  void until(int64_t line) {
    for (int64_t pixel = next_ * width_; pixel < line * width_; ++pixel)
      std::fill_n(image_ + pixel * pixel_, channels_, T{0});
    next_ = std::max(next_, line);
  }

 private:
  T* image_;
  int64_t channels_, pixel_, width_, next_ = 0;
};

template <class T>
void backward(const PoolPlan& plan, const T* src, const T* diff_dst, T* diff_src) {
  const PoolProblem& problem = plan.problem;
  const bool is_max = problem.kind == PoolKind::max, tiled = is_tiled(problem);
  const Kernels<T>& kernels = plan.table->kernels<T>();
  const auto kernel = is_max ? kernels.max_pool_grad : kernels.average_pool_grad;
  const int64_t rows = problem.axes[kDepth].o * problem.axes[kHeight].o, c = problem.c;
  const int64_t lines = problem.axes[kDepth].i * problem.axes[kHeight].i;
  const int64_t blocks = (c + kGradientChannels - 1) / kGradientChannels;
  const int threads = threads_for(2 * plan.operations());
  const int64_t places_bytes = align_up(plan.most_rows() * static_cast<int64_t>(sizeof(int64_t)));
  const Workspace workspace(places_bytes * threads);
  parallel_for(problem.mb * blocks, threads, [&](int64_t begin, int64_t end, int thread) {
    auto* places = reinterpret_cast<int64_t*>(workspace.get() + thread * places_bytes);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t image = task / blocks, channel = task % blocks * kGradientChannels;
      const int64_t channels = std::min(kGradientChannels, c - channel);
      const int64_t first = image * problem.src_pixels() * c + channel;
      Zeros<T> zeros(problem, diff_src + first, channels);
      for (int64_t index = 0; index < rows; ++index) {
        const Gather::Row row = plan.line(image * rows + index);
        if (!tiled && row.depth.count > 0 && row.height.count > 0)
          zeros.until((row.depth.src + (row.depth.count - 1) * row.depth.src_step) * problem.axes[kHeight].i +
                      row.height.src + (row.height.count - 1) * row.height.src_step + 1);
        for (const Segment& segment : plan.gather.segments) {
          int64_t taps = 0;
          plan.gather.for_each_tap(row, segment, true, [&](int64_t, int64_t at) { places[taps++] = at * c; });
          const int64_t count = taps * segment.taps.count;
          kernel({.src = is_max ? src + first : nullptr,
                  .src_taps = places,
                  .taps = taps,
                  .width = segment.taps.count,
                  .src_step = segment.taps.src_step * c,
                  .src_row = segment.src_advance * c,
                  .diff_dst = diff_dst + (row.pixel + segment.first) * c + channel,
                  .dst_row = c,
                  .rows = segment.count,
                  .channels = channels,
                  .diff_src = diff_src + first,
                  .scale = count > 0 ? T{1} / static_cast<T>(count) : T{0},
                  .disjoint = tiled});
        }
      }
      if (!tiled) zeros.until(lines);
    }
  });
}

}  // namespace

void pool_backward(const PoolPlan& plan, const void* src, const void* diff_dst, void* diff_src) {
  with_dtype(plan.problem.dtype, [&]<class T>() {
    backward(plan, static_cast<const T*>(src), static_cast<const T*>(diff_dst), static_cast<T*>(diff_src));
  });
}

}  // namespace pyconv
