// rectangles.h: cuts the produced pixels of a gather into rectangles that see the same taps, and shares rectangles and
// blocks of channels among threads: what depthwise and grouped convolution have in common. No arithmetic on data.
#pragma once

#include <algorithm>
#include <vector>

#include "../algorithms.h"
#include "../buffer.h"
#include "../parallel.h"
#include "gather.h"

namespace pyconv {

// What a tile of pixels reads of source and weights, and will read again for the line below: half of an L1 cache of 32
// KB.
constexpr int64_t kTileBytes = 16 * 1024;

// At least so many tasks for each of several threads: one task too many then costs an eighth.
constexpr int64_t kTasksPerThread = 8;

// Lines for each thread with which shares are still about equal.
constexpr int64_t kLinesPerThread = 6;

// Floats, or doubles, in the widest vector of any ISA, which is a cache line.
inline int64_t widest_lanes(const ConvProblem& problem) { return kAlignment / size_of(problem.dtype); }

// How many source pixels the largest tile of a depthwise kernel reads.
template <class T>
int64_t tile_source_pixels(const Gather& gather, const Kernels<T>& kernels) {
  const Axis &height = gather.axes[kHeight], &width = gather.axes[kWidth];
  const int64_t stride = gather.forward ? width.s : 1;
  return height.k * std::min(gather.source(kWidth), kernels.depthwise_rows * stride + width.k);
}

// Into how many blocks to cut units of channels so that a tile's unit_bytes for each of them are at most tile_bytes in
// all, and threads have enough to share.
inline int64_t channel_blocks(const Gather& gather, int threads, int64_t units, int64_t unit_bytes,
                              int64_t tile_bytes = kTileBytes) {
  const int64_t cached_units = std::max(int64_t{1}, tile_bytes / unit_bytes);
  const int64_t tasks = threads > 1 ? kTasksPerThread * threads : 1;
  return std::min(units, std::max(ceil_div(units, cached_units), ceil_div(tasks, std::max(int64_t{1}, gather.rows()))));
}

// Taps are rows of the kernel; each has an offset of source pixels and one of weights, for each thread.
inline int64_t tap_offset_bytes(const ConvProblem& problem, int threads) {
  return 2 * problem.axes[kDepth].k * problem.axes[kHeight].k * threads * static_cast<int64_t>(sizeof(int64_t));
}

template <class T>
struct GatherTensors {
  const T* source;
  const T* weights;    // of the first element that Taps counts
  int64_t weight_tap;  // from one element of the kernel to the next
  T* produced;
  Epilogue<T> epilogue = {};
  int64_t first_pixel = 0;  // that source begins with
  bool streamed = false;    // what is written goes past the caches
};

// Where the offsets of one thread's taps are, in a workspace of tap_offset_bytes.
struct RectangleTaps {
  RectangleTaps(const Gather& gather, std::byte* workspace, int thread) {
    const int64_t limit = gather.axes[kDepth].k * gather.axes[kHeight].k;
    src = reinterpret_cast<int64_t*>(workspace) + 2 * thread * limit;
    weights = src + limit;
  }
  int64_t *src, *weights;
};

// Lines begin .. end - 1 of a plane: an image's, and of a volume one depth's.
struct PlaneLines {
  int64_t plane, begin, end;
};

// Calls call(block, args) for every rectangle of these lines and every block in [first_block, last_block), with all of
// args set that does not depend on channels.
template <class T, class F>
void for_each_rectangle_of(const Gather& gather, const std::vector<Segment>& height_segments, const PlaneLines& lines,
                           int64_t first_block, int64_t last_block, const GatherTensors<T>& tensors,
                           const RectangleTaps& offsets, F call) {
  const int64_t source_row = gather.source_stride, source_line = gather.source(kWidth) * source_row;
  const int64_t produced_row = gather.produced_stride, produced_line = gather.produced(kWidth) * produced_row;
  const int64_t kernel_height = gather.axes[kHeight].k, kernel_row = gather.axes[kWidth].k * tensors.weight_tap;
  const Gather::Row row = gather.row(lines.plane * gather.produced(kHeight));
  for (const Segment& all_lines : height_segments) {
    const Segment height = all_lines.within(lines.begin, lines.end);
    if (height.count == 0) continue;
    int64_t taps = 0;
    for (int64_t d = 0; d < row.depth.count; ++d)
      for (int64_t h = 0; h < height.taps.count; ++h) {
        const int64_t kd = row.depth.k + d * row.depth.k_step, kh = height.taps.k + h * height.taps.k_step;
        const int64_t sd = row.depth.src + d * row.depth.src_step, sh = height.taps.src + h * height.taps.src_step;
        const int64_t line = row.source_pixel + (sd * gather.source(kHeight) + sh) * gather.source(kWidth);
        offsets.src[taps] = (line - tensors.first_pixel) * source_row;
        offsets.weights[taps++] = (kd * kernel_height + kh) * kernel_row;
      }
    for (int64_t block = first_block; block < last_block; ++block)
      for (const Segment& width : gather.segments) {
        const int64_t produced_at = (row.pixel + width.first) * produced_row + height.first * produced_line;
        call(block, DepthwiseArgs<T>{.src = tensors.source + width.taps.src * source_row,
                                     .src_taps = offsets.src,
                                     .src_step = width.taps.src_step * source_row,
                                     .src_line = height.src_advance * source_line,
                                     .src_row = width.src_advance * source_row,
                                     .weights = tensors.weights + width.taps.k * tensors.weight_tap,
                                     .weight_taps = offsets.weights,
                                     .weight_step = width.taps.k_step * tensors.weight_tap,
                                     .taps = taps,
                                     .run = width.taps.count,
                                     .dst = tensors.produced + produced_at,
                                     .dst_line = height.step * produced_line,
                                     .dst_row = width.step * produced_row,
                                     .lines = height.count,
                                     .rows = width.count,
                                     .epilogue = at_offset(tensors.epilogue, produced_at),
                                     .streamed = tensors.streamed});
      }
  }
}

// Maps in memory are fast only in the order in which they lie, 31 GB/s for a thread, while vectors of channels down the
// lines came at 14 GB/s. So a band of lines at a time is asked for in that order: half of an L2 cache of 1 MB.
constexpr int64_t kBandBytes = 512 * 1024;

// Lines that a band produces.
template <class T>
int64_t band_lines(const Gather& gather) {
  const int64_t source = gather.source(kHeight) * gather.source(kWidth) * gather.source_stride;
  const int64_t line = source / gather.produced(kHeight) + gather.produced(kWidth) * gather.produced_stride;
  return std::max(int64_t{1}, kBandBytes / (line * static_cast<int64_t>(sizeof(T))));
}

// Asks for what these lines read, but of volumes, and for what they write, unless that is streamed.
template <class T>
void bring_in(const Gather& gather, const PlaneLines& lines, const GatherTensors<T>& tensors) {
  constexpr int64_t line_of_cache = kAlignment / static_cast<int64_t>(sizeof(T));
  const int64_t produced_line = gather.produced(kWidth) * gather.produced_stride;
  const Gather::Row row = gather.row(lines.plane * gather.produced(kHeight) + lines.begin);
  const T* end = tensors.produced + row.pixel * gather.produced_stride + (lines.end - lines.begin) * produced_line;
  if (!tensors.streamed)
    for (const T* at = end - (lines.end - lines.begin) * produced_line; at < end; at += line_of_cache)
      __builtin_prefetch(at, 1);
  if (gather.source(kDepth) > 1) return;
  const Taps last = gather.taps(kHeight, lines.end - 1);
  const int64_t from = row.height.src, to = std::min(gather.source(kHeight), last.src + last.count * last.src_step);
  const int64_t source_line = gather.source(kWidth) * gather.source_stride;
  const T* source = tensors.source + row.source_pixel * gather.source_stride;
  for (const T* at = source + from * source_line; at < source + to * source_line; at += line_of_cache)
    __builtin_prefetch(at);
}

// The same for all lines and blocks, shared among threads.
template <class T, class F>
void for_each_rectangle(const Gather& gather, int64_t blocks, int threads, const GatherTensors<T>& tensors,
                        std::byte* workspace, F call) {
  const std::vector<Segment> height_segments = gather.segments_of(kHeight);
  const int64_t lines = gather.produced(kHeight), planes = gather.mb * gather.produced(kDepth);

  // Threads share lines, and blocks of channels only where lines are few: two cores that write the same pixels, one its
  // first and the other its last channels, took up to four times as long as one core, as each prefetches what the other
  // owns.
  const bool by_lines = planes * lines >= kLinesPerThread * threads;
  const int64_t shared_blocks = by_lines ? 1 : blocks;
  const bool in_bands = by_lines && comes_from_memory<T>(gather);
  const int64_t most_lines = in_bands ? band_lines<T>(gather) : lines;
  parallel_for(planes * shared_blocks * lines, threads, [&](int64_t begin, int64_t end, int thread) {
    const RectangleTaps offsets(gather, workspace, thread);
    while (begin < end) {  // all lines of one plane, or of a band, that belong to this thread
      const int64_t line = begin % lines, block = begin / lines % shared_blocks;
      const int64_t last_line = std::min({lines, line + end - begin, line + most_lines});
      const PlaneLines part{begin / (lines * shared_blocks), line, last_line};
      begin += last_line - line;
      if (in_bands) bring_in(gather, part, tensors);
      for_each_rectangle_of(gather, height_segments, part, by_lines ? 0 : block, by_lines ? blocks : block + 1, tensors,
                            offsets, call);
    }
  });
}

}  // namespace pyconv
