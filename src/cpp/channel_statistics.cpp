// channel_statistics.cpp: pixels in fixed parts, the sums of the parts added up in one order and in double, so that
// results don't depend on the number of threads.
#include "channel_statistics.h"

#include <algorithm>
#include <vector>

#include "buffer.h"
#include "parallel.h"
#include "workspace.h"

namespace pyconv {
namespace {

// Enough parts for any machine's threads to have about equal shares, of so many rows that adding them up takes little.
constexpr int64_t kMostParts = 32, kRowsPerPart = 64;

// Read at a time: a quarter of an L2 cache of 1 MB, for moments need it twice, and so few rows that rounding stays
// small in sums of them, one after the other.
constexpr int64_t kChunkBytes = 256 * 1024, kChunkRows = 512;

// These kernels wait for memory, which brings a float in the time of about 20 operations on registers (parallel.h's
// measure, 1e5 a microsecond).
constexpr int64_t kPerElement = 20;

int threads_of(const ChannelRows& size) { return threads_for(kPerElement * size.rows * size.channels); }

int64_t parts_of(const ChannelRows& size) { return std::clamp(size.rows / kRowsPerPart, int64_t{1}, kMostParts); }

template <class T>
int64_t chunk_rows(const ChannelRows& size) {
  const int64_t row_bytes = std::max(int64_t{1}, size.channels * static_cast<int64_t>(sizeof(T)));
  return std::clamp(kChunkBytes / row_bytes, int64_t{1}, kChunkRows);
}

// Calls f(part, first row, rows, scratch) for the chunks of every part in order, parts shared among threads; scratch
// has room for `numbers` of each channel.
template <class T, class F>
void for_each_chunk(const ChannelRows& size, int64_t numbers, F f) {
  const int64_t parts = parts_of(size), chunk = chunk_rows<T>(size);
  const int threads = threads_of(size);
  const int64_t scratch_bytes = align_up(numbers * size.channels * static_cast<int64_t>(sizeof(T)));
  const Workspace workspace(threads * scratch_bytes);
  parallel_for(parts, threads, [&](int64_t begin, int64_t end, int thread) {
    T* scratch = reinterpret_cast<T*>(workspace.get() + thread * scratch_bytes);
    for (int64_t part = begin; part < end; ++part) {
      const int64_t last = size.rows * (part + 1) / parts;
      for (int64_t row = size.rows * part / parts; row < last; row += chunk)
        f(part, row, std::min(chunk, last - row), scratch);
    }
  });
}

template <class T>
void moments(const Kernels<T>& kernels, const ChannelRows& size, const T* src, T* mean, T* variance) {
  const auto channels = static_cast<size_t>(size.channels), parts = static_cast<size_t>(parts_of(size));
  // Of each part and channel: how many rows so far, their mean, and the sum of squared distances from it.
  std::vector<double> counts(parts), means(parts * channels), squares(parts * channels);
  // Two sets of rows become one: Chan, Golub and LeVeque 1983, doi.org/10.1080/00031305.1983.10483115.
  const auto join = [](double& count, double* all_means, double* all_squares, double more, const auto& mean_of,
                       const auto& squares_of, size_t length) {
    const double share = more / (count + more), weight = count * share;
    for (size_t j = 0; j < length; ++j) {
      const double distance = mean_of(j) - all_means[j];
      all_means[j] += distance * share;
      all_squares[j] += squares_of(j) + distance * distance * weight;
    }
    count += more;
  };
  for_each_chunk<T>(size, 3, [&](int64_t part, int64_t first, int64_t rows, T* scratch) {
    constexpr int64_t no_offset = 0;
    const T* from = src + first * size.channels;
    T *centre = scratch, *sums = centre + size.channels, *products = sums + size.channels;
    std::fill_n(sums, 2 * channels, T{0});
    kernels.average_pool({.src = from,
                          .src_taps = &no_offset,
                          .taps = 1,
                          .width = rows,
                          .src_step = size.channels,
                          .dst = centre,
                          .channels = size.channels,
                          .scale = T{1} / static_cast<T>(rows)});
    kernels.squares(
        {.src = from, .centre = centre, .sums = sums, .products = products, .rows = rows, .channels = size.channels});
    // What the centre is off by through rounding is in the sums.
    const double count = static_cast<double>(rows);
    const auto at = static_cast<size_t>(part) * channels;
    join(
        counts[static_cast<size_t>(part)], &means[at], &squares[at], count,
        [&](size_t j) { return static_cast<double>(centre[j]) + static_cast<double>(sums[j]) / count; },
        [&](size_t j) { return static_cast<double>(products[j]); }, channels);
  });
  for (size_t part = 1; part < parts; ++part)
    join(
        counts[0], means.data(), squares.data(), counts[part], [&](size_t j) { return means[part * channels + j]; },
        [&](size_t j) { return squares[part * channels + j]; }, channels);
  for (size_t j = 0; j < channels; ++j) {
    mean[j] = static_cast<T>(means[j]);
    variance[j] = static_cast<T>(squares[j] / counts[0]);
  }
}

template <class T>
ChannelArgs<T> args_of(const ChannelRows& size, const Normalization& of, int64_t first_row, int64_t rows) {
  const auto numbers = [](const void* array) { return static_cast<const T*>(array); };
  return {.src = numbers(of.src) + first_row * size.channels,
          .centre = numbers(of.centre),
          .scale = numbers(of.scale),
          .shift = numbers(of.shift),
          .epilogue = {.activation = of.activation, .negative_slope = static_cast<T>(of.negative_slope)},
          .rows = rows,
          .channels = size.channels};
}

template <class T>
void gradient_sums(const Kernels<T>& kernels, const ChannelRows& size, const Normalization& of, const T* diff_dst,
                   T* sums, T* products) {
  const auto length = static_cast<size_t>(2 * size.channels), parts = static_cast<size_t>(parts_of(size));
  std::vector<double> totals(parts * length);
  for_each_chunk<T>(size, 2, [&](int64_t part, int64_t first, int64_t rows, T* scratch) {
    std::fill_n(scratch, length, T{0});
    ChannelArgs<T> args = args_of<T>(size, of, first, rows);
    args.diff_dst = diff_dst + first * size.channels;
    args.sums = scratch;
    args.products = scratch + size.channels;
    kernels.gradient_sums(args);
    double* total = &totals[static_cast<size_t>(part) * length];
    for (size_t j = 0; j < length; ++j) total[j] += static_cast<double>(scratch[j]);
  });
  for (size_t j = 0; j < length; ++j) {
    double total = 0;
    for (size_t part = 0; part < parts; ++part) total += totals[part * length + j];
    (j < length / 2 ? sums : products - length / 2)[j] = static_cast<T>(total);
  }
}

// Calls f(args, element) for the rows of each thread, of which `element` is the first.
template <class T, class F>
void for_each_share(const ChannelRows& size, const Normalization& of, F f) {
  parallel_for(size.rows, threads_of(size), [&](int64_t begin, int64_t end, int) {
    f(args_of<T>(size, of, begin, end - begin), begin * size.channels);
  });
}

}  // namespace

void channel_moments(const KernelTable& table, const ChannelRows& size, const void* src, void* mean, void* variance) {
  with_dtype(size.dtype, [&]<class T>() {
    moments<T>(table.kernels<T>(), size, static_cast<const T*>(src), static_cast<T*>(mean), static_cast<T*>(variance));
  });
}

void channel_normalize(const KernelTable& table, const ChannelRows& size, const Normalization& of, const void* residual,
                       void* dst) {
  with_dtype(size.dtype, [&]<class T>() {
    for_each_share<T>(size, of, [&](ChannelArgs<T> args, int64_t at) {
      args.epilogue.residual = residual ? static_cast<const T*>(residual) + at : nullptr;
      args.dst = static_cast<T*>(dst) + at;
      table.kernels<T>().normalize(args);
    });
  });
}

void channel_gradient_sums(const KernelTable& table, const ChannelRows& size, const Normalization& of,
                           const void* diff_dst, void* sums, void* products) {
  with_dtype(size.dtype, [&]<class T>() {
    gradient_sums<T>(table.kernels<T>(), size, of, static_cast<const T*>(diff_dst), static_cast<T*>(sums),
                     static_cast<T*>(products));
  });
}

void channel_normalize_backward(const KernelTable& table, const ChannelRows& size, const Normalization& of,
                                const void* diff_dst, const void* slope, const void* lift, void* diff_src) {
  with_dtype(size.dtype, [&]<class T>() {
    for_each_share<T>(size, of, [&](ChannelArgs<T> args, int64_t at) {
      args.diff_dst = static_cast<const T*>(diff_dst) + at;
      args.slope = static_cast<const T*>(slope);
      args.lift = static_cast<const T*>(lift);
      args.dst = static_cast<T*>(diff_src) + at;
      table.kernels<T>().normalize_grad(args);
    });
  });
}

void activation_backward(const KernelTable& table, DType dtype, Activation activation, double negative_slope,
                         int64_t count, const void* dst, const void* diff_dst, void* diff_src) {
  // Whole cache lines, so that no two threads write to one.
  const int64_t unit = kAlignment / size_of(dtype), units = (count + unit - 1) / unit;
  with_dtype(dtype, [&]<class T>() {
    parallel_for(units, threads_for(kPerElement * count), [&](int64_t begin, int64_t end, int) {
      const int64_t first = begin * unit;
      table.kernels<T>().activation_grad({.activation = activation,
                                          .negative_slope = static_cast<T>(negative_slope),
                                          .dst = static_cast<const T*>(dst) + first,
                                          .diff_dst = static_cast<const T*>(diff_dst) + first,
                                          .diff_src = static_cast<T*>(diff_src) + first,
                                          .count = std::min(end * unit, count) - first});
    });
  });
}

}  // namespace pyconv
