// pool.cpp: the plan of a pooling, and its run forward, cut into lines of windows for the kernels.
//
// A line takes up to three steps, each of them vertical over whole vectors:
//
// Columns first: the elements above each other, for every column of the input, into a line as wide as the input. Pays
// where windows overlap, and where few channels leave vectors nearly empty: a line has no gaps.
//
// Windows: the elements of that line, or of the input, for each output.
//
// Rows first: a mean of a whole image is a sum of its rows' sums, and rows are shared. Shared by channels, each thread
// would read what lies in the others' caches, and take it away from the steps that follow.
//
// Every column, with few channels and a stride: windows that begin at any column, whose channels are one run without
// gaps, and then a copy of those that were asked for.
#include "pool.h"

#include <algorithm>

#include "buffer.h"
#include "parallel.h"
#include "workspace.h"

namespace pyconv {
namespace {

// Lines that see the same taps are handed over together: one by one each takes 40 ns more. But not the whole image: its
// border's windows come first, and what they read should still be in the cache for the others.
constexpr int64_t kLinesAtOnce = 8;

// What lines next to each other share is read again, and then best from L1, which holds three pieces of lines of so
// many bytes: 112 x 112 x 64 by 3x3 of stride 2 took 0.83 to 0.94 of the time. From memory it took 1.4 times as long.
constexpr int64_t kBlockBytes = 8 * 1024, kMinBlock = 16;

// Where lines are fewer than this for each thread, they are cut along channels too, so that shares are about equal.
constexpr int64_t kTasksPerThread = 4;

// Channels that such a piece has at least: four cache lines of floats.
constexpr int64_t kMinChannels = 64;

// A mean of more elements is a sum of sums over columns, whose error grows with one side of the window and not with its
// area. It takes about as long where windows don't overlap.
constexpr int64_t kLongSum = 64;

std::vector<Taps> taps_of(const Axis& axis) {
  std::vector<Taps> taps;
  for (int64_t o = 0; o < axis.o; ++o) taps.push_back(forward_taps(axis, o));
  return taps;
}

// What one thread works with: the places of a window's rows, and two lines as wide as the input.
template <class T>
struct Scratch {
  int64_t* places;
  T *columns, *every;

  static int64_t places_bytes(const PoolPlan& plan) {
    return align_up(plan.most_rows() * static_cast<int64_t>(sizeof(int64_t)));
  }
  static int64_t line_bytes(const PoolPlan& plan) {
    return align_up(plan.problem.axes[kWidth].i * plan.problem.c * static_cast<int64_t>(sizeof(T)));
  }
  static int64_t bytes(const PoolPlan& plan) {
    if (plan.rows_first) return align_up(plan.source_rows() * plan.problem.c * static_cast<int64_t>(sizeof(T)));
    return places_bytes(plan) + (plan.columns_first + plan.every_column) * line_bytes(plan);
  }
  Scratch(const PoolPlan& plan, std::byte* memory)
      : places(reinterpret_cast<int64_t*>(memory)),
        columns(reinterpret_cast<T*>(memory + places_bytes(plan))),
        every(reinterpret_cast<T*>(memory + bytes(plan) - line_bytes(plan))) {}
};

template <class T>
using Kernel = void (*)(const PoolArgs<T>&);

// The elements above each other of every column, into scratch.columns.
template <class T>
void pool_columns(const PoolPlan& plan, Kernel<T> kernel, const Gather::Row& row, const T* image, int64_t channels,
                  const Scratch<T>& scratch) {
  const Axes& axes = plan.problem.axes;
  const int64_t pixel = plan.problem.src_stride, pitch = axes[kWidth].i * pixel;
  for (int64_t d = 0; d < row.depth.count; ++d)
    scratch.places[d] = ((row.depth.src + d * row.depth.src_step) * axes[kHeight].i + row.height.src) * pitch;
  kernel({.src = image,
          .src_taps = scratch.places,
          .taps = row.depth.count,
          .width = row.height.count,
          .src_step = row.height.src_step * pitch,
          .src_row = pixel,
          .dst = scratch.columns,
          .dst_row = channels,
          .rows = axes[kWidth].i,
          .channels = channels});
}

// dst[r * dst_row + j] = src[r * src_row + j] for r < rows, j < channels.
template <class T>
void pick_pixels(const T* src, int64_t src_row, int64_t rows, int64_t channels, T* dst, int64_t dst_row) {
  if (channels == 1)
    for (int64_t r = 0; r < rows; ++r) dst[r * dst_row] = src[r * src_row];
  else
    for (int64_t r = 0; r < rows; ++r, src += src_row, dst += dst_row)
      for (int64_t j = 0; j < channels; ++j) dst[j] = src[j];
}

// Whether source and result lie in memory: the result won't be in a cache when it is asked for. Written past them it
// isn't read first: of 16 images of 112 x 112 x 64 that took 0.8 to 0.95 of the time.
template <class T>
bool is_uncached(const PoolProblem& problem) {
  return problem.mb * (problem.src_pixels() + problem.dst_pixels()) * problem.c * static_cast<int64_t>(sizeof(T)) >
         kUncachedBytes;
}

// Windows of a line that all lines go through before the next; 0 for whole lines.
template <class T>
int64_t block_of(const PoolProblem& problem) {
  const Axis &height = problem.axes[kHeight], &width = problem.axes[kWidth];
  const int64_t block = kBlockBytes / (width.s * problem.src_stride * static_cast<int64_t>(sizeof(T)));
  return height.s < height.k && block >= kMinBlock && !is_uncached<T>(problem) ? block : 0;
}

// Lines of windows that see the same taps: channels of an image, dst being those of the first output.
template <class T>
void pool_lines(const PoolPlan& plan, Kernel<T> kernel, const Gather::Row& row, int64_t lines, const T* image,
                int64_t channels, T* dst, bool streamed, const Scratch<T>& scratch) {
  const Axes& axes = plan.problem.axes;
  const int64_t dst_pixel = plan.problem.dst_stride, above = row.depth.count * row.height.count;
  if (plan.columns_first) pool_columns(plan, kernel, row, image, channels, scratch);
  const int64_t pixel = plan.columns_first ? channels : plan.problem.src_stride;
  for (const Segment& segment : plan.gather.segments) {
    const int64_t count = above * segment.taps.count;
    PoolArgs<T> args{.src = plan.columns_first ? scratch.columns : image,
                     .src_taps = scratch.places,
                     .width = segment.taps.count,
                     .src_step = segment.taps.src_step * pixel,
                     .src_row = segment.src_advance * pixel,
                     .dst = dst + segment.first * dst_pixel,
                     .dst_row = dst_pixel,
                     .rows = segment.count,
                     .channels = channels,
                     .lines = lines,
                     .src_line = axes[kHeight].s * axes[kWidth].i * pixel,
                     .dst_line = axes[kWidth].o * dst_pixel,
                     .block = lines > 1 ? block_of<T>(plan.problem) : 0,
                     .scale = count > 0 ? T{1} / static_cast<T>(count) : T{0},
                     .streamed = streamed};
    if (plan.columns_first)
      scratch.places[args.taps++] = segment.taps.src * pixel;
    else
      plan.gather.for_each_tap(row, segment, true,
                               [&](int64_t, int64_t at) { scratch.places[args.taps++] = at * pixel; });
    if (count == 0) args.taps = 0;
    if (!plan.every_column || segment.count == 1) {
      kernel(args);
      continue;
    }
    args.src_row = pixel;
    args.dst_row = channels;
    args.dst = scratch.every;
    args.streamed = false;
    args.rows = (segment.count - 1) * segment.src_advance + 1;
    kernel(args);
    pick_pixels(scratch.every, segment.src_advance * channels, segment.count, channels, dst + segment.first * dst_pixel,
                dst_pixel);
  }
}

// Windows that are whole images.
template <class T>
void pool_images(const PoolPlan& plan, Kernel<T> kernel, const T* src, T* dst) {
  const PoolProblem& problem = plan.problem;
  const int64_t c = problem.c, width = problem.axes[kWidth].i, rows = problem.axes[kDepth].i * problem.axes[kHeight].i,
                no_offset = 0;
  const Workspace workspace(Scratch<T>::bytes(plan));
  T* const sums = reinterpret_cast<T*>(workspace.get());
  const auto sum = [&](const T* from, int64_t count, int64_t stride, T scale, T* to) {
    kernel({.src = from,
            .src_taps = &no_offset,
            .taps = 1,
            .width = count,
            .src_step = stride,
            .dst = to,
            .channels = c,
            .scale = scale});
  };
  const int threads = threads_for(plan.operations());
  parallel_for(plan.source_rows(), threads, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row)
      sum(src + row * width * problem.src_stride, width, problem.src_stride, T{1}, sums + row * c);
  });
  parallel_for(problem.mb, threads, [&](int64_t begin, int64_t end, int) {
    for (int64_t image = begin; image < end; ++image)
      sum(sums + image * rows * c, rows, c, T{1} / static_cast<T>(rows * width), dst + image * problem.dst_stride);
  });
}

template <class T>
void forward(const PoolPlan& plan, const T* src, T* dst) {
  const PoolProblem& problem = plan.problem;
  const Kernels<T>& kernels = plan.table->kernels<T>();
  const Kernel<T> kernel = problem.kind == PoolKind::max ? kernels.max_pool : kernels.average_pool;
  if (plan.rows_first) return pool_images(plan, kernel, src, dst);
  const int64_t c = problem.c, lines = plan.gather.rows();
  const int threads = threads_for(plan.operations());
  const int64_t wanted = kTasksPerThread * threads;
  const bool few_lines = threads > 1 && lines > 0 && lines < wanted;
  const int64_t pieces = few_lines ? std::clamp<int64_t>(c / kMinChannels, 1, (wanted + lines - 1) / lines) : 1;
  const bool streamed = pieces == 1 && is_uncached<T>(problem) && are_cache_lines(dst, problem.dst_stride, problem.c);
  const bool one_by_one = plan.columns_first || plan.every_column;
  const int64_t scratch_bytes = Scratch<T>::bytes(plan);
  const Workspace workspace(threads * scratch_bytes);

  parallel_for(lines * pieces, threads, [&](int64_t begin, int64_t end, int thread) {
    const Scratch<T> scratch(plan, workspace.get() + thread * scratch_bytes);
    for (int64_t task = begin; task < end;) {
      const int64_t piece = task % pieces, first = c * piece / pieces, index = task / pieces;
      const int64_t together =
          pieces > 1 || one_by_one ? 1 : plan.alike_from(index, std::min(end - task, kLinesAtOnce));
      const Gather::Row row = plan.line(index);
      pool_lines(plan, kernel, row, together, src + row.source_pixel * problem.src_stride + first,
                 c * (piece + 1) / pieces - first, dst + row.pixel * problem.dst_stride + first, streamed, scratch);
      task += together;
    }
  });
}

}  // namespace

PoolPlan::PoolPlan(const PoolProblem& given, const KernelTable& kernels)
    : problem(given),
      table(&kernels),
      gather(true, given.mb, given.c, given.c, given.axes),
      depth(taps_of(given.axes[kDepth])),
      height(taps_of(given.axes[kHeight])) {
  const Axis& axis = problem.axes[kWidth];
  const int64_t lanes = with_dtype(problem.dtype, [&]<class T>() { return table->kernels<T>().lanes; });
  // Of the vectors of such windows one in axis.s is of use; without, problem.c of the lanes are.
  every_column = axis.s > 1 && problem.c < lanes && problem.c * axis.s <= 2 * lanes;
  // Elements of all the vectors that are loaded and stored for a line.
  const int64_t outputs = every_column  ? axis.o * axis.s * problem.c
                          : axis.s == 1 ? std::max(axis.o * problem.c, lanes)
                                        : axis.o * std::max(problem.c, lanes);
  const int64_t above = problem.axes[kDepth].k * problem.axes[kHeight].k;
  // Columns of a window that are loaded for it alone: see kernels/pool_march.h.
  const int64_t own = above == 3 && axis.k == 3 && axis.s < 3 && problem.c >= lanes ? axis.s : axis.k;
  const bool long_sum = problem.kind == PoolKind::average && above * axis.k > kLongSum;
  const auto is_whole = [](const Axis& a) { return a.o == 1 && a.k == a.i && a.d == 1 && a.pad_begin == 0; };
  rows_first = long_sum && problem.c >= lanes && std::all_of(problem.axes.begin(), problem.axes.end(), is_whole);
  columns_first = long_sum || (above + 1) * axis.i * problem.c + axis.k * outputs < above * own * outputs;
}

Gather::Row PoolPlan::line(int64_t index) const {
  const int64_t depths = problem.axes[kDepth].o, heights = problem.axes[kHeight].o, plane = index / heights;
  return {.pixel = index * problem.axes[kWidth].o,
          .source_pixel = plane / depths * problem.src_pixels(),
          .depth = depth[static_cast<size_t>(plane % depths)],
          .height = height[static_cast<size_t>(index % heights)]};
}

int64_t PoolPlan::alike_from(int64_t index, int64_t most) const {
  const Axis& axis = problem.axes[kHeight];
  const int64_t first = index % axis.o, last = std::min(axis.o, first + most);
  const Taps& taps = height[static_cast<size_t>(first)];
  int64_t line = first + 1;
  const auto is_alike = [&](const Taps& other) {
    return other.count == taps.count && other.src == taps.src + (line - first) * axis.s;
  };
  while (line < last && is_alike(height[static_cast<size_t>(line)])) ++line;
  return line - first;
}

int64_t PoolPlan::source_rows() const { return problem.mb * problem.axes[kDepth].i * problem.axes[kHeight].i; }

int64_t PoolPlan::most_rows() const {
  return std::min(problem.axes[kDepth].k, problem.axes[kDepth].i) *
         std::min(problem.axes[kHeight].k, problem.axes[kHeight].i);
}

int64_t PoolPlan::operations() const {
  // parallel.h counts arithmetic on registers, 1e5 a microsecond. Here each operation loads an element, from L2 or
  // beyond, and what comes before and after the kernel takes a line 40 ns.
  constexpr int64_t kPerElement = 6, kPerLine = 4000;
  const int64_t window = problem.axes[kDepth].k * problem.axes[kHeight].k * problem.axes[kWidth].k;
  return gather.rows() * (kPerLine + kPerElement * window * problem.axes[kWidth].o * problem.c);
}

int64_t PoolPlan::scratch_bytes() const {
  return with_dtype(problem.dtype, [&]<class T>() { return Scratch<T>::bytes(*this); });
}

void pool_forward(const PoolPlan& plan, const void* src, void* dst) {
  with_dtype(plan.problem.dtype, [&]<class T>() { forward(plan, static_cast<const T*>(src), static_cast<T*>(dst)); });
}

}  // namespace pyconv
