// direct.cpp: dense convolution as batch-reduce matrix products over rows of pixels, forward and data gradient; the
// weight gradient is weight_gradient.h's. Any kernel, stride, dilation, padding and grouping; no im2col, no padded
// copy, no product with a padding zero.
#include <algorithm>
#include <utility>
#include <vector>

#include "../algorithms.h"
#include "../buffer.h"
#include "../parallel.h"
#include "direct_layout.h"
#include "weight_gradient.h"

namespace pyconv {
namespace {

// Weights of so many bytes are read again for every tile of pixels, so that a pixel's channels are written together:
// half of an L2 cache of 1 MB. Larger ones are read panel after panel, each for a whole row.
constexpr int64_t kResidentBytes = 512 * 1024;

// Weights of more bytes come from beyond an L2 cache of 1 MB each time they are read.
constexpr int64_t kCachedBytes = 768 * 1024;

template <class T>
void pack_weights(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const T* weights, T* packed) {
  const DirectLayout<T> layout(problem, kernels);
  parallel_for(layout.groups * layout.panels, threads, [&](int64_t begin, int64_t end, int) {
    for (int64_t index = begin; index < end; ++index) {
      const int64_t group = index / layout.panels, panel = index % layout.panels;
      const int64_t columns = layout.columns_of(panel), first = panel * layout.panel;
      T* out = packed + index * layout.panel_size();
      for (int64_t tap = 0; tap < layout.taps; ++tap)
        for (int64_t q = 0; q < layout.depth; ++q, out += layout.panel) {
          std::fill_n(out + columns, layout.panel - columns, T{0});
          if (layout.gather.forward) {
            const T* row = weights + (tap * layout.depth + q) * problem.oc + group * layout.columns + first;
            std::copy_n(row, columns, out);
          } else {  // the last tap first, and weights[tap][ic][oc] read down its columns
            const int64_t turned = layout.taps - 1 - tap;
            const T* column = weights + (turned * layout.columns + first) * problem.oc + group * layout.depth + q;
            for (int64_t j = 0; j < columns; ++j) out[j] = column[j * problem.oc];
          }
        }
    }
  });
}

// Rows of the panels, one after the other, are those of the source channels, again and again.
template <class T>
void scale_weights(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const T* packed,
                   const T* factors, T* scaled) {
  const DirectLayout<T> layout(problem, kernels);
  parallel_for(layout.panels * layout.taps, threads, [&](int64_t begin, int64_t end, int) {
    int64_t at = begin * layout.depth * layout.panel;
    for (int64_t index = begin; index < end; ++index)
      for (int64_t q = 0; q < layout.depth; ++q)
        for (int64_t j = 0; j < layout.panel; ++j, ++at) scaled[at] = packed[at] * factors[q];
  });
}

// Whether two produced coordinates see the same elements of the kernel.
bool see_the_same(const Taps& a, const Taps& b) { return a.k == b.k && a.count == b.count; }

// Lines of so many bytes are begun together, at their borders. Twice as many slowed images of 256 x 256 x 64 results
// down.
constexpr int64_t kLinesBytes = 64 * 1024;

// The offsets of every segment's taps, from the first of them. They are the same for all rows but those at a border,
// so a thread seldom computes them again: MNIST's first layer ran 1.05 to 1.2 times as fast with that.
template <class T>
class SegmentTaps {
 public:
  static int64_t bytes(const DirectLayout<T>& layout, int threads) {
    return TapOffsets::bytes(threads * static_cast<int>(layout.gather.segments.size()), layout.tap_limit());
  }

  SegmentTaps(const DirectLayout<T>& layout, std::byte* workspace, int thread)
      : layout_(layout), workspace_(workspace), first_(thread * static_cast<int>(layout.gather.segments.size())) {}

  void set_row(const Gather::Row& row) {
    const bool same = see_the_same(row.depth, depth_) && see_the_same(row.height, height_);
    depth_ = row.depth;
    height_ = row.height;
    if (same) return;
    const Gather& gather = layout_.gather;
    for (size_t part = 0; part < gather.segments.size(); ++part) {
      const TapOffsets offsets = of(part);
      const int64_t first = gather.first_tap(row, gather.segments[part]);
      int64_t index = 0;
      gather.for_each_tap(row, gather.segments[part], layout_.whole_runs, [&](int64_t tap, int64_t pixel) {
        offsets.a[index] = (pixel - first) * gather.source_stride;
        offsets.b[index++] = tap * layout_.depth * layout_.panel;
      });
    }
  }

  TapOffsets of(size_t part) const { return {workspace_, first_ + static_cast<int>(part), layout_.tap_limit()}; }

  // How many taps a segment of the row has.
  int64_t count(const Segment& segment) const {
    return depth_.count * height_.count * (layout_.whole_runs ? (segment.taps.count > 0) : segment.taps.count);
  }

 private:
  const DirectLayout<T>& layout_;
  std::byte* workspace_;
  int first_;            // of this thread's offsets
  Taps depth_, height_;  // of the row that was set; none at first
};

// Runs of panels, and lines of produced pixels that see the same taps, below each other or in images that follow each
// other: a piece of a thread's work.
struct Block {
  Gather::Row row;  // the first line
  int64_t strip, first_run, last_run;
  int64_t lines = 1, source_line = 0, produced_line = 0;  // pixels from a line to the next
};

// Whether lines are better counted image by image than down an image: where few lines of one see the same taps, as in
// images little larger than the kernel, but the same line of every image does. Of wide images a line fills tiles alone.
bool images_first(const Gather& gather, const std::vector<Segment>& height_segments, int64_t tile_rows) {
  int64_t alike = 1;
  for (const Segment& segment : height_segments)
    if (segment.step == 1) alike = std::max(alike, segment.count);
  return gather.produced(kWidth) < 2 * tile_rows && alike < tile_rows / 2 && alike < gather.mb;
}

// How many of these lines a block has, at most so many: all blocks about equally many, as of one line alone each border
// is a tile of one row.
int64_t equal_share(int64_t lines, int64_t most) { return ceil_div(lines, ceil_div(lines, most)); }

// The block goes on below its line `index` for at most so many lines of those left to the thread, if they see the same
// taps.
void add_lines(const Gather& gather, const std::vector<Segment>& height_segments, int64_t index, int64_t left,
               int64_t most, Block& block) {
  const int64_t line = index % gather.produced(kHeight);
  for (const Segment& alike : height_segments)
    if (alike.step == 1 && alike.first <= line && line < alike.first + alike.count) {
      block.lines = equal_share(std::min(left, alike.first + alike.count - line), most);
      block.source_line = alike.src_advance * gather.source(kWidth);
      block.produced_line = gather.produced(kWidth);
    }
}

// The same with line index / mb of image index % mb, and of the images after it.
void add_images(const Gather& gather, int64_t index, int64_t left, int64_t most, Block& block) {
  block.lines = equal_share(std::min(left, gather.mb - index % gather.mb), most);
  block.source_line = gather.source(kDepth) * gather.source(kHeight) * gather.source(kWidth);
  block.produced_line = gather.produced(kDepth) * gather.produced(kHeight) * gather.produced(kWidth);
}

// produced[pixel] = epilogue of bias + sum over taps of source[pixel's tap] * weights[tap], a row of pixels after
// another.
template <class T>
void run_gather(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const T* source, const T* packed,
                const T* bias, const Epilogue<T>& epilogue, T* produced, std::byte* workspace) {
  const DirectLayout<T> layout(problem, kernels);
  const Gather& gather = layout.gather;
  const int64_t source_stride = gather.source_stride, produced_stride = gather.produced_stride;
  const int64_t width = gather.produced(kWidth), rows = std::max<int64_t>(1, gather.rows());
  // Rows may be cut into strips, where rows and panels alone would not keep the threads evenly busy.
  const int64_t most_strips = ceil_div(width, 2 * kernels.tile_rows);
  // A run of panels is multiplied by one call of the kernel: all of a group's, or one where they are large or few rows
  // leave them to be shared among threads.
  const int64_t weight_bytes = layout.packed_size() * static_cast<int64_t>(sizeof(T));
  const bool resident = weight_bytes <= kResidentBytes && rows * most_strips >= kDirectTasks;
  const int64_t run = resident ? layout.panels : 1, group_runs = layout.panels / run;
  const int64_t runs = layout.groups * group_runs;
  const int64_t strips = std::clamp(kDirectTasks / (rows * runs), int64_t{1}, most_strips);
  // Either all runs meet a row before the next row, or all rows meet a run before the next run, many lines at once:
  // that is better for groups, which read channels of their own, and where the image stays in an L2 cache or is less to
  // read again than the weights.
  const int64_t source_bytes = gather.mb * gather.source(kDepth) * gather.source(kHeight) * gather.source(kWidth) *
                               gather.source_channels() * static_cast<int64_t>(sizeof(T));
  const bool run_by_run = layout.groups > 1 || runs == 1 || (rows > 1 && source_bytes <= kResidentBytes) ||
                          (weight_bytes > kCachedBytes && rows * weight_bytes > runs * source_bytes);
  const std::vector<Segment> height_segments = gather.segments_of(kHeight);
  const bool by_images = run_by_run && images_first(gather, height_segments, kernels.tile_rows);
  // Two tiles down a border.
  const int64_t line_bytes = width * std::min(run * layout.panel, layout.columns) * static_cast<int64_t>(sizeof(T));
  const int64_t most_lines = std::clamp(kLinesBytes / line_bytes, int64_t{1}, 2 * kernels.tile_rows);

  const auto next_block = [&](int64_t& begin, int64_t end) -> Block {
    if (!run_by_run) {
      const int64_t first_run = begin % runs, last_run = std::min(runs, first_run + end - begin);
      const int64_t strip = begin / runs % strips, index = begin / runs / strips;
      begin += last_run - first_run;
      return {gather.row(index), strip, first_run, last_run};
    }
    const int64_t index = begin % rows, strip = begin / rows % strips, first_run = begin / rows / strips;
    const int64_t row = by_images ? index % gather.mb * (rows / gather.mb) + index / gather.mb : index;
    Block block{gather.row(row), strip, first_run, first_run + 1};
    if (by_images)
      add_images(gather, index, end - begin, most_lines, block);
    else
      add_lines(gather, height_segments, index, end - begin, most_lines, block);
    begin += block.lines;
    return block;
  };

  parallel_for(gather.rows() * strips * runs, threads, [&](int64_t begin, int64_t end, int thread) {
    SegmentTaps<T> taps(layout, workspace, thread);
    while (begin < end) {
      const Block block = next_block(begin, end);
      taps.set_row(block.row);
      for (size_t part = 0; part < gather.segments.size(); ++part) {
        const Segment segment = gather.segments[part].part(block.strip, strips);
        if (segment.count == 0) continue;
        const TapOffsets offsets = taps.of(part);
        const int64_t first_source = block.row.source_pixel + gather.first_tap(block.row, segment);
        const int64_t first_produced = block.row.pixel + segment.first;
        // A call of the kernel goes along a line. Down the lines where that is longer, as at a border, which may see
        // other taps than the rest: a tile of one or two pixels waits for its multiply-adds most of the time.
        const bool down = segment.count < kernels.tile_rows / 2 && segment.count < block.lines;
        int64_t calls = block.lines, source_call = block.source_line, produced_call = block.produced_line;
        int64_t pixels = segment.count, source_pixel = segment.src_advance, produced_pixel = segment.step;
        if (down) {
          std::swap(calls, pixels);
          std::swap(source_call, source_pixel);
          std::swap(produced_call, produced_pixel);
        }
        for (int64_t index = block.first_run; index < block.last_run; ++index) {
          const int64_t group = index / group_runs, panel = index % group_runs * run;
          const int64_t channel = group * layout.columns + panel * layout.panel;
          for (int64_t call = 0; call < calls; ++call) {
            const int64_t produced_at = (first_produced + call * produced_call) * produced_stride + channel;
            kernels.brgemm({.a = source + (first_source + call * source_call) * source_stride + group * layout.depth,
                            .a_taps = offsets.a,
                            .a_row = source_pixel * source_stride,
                            .a_k = 1,
                            .b = packed + (group * layout.panels + panel) * layout.panel_size(),
                            .b_taps = offsets.b,
                            .b_k = layout.panel,
                            .b_panel = layout.panel_size(),
                            .taps = taps.count(segment),
                            .k = layout.depth * (layout.whole_runs ? segment.taps.count : 1),
                            .c = produced + produced_at,
                            .c_row = produced_pixel * produced_stride,
                            .rows = pixels,
                            .cols = std::min(run * layout.panel, layout.columns - panel * layout.panel),
                            .bias = bias ? bias + channel : nullptr,
                            .epilogue = at_offset(epilogue, produced_at)});
          }
        }
      }
    }
  });
}

// A kernel of one element that skips nothing sees all pixels of all images alike: one row of them.
ConvProblem flattened(const ConvProblem& problem) {
  for (const Axis& axis : problem.axes)
    if (axis.k != 1 || axis.s != 1 || axis.pad_begin != 0 || axis.pad_end != 0) return problem;
  const int64_t pixels = problem.mb * problem.src_pixels();
  if (pixels == 0) return problem;  // an axis is never empty, a batch may be
  ConvProblem flat = problem;
  flat.mb = 1;
  flat.axes = {};
  flat.axes[kWidth].i = flat.axes[kWidth].o = pixels;
  return flat;
}

std::string refuse(const ConvProblem&) { return ""; }

ConvMemory memory(const ConvProblem& problem, const KernelTable& table, int threads) {
  return with_dtype(problem.dtype, [&]<class T>() -> ConvMemory {
    if (problem.direction == Direction::backward_weights)
      return {.workspace_bytes = WeightGradient<T>(problem, table.kernels<T>()).workspace_bytes(threads)};
    const DirectLayout<T> layout(flattened(problem), table.kernels<T>());
    return {.packed_bytes = layout.packed_size() * static_cast<int64_t>(sizeof(T)),
            .workspace_bytes = SegmentTaps<T>::bytes(layout, threads)};
  });
}

void pack(const ConvProblem& problem, const KernelTable& table, int threads, const void* weights, std::byte* packed) {
  if (problem.direction == Direction::backward_weights) return;
  with_dtype(problem.dtype, [&]<class T>() {
    pack_weights<T>(problem, table.kernels<T>(), threads, static_cast<const T*>(weights), reinterpret_cast<T*>(packed));
  });
}

void scale(const ConvProblem& problem, const KernelTable& table, int threads, const std::byte* packed,
           const void* factors, std::byte* scaled) {
  with_dtype(problem.dtype, [&]<class T>() {
    scale_weights<T>(problem, table.kernels<T>(), threads, reinterpret_cast<const T*>(packed),
                     static_cast<const T*>(factors), reinterpret_cast<T*>(scaled));
  });
}

void run(const ConvProblem& problem, const KernelTable& table, int threads, const ConvTensors& tensors,
         const std::byte* packed, std::byte* workspace) {
  with_dtype(problem.dtype, [&]<class T>() {
    const Kernels<T>& kernels = table.kernels<T>();
    T *src = static_cast<T*>(tensors.src), *dst = static_cast<T*>(tensors.dst), *bias = static_cast<T*>(tensors.bias);
    const T* weights = reinterpret_cast<const T*>(packed);
    const ConvProblem flat = flattened(problem);
    switch (problem.direction) {
      case Direction::forward:
        return run_gather<T>(flat, kernels, threads, src, weights, bias, epilogue_of<T>(problem, tensors), dst,
                             workspace);
      case Direction::backward_data:
        return run_gather<T>(flat, kernels, threads, dst, weights, bias, epilogue_of<T>(problem, tensors), src,
                             workspace);
      case Direction::backward_weights:
        return WeightGradient<T>(problem, kernels)
            .run(threads, src, dst, static_cast<T*>(tensors.weights), bias, workspace);
    }
  });
}

}  // namespace

const ConvAlgorithm kDirect = {"direct", true, refuse, nullptr, memory, pack, run, scale};

}  // namespace pyconv
