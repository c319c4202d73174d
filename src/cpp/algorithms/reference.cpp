// reference.cpp: convolution by its definition, summed in double. Refuses nothing and is not fast: the yardstick of the
// tests, and the last resort of the list.
#include <algorithm>

#include "../algorithms.h"
#include "../parallel.h"

namespace pyconv {
namespace {

// Where the definition's indices lie in the tensors of a problem.
template <class T>
struct Tensors {
  const ConvProblem& p;
  T *src, *weights, *bias, *dst;
  const T* residual;

  static int64_t index(const Axes& axes, int64_t Axis::* size, const int64_t (&at)[kSpatialAxes]) {
    return (at[kDepth] * axes[kHeight].*size + at[kHeight]) * axes[kWidth].*size + at[kWidth];
  }
  T& src_at(int64_t n, const int64_t (&at)[kSpatialAxes], int64_t c) const {
    return src[(n * p.src_pixels() + index(p.axes, &Axis::i, at)) * p.src_stride + c];
  }
  T& weight_at(const int64_t (&at)[kSpatialAxes], int64_t c, int64_t o) const {
    return weights[(index(p.axes, &Axis::k, at) * p.group_ic() + c) * p.oc + o];
  }
  int64_t dst_index(int64_t n, const int64_t (&at)[kSpatialAxes], int64_t o) const {
    return (n * p.dst_pixels() + index(p.axes, &Axis::o, at)) * p.dst_stride + o;
  }
  T& dst_at(int64_t n, const int64_t (&at)[kSpatialAxes], int64_t o) const { return dst[dst_index(n, at, o)]; }
};

// Calls f(coordinates) for every point of the box.
template <class F>
void for_each_point(const Axes& axes, int64_t Axis::* size, F f) {
  int64_t at[kSpatialAxes];
  for (at[kDepth] = 0; at[kDepth] < axes[kDepth].*size; ++at[kDepth])
    for (at[kHeight] = 0; at[kHeight] < axes[kHeight].*size; ++at[kHeight])
      for (at[kWidth] = 0; at[kWidth] < axes[kWidth].*size; ++at[kWidth]) f(at);
}

// The input element under kernel element k of output o; false where that is padding.
bool input_of(const Axes& axes, const int64_t (&o)[kSpatialAxes], const int64_t (&k)[kSpatialAxes],
              int64_t (&i)[kSpatialAxes]) {
  for (int axis = 0; axis < kSpatialAxes; ++axis) {
    const Axis& a = axes[static_cast<size_t>(axis)];
    i[axis] = o[axis] * a.s + k[axis] * a.d - a.pad_begin;
    if (i[axis] < 0 || i[axis] >= a.i) return false;
  }
  return true;
}

// The output whose kernel element k lies on input i; false where there is none.
bool output_of(const Axes& axes, const int64_t (&i)[kSpatialAxes], const int64_t (&k)[kSpatialAxes],
               int64_t (&o)[kSpatialAxes]) {
  for (int axis = 0; axis < kSpatialAxes; ++axis) {
    const Axis& a = axes[static_cast<size_t>(axis)];
    const int64_t distance = i[axis] + a.pad_begin - k[axis] * a.d;
    o[axis] = distance / a.s;
    if (distance < 0 || distance % a.s != 0 || o[axis] >= a.o) return false;
  }
  return true;
}

double activate(const ConvProblem& p, double x) {
  if (p.activation == Activation::linear || x >= 0) return p.activation == Activation::relu6 ? std::min(x, 6.0) : x;
  if (p.activation == Activation::leaky_relu) return x * p.negative_slope;
  return x < 0 ? 0.0 : x;  // NaN stays
}

template <class T>
void forward(const Tensors<T>& t, int64_t n, int64_t o) {
  const int64_t first = o / t.p.group_oc() * t.p.group_ic();
  for_each_point(t.p.axes, &Axis::o, [&](const int64_t (&out)[kSpatialAxes]) {
    double sum = t.bias ? static_cast<double>(t.bias[o]) : 0.0;
    for_each_point(t.p.axes, &Axis::k, [&](const int64_t (&k)[kSpatialAxes]) {
      int64_t in[kSpatialAxes];
      if (!input_of(t.p.axes, out, k, in)) return;
      for (int64_t c = 0; c < t.p.group_ic(); ++c)
        sum += static_cast<double>(t.src_at(n, in, first + c)) * static_cast<double>(t.weight_at(k, c, o));
    });
    if (t.residual) sum += static_cast<double>(t.residual[t.dst_index(n, out, o)]);
    t.dst_at(n, out, o) = static_cast<T>(activate(t.p, sum));
  });
}

template <class T>
void backward_data(const Tensors<T>& t, int64_t n, int64_t c) {
  const int64_t first = c / t.p.group_ic() * t.p.group_oc();
  for_each_point(t.p.axes, &Axis::i, [&](const int64_t (&in)[kSpatialAxes]) {
    double sum = t.bias ? static_cast<double>(t.bias[c]) : 0.0;
    for_each_point(t.p.axes, &Axis::k, [&](const int64_t (&k)[kSpatialAxes]) {
      int64_t out[kSpatialAxes];
      if (!output_of(t.p.axes, in, k, out)) return;
      for (int64_t o = first; o < first + t.p.group_oc(); ++o)
        sum += static_cast<double>(t.dst_at(n, out, o)) * static_cast<double>(t.weight_at(k, c % t.p.group_ic(), o));
    });
    t.src_at(n, in, c) = static_cast<T>(activate(t.p, sum));
  });
}

template <class T>
void backward_weights(const Tensors<T>& t, int64_t o) {
  const int64_t first = o / t.p.group_oc() * t.p.group_ic();
  for_each_point(t.p.axes, &Axis::k, [&](const int64_t (&k)[kSpatialAxes]) {
    for (int64_t c = 0; c < t.p.group_ic(); ++c) {
      double sum = 0;
      for (int64_t n = 0; n < t.p.mb; ++n)
        for_each_point(t.p.axes, &Axis::o, [&](const int64_t (&out)[kSpatialAxes]) {
          int64_t in[kSpatialAxes];
          if (input_of(t.p.axes, out, k, in))
            sum += static_cast<double>(t.src_at(n, in, first + c)) * static_cast<double>(t.dst_at(n, out, o));
        });
      t.weight_at(k, c, o) = static_cast<T>(sum);
    }
  });
  if (t.bias == nullptr) return;
  double sum = 0;
  for (int64_t n = 0; n < t.p.mb; ++n)
    for_each_point(t.p.axes, &Axis::o,
                   [&](const int64_t (&out)[kSpatialAxes]) { sum += static_cast<double>(t.dst_at(n, out, o)); });
  t.bias[o] = static_cast<T>(sum);
}

std::string refuse(const ConvProblem&) { return ""; }

ConvMemory memory(const ConvProblem&, const KernelTable&, int) { return {}; }

// Tasks are produced channels, times images where there are images to produce.
void run(const ConvProblem& problem, const KernelTable&, int threads, const ConvTensors& tensors, const std::byte*,
         std::byte*) {
  with_dtype(problem.dtype, [&]<class T>() {
    const Tensors<T> t{problem,
                       static_cast<T*>(tensors.src),
                       static_cast<T*>(tensors.weights),
                       static_cast<T*>(tensors.bias),
                       static_cast<T*>(tensors.dst),
                       static_cast<const T*>(tensors.residual)};
    const bool weights = problem.direction == Direction::backward_weights;
    const int64_t channels = problem.direction == Direction::backward_data ? problem.ic : problem.oc;
    parallel_for(weights ? channels : problem.mb * channels, threads, [&](int64_t begin, int64_t end, int) {
      for (int64_t task = begin; task < end; ++task) {
        if (weights)
          backward_weights(t, task);
        else if (problem.direction == Direction::forward)
          forward(t, task / channels, task % channels);
        else
          backward_data(t, task / channels, task % channels);
      }
    });
  });
}

}  // namespace

const ConvAlgorithm kReference = {"reference", true, refuse, nullptr, memory, nullptr, run};

}  // namespace pyconv
