// pool.cpp: walks the windows of a pooling problem and hands each to a kernel with the offsets of its elements.
#include "pool.h"

#include <algorithm>
#include <vector>

#include "parallel.h"
#include "taps.h"

namespace pyconv {
namespace {

// A block of channels that one task of the gradient owns: windows overlap along space, never along channels.
constexpr int64_t kGradientChannels = 64;

int64_t operations(const PoolProblem& problem) {
  return problem.mb * problem.c * problem.dst_pixels() * problem.axes[kDepth].k * problem.axes[kHeight].k *
         problem.axes[kWidth].k;
}

int64_t window_limit(const PoolProblem& problem) {
  return problem.axes[kDepth].k * problem.axes[kHeight].k * problem.axes[kWidth].k;
}

// Calls f(offsets of the window's elements within the image, how many, output pixel) for a row of windows.
template <class F>
void for_each_window(const PoolProblem& problem, int64_t row, int64_t* offsets, F f) {
  const Axes& axes = problem.axes;
  const Taps height = forward_taps(axes[kHeight], row % axes[kHeight].o);
  const Taps depth = forward_taps(axes[kDepth], row / axes[kHeight].o);
  for (int64_t o = 0; o < axes[kWidth].o; ++o) {
    const Taps width = forward_taps(axes[kWidth], o);
    int64_t count = 0;
    for (int64_t d = 0; d < depth.count; ++d)
      for (int64_t h = 0; h < height.count; ++h)
        for (int64_t w = 0; w < width.count; ++w)
          offsets[count++] = (((depth.src + d * depth.src_step) * axes[kHeight].i + height.src + h * height.src_step) *
                                  axes[kWidth].i +
                              width.src + w * width.src_step) *
                             problem.c;
    f(offsets, count, row * axes[kWidth].o + o);
  }
}

template <class T>
T scale_of(int64_t count) {
  return count > 0 ? T{1} / static_cast<T>(count) : T{0};
}

template <class T>
void forward(const PoolProblem& problem, const Kernels<T>& kernels, const T* src, T* dst) {
  const auto kernel = problem.kind == PoolKind::max ? kernels.max_pool : kernels.average_pool;
  const int64_t rows = problem.axes[kDepth].o * problem.axes[kHeight].o;
  const int threads = threads_for(operations(problem));
  std::vector<int64_t> all_offsets(static_cast<size_t>(window_limit(problem) * threads));
  parallel_for(problem.mb * rows, threads, [&](int64_t begin, int64_t end, int thread) {
    int64_t* window = all_offsets.data() + thread * window_limit(problem);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t image = task / rows;
      for_each_window(problem, task % rows, window, [&](const int64_t* offsets, int64_t count, int64_t pixel) {
        kernel({.src = src + image * problem.src_pixels() * problem.c,
                .src_taps = offsets,
                .taps = count,
                .channels = problem.c,
                .dst = dst + (image * problem.dst_pixels() + pixel) * problem.c,
                .scale = scale_of<T>(count)});
      });
    }
  });
}

template <class T>
void backward(const PoolProblem& problem, const Kernels<T>& kernels, const T* src, const T* diff_dst, T* diff_src) {
  const bool is_max = problem.kind == PoolKind::max;
  const auto kernel = is_max ? kernels.max_pool_grad : kernels.average_pool_grad;
  const int64_t rows = problem.axes[kDepth].o * problem.axes[kHeight].o;
  const int64_t blocks = (problem.c + kGradientChannels - 1) / kGradientChannels;
  const int threads = threads_for(2 * operations(problem));
  std::vector<int64_t> all_offsets(static_cast<size_t>(window_limit(problem) * threads));
  parallel_for(problem.mb * blocks, threads, [&](int64_t begin, int64_t end, int thread) {
    int64_t* window = all_offsets.data() + thread * window_limit(problem);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t image = task / blocks, channel = task % blocks * kGradientChannels;
      const int64_t channels = std::min(kGradientChannels, problem.c - channel);
      const int64_t first = image * problem.src_pixels() * problem.c + channel;
      for (int64_t pixel = 0; pixel < problem.src_pixels(); ++pixel)
        std::fill_n(diff_src + first + pixel * problem.c, channels, T{0});
      for (int64_t row = 0; row < rows; ++row)
        for_each_window(problem, row, window, [&](const int64_t* offsets, int64_t count, int64_t pixel) {
          kernel({.src = is_max ? src + first : nullptr,
                  .src_taps = offsets,
                  .taps = count,
                  .channels = channels,
                  // Only read: one argument struct serves the kernels that write dst and those that don't.
                  .dst = const_cast<T*>(diff_dst) + (image * problem.dst_pixels() + pixel) * problem.c + channel,
                  .diff_src = diff_src + first,
                  .scale = scale_of<T>(count)});
        });
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
