// gather.h: the geometry that convolution forward and its data gradient share: produced pixels, each a sum over taps of
// source pixels. No arithmetic on data; algorithms say what a tap costs and multiply.
#pragma once

#include <cstdint>
#include <vector>

#include "../buffer.h"
#include "../problem.h"
#include "../taps.h"

namespace pyconv {

// Forward gathers from src (ic channels) into dst (oc), backward_data from dst into src with the kernel turned round.
struct Gather {
  Gather(bool forward, int64_t mb, int64_t ic, int64_t oc, const Axes& axes);
  explicit Gather(const ConvProblem& problem);

  Taps taps(AxisIndex axis, int64_t produced) const {
    const Axis& geometry = axes[axis];
    return forward ? forward_taps(geometry, produced) : backward_taps(geometry, produced);
  }
  std::vector<Segment> segments_of(AxisIndex axis) const {
    return forward ? forward_segments(axes[axis]) : backward_segments(axes[axis]);
  }
  int64_t produced(AxisIndex axis) const { return forward ? axes[axis].o : axes[axis].i; }
  int64_t source(AxisIndex axis) const { return forward ? axes[axis].i : axes[axis].o; }
  int64_t produced_channels() const { return forward ? oc : ic; }
  int64_t source_channels() const { return forward ? ic : oc; }

  // One line of produced pixels along the width, for an image, a depth and a height. There are rows() of them.
  struct Row {
    int64_t pixel;         // of the first produced pixel
    int64_t source_pixel;  // of the image's first source pixel
    Taps depth, height;
  };
  int64_t rows() const { return mb * produced(kDepth) * produced(kHeight); }
  Row row(int64_t index) const;

  // The source pixel of the first tap, relative to Row::source_pixel.
  int64_t first_tap(const Row& row, const Segment& segment) const {
    return (row.depth.src * source(kHeight) + row.height.src) * source(kWidth) + segment.taps.src;
  }

  // Every tap of a row and a segment in the kernel's order: f(kernel tap, source pixel relative to Row::source_pixel).
  // Taps along the width are visited one by one, or, if whole_runs, once per run for its first element.
  template <class F>
  void for_each_tap(const Row& row, const Segment& segment, bool whole_runs, F f) const {
    const int64_t width_taps = whole_runs ? (segment.taps.count > 0) : segment.taps.count;
    for (int64_t d = 0; d < row.depth.count; ++d)
      for (int64_t h = 0; h < row.height.count; ++h)
        for (int64_t w = 0; w < width_taps; ++w) {
          const int64_t kd = row.depth.k + d * row.depth.k_step, kh = row.height.k + h * row.height.k_step,
                        kw = segment.taps.k + w * segment.taps.k_step;
          const int64_t sd = row.depth.src + d * row.depth.src_step, sh = row.height.src + h * row.height.src_step,
                        sw = segment.taps.src + w * segment.taps.src_step;
          f((kd * axes[kHeight].k + kh) * axes[kWidth].k + kw, (sd * source(kHeight) + sh) * source(kWidth) + sw);
        }
  }

  bool forward;
  int64_t mb, ic, oc;
  int64_t source_stride, produced_stride;  // from a pixel to the next
  Axes axes;
  std::vector<Segment> segments;  // of a row
};

inline Gather::Gather(bool is_forward, int64_t batch, int64_t in_channels, int64_t out_channels, const Axes& geometry)
    : forward(is_forward),
      mb(batch),
      ic(in_channels),
      oc(out_channels),
      source_stride(source_channels()),
      produced_stride(produced_channels()),
      axes(geometry),
      segments(segments_of(kWidth)) {}

inline Gather::Gather(const ConvProblem& problem)
    : Gather(problem.direction != Direction::backward_data, problem.mb, problem.ic, problem.oc, problem.axes) {
  source_stride = forward ? problem.src_stride : problem.dst_stride;
  produced_stride = forward ? problem.dst_stride : problem.src_stride;
}

inline Gather::Row Gather::row(int64_t index) const {
  const int64_t height = index % produced(kHeight), rest = index / produced(kHeight);
  const int64_t depth = rest % produced(kDepth), image = rest / produced(kDepth);
  return {.pixel = index * produced(kWidth),
          .source_pixel = image * source(kDepth) * source(kHeight) * source(kWidth),
          .depth = taps(kDepth, depth),
          .height = taps(kHeight, height)};
}

// Whether source and produced lie in memory, all images together: no cache will hold what is produced when it is asked
// for.
template <class T>
bool comes_from_memory(const Gather& gather) {
  const int64_t source = gather.source(kDepth) * gather.source(kHeight) * gather.source(kWidth) * gather.source_stride;
  const int64_t produced = gather.rows() * gather.produced(kWidth) * gather.produced_stride;
  return (gather.mb * source + produced) * static_cast<int64_t>(sizeof(T)) > kUncachedBytes;
}

// Whether a kernel that writes so many numbers side by side, and begins at multiples of `channels`, should write past
// the caches: what lies there needn't be read first then. Only whole cache lines at once, as parts of them may leave
// the core's few buffers unfinished: with vectors of 16 bytes, 3x3 of 3 to 64 channels took 1.1 times as long.
template <class T>
bool is_streamed(const Gather& gather, int64_t side_by_side, int64_t channels, const T* produced) {
  return comes_from_memory<T>(gather) && side_by_side * static_cast<int64_t>(sizeof(T)) % kAlignment == 0 &&
         are_cache_lines(produced, gather.produced_stride, channels);
}

}  // namespace pyconv
