// update.h: the steps of optimizers, all in one pass over the weights, their gradients and what is kept between steps.
// The order of the operations is Keras', so that results differ from its by roundings alone.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T>
Vec<T> clipped(const UpdateArgs<T>& args, Vec<T> gradient) {
  const Vec<T> g = args.factor * gradient, limit = broadcast(args.limit);
  const Vec<T> most = g > limit ? limit : g;  // NaN stays
  return most < -limit ? -limit : most;
}

template <class T>
double sum_of_squares(const T* src, int64_t count) {
  constexpr int kSums = 16;  // several vectors of double, so that an addition needn't wait for the one before
  double sums[kSums] = {};
  int64_t i = 0;
  for (; i + kSums <= count; i += kSums)
    for (int j = 0; j < kSums; ++j) {
      const auto x = static_cast<double>(src[i + j]);
      sums[j] += x * x;
    }
  for (int j = 0; i < count; ++i, ++j) {
    const auto x = static_cast<double>(src[i]);
    sums[j] += x * x;
  }
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

template <class T>
void sgd_update(const UpdateArgs<T>& arguments) {
  const UpdateArgs<T> args = arguments;  // a copy that no store changes
  for_each_vector<T>(args.count, [&](int64_t i, auto load, auto store) {
    const Vec<T> step = args.rate * clipped(args, load(args.gradients + i));
    Vec<T> change = -step;
    if (args.velocity) {
      change = args.momentum * load(args.velocity + i) - step;
      store(args.velocity + i, change);
      if (args.nesterov) change = args.momentum * change - step;
    }
    store(args.weights + i, args.keep * load(args.weights + i) + change);
  });
}

template <class T>
void adam_update(const UpdateArgs<T>& arguments) {
  const UpdateArgs<T> args = arguments;
  for_each_vector<T>(args.count, [&](int64_t i, auto load, auto store) {
    const Vec<T> gradient = clipped(args, load(args.gradients + i));
    Vec<T> mean = load(args.mean + i), square = load(args.square + i);
    mean += args.mean_share * (gradient - mean);
    square += args.square_share * (gradient * gradient - square);
    store(args.mean + i, mean);
    store(args.square + i, square);
    if (args.largest) {
      const Vec<T> largest = load(args.largest + i);
      square = square < largest ? largest : square;  // NaN stays
      store(args.largest + i, square);
    }
    const Vec<T> step = args.rate * (mean / (square_root<T>(square) + args.epsilon));
    store(args.weights + i, args.keep * load(args.weights + i) - step);
  });
}

template <class T>
void rmsprop_update(const UpdateArgs<T>& arguments) {
  const UpdateArgs<T> args = arguments;
  for_each_vector<T>(args.count, [&](int64_t i, auto load, auto store) {
    const Vec<T> gradient = clipped(args, load(args.gradients + i));
    Vec<T> square = args.square_keep * load(args.square + i) + args.square_share * (gradient * gradient);
    store(args.square + i, square);
    if (args.mean) {
      const Vec<T> mean = args.square_keep * load(args.mean + i) + args.mean_share * gradient;
      store(args.mean + i, mean);
      square -= mean * mean;
    }
    Vec<T> step = args.rate * (gradient / square_root<T>(square + args.epsilon));
    if (args.velocity) {
      step += args.momentum * load(args.velocity + i);
      store(args.velocity + i, step);
    }
    store(args.weights + i, args.keep * load(args.weights + i) - step);
  });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
