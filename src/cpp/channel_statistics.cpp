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

// Read at a time, a vector of channels after the other: a quarter of an L2 cache of 1 MB.
constexpr int64_t kChunkBytes = 256 * 1024;

// These kernels wait for memory, which brings a float in the time of about 20 operations on registers (parallel.h's
// measure, 1e5 a microsecond).
constexpr int64_t kPerElement = 20;

int threads_of(const ChannelRows& size) { return threads_for(kPerElement * size.rows * size.channels); }

int64_t parts_of(const ChannelRows& size) { return std::clamp(size.rows / kRowsPerPart, int64_t{1}, kMostParts); }

template <class T>
int64_t chunk_rows(const ChannelRows& size) {
  return std::max(int64_t{1}, kChunkBytes / std::max(int64_t{1}, size.channels * static_cast<int64_t>(sizeof(T))));
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
    kernels.centred_sums(
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
void products(const Kernels<T>& kernels, const ChannelRows& size, const T* src, const T* centre, const T* other,
              T* sums, T* products_of) {
  const auto length = static_cast<size_t>(2 * size.channels), parts = static_cast<size_t>(parts_of(size));
  std::vector<double> totals(parts * length);
  for_each_chunk<T>(size, 2, [&](int64_t part, int64_t first, int64_t rows, T* scratch) {
    std::fill_n(scratch, length, T{0});
    kernels.centred_sums({.src = src + first * size.channels,
                          .other = other + first * size.channels,
                          .centre = centre,
                          .sums = scratch,
                          .products = scratch + size.channels,
                          .rows = rows,
                          .channels = size.channels});
    double* total = &totals[static_cast<size_t>(part) * length];
    for (size_t j = 0; j < length; ++j) total[j] += static_cast<double>(scratch[j]);
  });
  for (size_t j = 0; j < length; ++j) {
    double total = 0;
    for (size_t part = 0; part < parts; ++part) total += totals[part * length + j];
    (j < length / 2 ? sums : products_of - length / 2)[j] = static_cast<T>(total);
  }
}

}  // namespace

void channel_moments(const KernelTable& table, const ChannelRows& size, const void* src, void* mean, void* variance) {
  with_dtype(size.dtype, [&]<class T>() {
    moments<T>(table.kernels<T>(), size, static_cast<const T*>(src), static_cast<T*>(mean), static_cast<T*>(variance));
  });
}

void channel_products(const KernelTable& table, const ChannelRows& size, const void* src, const void* centre,
                      const void* other, void* sums, void* products_of) {
  with_dtype(size.dtype, [&]<class T>() {
    products<T>(table.kernels<T>(), size, static_cast<const T*>(src), static_cast<const T*>(centre),
                static_cast<const T*>(other), static_cast<T*>(sums), static_cast<T*>(products_of));
  });
}

void channel_normalize(const KernelTable& table, const ChannelRows& size, const Normalization& arrays) {
  with_dtype(size.dtype, [&]<class T>() {
    const auto of = [](const void* array) { return static_cast<const T*>(array); };
    parallel_for(size.rows, threads_of(size), [&](int64_t begin, int64_t end, int) {
      const int64_t at = begin * size.channels;
      table.kernels<T>().normalize({.src = of(arrays.src) + at,
                                    .other = arrays.other ? of(arrays.other) + at : nullptr,
                                    .centre = of(arrays.centre),
                                    .scale = of(arrays.scale),
                                    .shift = of(arrays.shift),
                                    .factor = of(arrays.factor),
                                    .dst = static_cast<T*>(arrays.dst) + at,
                                    .rows = end - begin,
                                    .channels = size.channels});
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
