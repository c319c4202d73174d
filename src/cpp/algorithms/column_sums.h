// column_sums.h: sums of lines, as the gradient of a bias is, or a total of partial sums.
#pragma once

#include <algorithm>

#include "../buffer.h"
#include "../kernel_table.h"
#include "../parallel.h"

namespace pyconv {

// to[j] = sum over line < lines of from[line * step + j]      j < columns. An average pooling is that, too.
template <class T>
void add_up(const Kernels<T>& kernels, const T* from, int64_t lines, int64_t step, int64_t columns, T* to) {
  constexpr int64_t no_offset = 0;
  kernels.average_pool({.src = from,
                        .src_taps = &no_offset,
                        .taps = 1,
                        .width = lines,
                        .src_step = step,
                        .dst = to,
                        .channels = columns});
}

// The gradient of a bias: pixels are cut into parts, as many for any number of threads, and the sums of the parts added
// in one order.
template <class T>
struct BiasGradient {
  // A part's pixels: enough that adding its sums up takes little beside summing them.
  static constexpr int64_t kPixels = 256, kMostParts = 32;

  BiasGradient(int64_t all_pixels, int64_t all_channels)
      : pixels(all_pixels), channels(all_channels), parts(std::clamp(all_pixels / kPixels, int64_t{1}, kMostParts)) {}

  int64_t bytes() const { return align_up(parts * channels * static_cast<int64_t>(sizeof(T))); }

  void run(const Kernels<T>& kernels, int threads, const T* diff_dst, T* diff_bias, std::byte* workspace) const {
    T* sums = reinterpret_cast<T*>(workspace);
    parallel_for(parts, threads, [&](int64_t begin, int64_t end, int) {
      for (int64_t part = begin; part < end; ++part) {
        const int64_t first = pixels * part / parts, last = pixels * (part + 1) / parts;
        add_up(kernels, diff_dst + first * channels, last - first, channels, channels, sums + part * channels);
      }
    });
    add_up(kernels, sums, parts, channels, channels, diff_bias);
  }

  int64_t pixels, channels, parts;
};

}  // namespace pyconv
