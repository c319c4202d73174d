// last_axis.h: rows whose results depend on all their elements: softmax, and normalisation by mean and variance.
#pragma once

#include "../kernel_table.h"
#include "vector_math.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// The numbers 0, 1, 2, ... of the lanes.
template <class T>
LaneVec<T> lane_numbers() {
  LaneVec<T> lanes;
  for (int i = 0; i < kLanes<T>; ++i) lanes[i] = i;
  return lanes;
}

// All lanes combined, in every lane: halves, quarters and so on with one another.
template <class T, class F>
Vec<T> across_lanes(Vec<T> v, F combine) {
  PYCONV_UNROLL for (int distance = kLanes<T> / 2; distance > 0; distance /= 2) {
    v = combine(v, permute<T>(v, lane_numbers<T>() ^ distance));
  }
  return v;
}

// combine of start and all f(offset, load, store) over a row, in every lane; lanes beyond the row's end don't count.
template <class T, class F, class G>
Vec<T> reduce_row(int64_t n, T start, F f, G combine) {
  Vec<T> total = broadcast(start);
  int64_t j = 0;
  for (; j + kLanes<T> <= n; j += kLanes<T>)
    total = combine(total, f(j, [](const T* p) { return load(p); }, [](T* p, Vec<T> v) { store(p, v); }));
  if (const int64_t rest = n - j; rest > 0) {
    const Vec<T> v = f(
        j, [rest](const T* p) { return load_partial(p, rest); }, [rest](T* p, Vec<T> x) { store_partial(p, x, rest); });
    using Lane = decltype(lane_numbers<T>()[0] + 0);
    total = combine(total, lane_numbers<T>() < static_cast<Lane>(rest) ? v : broadcast(start));
  }
  return across_lanes<T>(total, combine);
}

template <class T>
Vec<T> larger(Vec<T> x, Vec<T> y) {
  return x > y ? x : y;
}

template <class T>
Vec<T> plus(Vec<T> x, Vec<T> y) {
  return x + y;
}

template <class T>
void softmax(const RowArgs<T>& args) {
  for (int64_t r = 0; r < args.rows; ++r) {
    const T* src = args.src + r * args.channels;
    T* dst = args.dst + r * args.channels;
    // NaN is larger than nothing, but then the sum is NaN.
    const Vec<T> most = reduce_row<T>(
        args.channels, static_cast<T>(-__builtin_inf()), [&](int64_t j, auto load, auto) { return load(src + j); },
        larger<T>);
    const Vec<T> sum = reduce_row<T>(
        args.channels, 0,
        [&](int64_t j, auto load, auto store) {
          const Vec<T> y = exp<T>(load(src + j) - most);
          store(dst + j, y);
          return y;
        },
        plus<T>);
    const Vec<T> scale = T{1} / sum;
    for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) { store(dst + j, load(dst + j) * scale); });
  }
}

// A sum over a row loses digits with its length. Stretches of this many are added up in double.
constexpr int64_t kStretch = 1024;

template <class T, class F>
double long_sum(int64_t n, F f) {
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kStretch)
    total += static_cast<double>(reduce_row<T>(
        n - begin < kStretch ? n - begin : kStretch, 0, [&](int64_t j, auto load, auto) { return f(begin + j, load); },
        plus<T>)[0]);
  return total;
}

template <class T>
void row_normalize(const RowArgs<T>& args) {
  const auto count = static_cast<double>(args.channels);
  for (int64_t r = 0; r < args.rows; ++r) {
    const T* src = args.src + r * args.channels;
    T* dst = args.dst + r * args.channels;
    // What the first sum lost of numbers far from zero, that of their distances finds.
    Vec<T> mean{};
    for (int i = 0; args.centred && i < 2; ++i)
      mean += static_cast<T>(long_sum<T>(args.channels, [&](int64_t j, auto load) { return load(src + j) - mean; }) /
                             count);
    const double variance = long_sum<T>(args.channels,
                                        [&](int64_t j, auto load) {
                                          const Vec<T> x = load(src + j) - mean;
                                          return x * x;
                                        }) /
                            count;
    const Vec<T> root = square_root<T>(broadcast(static_cast<T>(variance + args.epsilon)));
    for_each_vector<T>(args.channels, [&](int64_t j, auto load, auto store) {
      Vec<T> y = (load(src + j) - mean) / root;
      if (args.scale) y *= load(args.scale + j);
      if (args.shift) y += load(args.shift + j);
      store(dst + j, y);
    });
  }
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
