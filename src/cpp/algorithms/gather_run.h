// gather_run.h: convolution as batch-reduce matrix products over rows of pixels, forward and data gradient, by a kernel
// of the caller's; what direct and few_channels have in common.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "../algorithms.h"
#include "../buffer.h"
#include "../parallel.h"
#include "direct_blocks.h"

namespace pyconv {

template <class T>
void pack_weights(const ConvProblem& problem, const DirectLayout<T>& layout, const Kernels<T>& kernels, int threads,
                  const T* weights, T* packed) {
  parallel_for(layout.groups * layout.panels, threads, [&](int64_t begin, int64_t end, int) {
    for (int64_t index = begin; index < end; ++index) {
      const int64_t group = index / layout.panels, panel = index % layout.panels;
      const int64_t columns = layout.columns_of(panel), first = panel * layout.panel;
      T* out = packed + index * layout.panel_size();
      if (columns < layout.panel) std::fill_n(out, layout.panel_size(), T{0});
      for (int64_t tap = 0; tap < layout.taps; ++tap, out += layout.depth * layout.panel) {
        if (layout.gather.forward) {
          const T* rows = weights + tap * layout.depth * problem.oc + group * layout.columns + first;
          for (int64_t q = 0; q < layout.depth; ++q)
            std::copy_n(rows + q * problem.oc, columns, out + q * layout.panel);
        } else {  // the last tap first, and weights[tap][ic][oc] with rows for columns
          const int64_t turned = layout.taps - 1 - tap;
          kernels.transpose({.src = weights + (turned * layout.columns + first) * problem.oc + group * layout.depth,
                             .src_row = problem.oc,
                             .dst = out,
                             .dst_row = layout.panel,
                             .rows = columns,
                             .cols = layout.depth});
        }
      }
    }
  });
}

// Rows of the panels, one after the other, are those of the source channels, again and again.
template <class T>
void scale_weights(const DirectLayout<T>& layout, int threads, const T* packed, const T* factors, T* scaled) {
  parallel_for(layout.panels * layout.taps, threads, [&](int64_t begin, int64_t end, int) {
    int64_t at = begin * layout.depth * layout.panel;
    for (int64_t index = begin; index < end; ++index)
      for (int64_t q = 0; q < layout.depth; ++q)
        for (int64_t j = 0; j < layout.panel; ++j, ++at) scaled[at] = packed[at] * factors[q];
  });
}

// Whether two produced coordinates see the same elements of the kernel.
inline bool see_the_same(const Taps& a, const Taps& b) { return a.k == b.k && a.count == b.count; }

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

// The arrays of a forward convolution, or of a data gradient.
template <class T>
struct ProductTensors {
  const T *source, *packed, *bias;
  Epilogue<T> epilogue;
  T* produced;
};

// A kernel that multiplies rows of pixels, and the rows of its largest tile.
template <class T>
struct RowProduct {
  void (*kernel)(const BrgemmArgs<T>&);
  int64_t tile_rows;
};

// The longest sums whose results are streamed: of 9 to 64 products that mostly took 0.45 to 0.8 of the time, of 147
// still 0.86 to 0.96. Of 256 and more it took up to 1.05: there is enough to multiply while a store waits.
constexpr int64_t kMostStreamedProducts = 192;

// produced[pixel] = epilogue of bias + sum over taps of source[pixel's tap] * weights[tap], block after block.
template <class T>
class GatherRun {
 public:
  GatherRun(const DirectLayout<T>& layout, const RowProduct<T>& product, int threads, const ProductTensors<T>& tensors)
      : layout_(layout),
        product_(product),
        threads_(threads),
        blocks_(layout_, product.tile_rows),
        tensors_(tensors),
        streamed_(layout_.taps * layout_.depth <= kMostStreamedProducts &&
                  tensors.epilogue.residual != tensors.produced &&
                  is_streamed(layout_.gather, layout_.panel, layout_.columns, tensors.produced)) {}

  void run(std::byte* workspace) const {
    const std::vector<Segment>& segments = layout_.gather.segments;
    parallel_for(blocks_.pieces(), threads_, [&](int64_t begin, int64_t end, int thread) {
      SegmentTaps<T> taps(layout_, workspace, thread);
      while (begin < end) {
        const Block block = blocks_.next(begin, end);
        taps.set_row(block.row);
        for (size_t part = 0; part < segments.size(); ++part) {
          // In tiles of equal width, no more of them than the whole line has.
          const Segment segment =
              segments[part].between(block.first_strip, block.last_strip, blocks_.strips(), product_.tile_rows);
          if (segment.count > 0) multiply(block, segment, taps.count(segment), taps.of(part));
        }
      }
    });
  }

 private:
  // One segment of the block's lines with its runs of panels.
  void multiply(const Block& block, const Segment& segment, int64_t taps, const TapOffsets& offsets) const {
    const Gather& gather = layout_.gather;
    const int64_t first_source = block.row.source_pixel + gather.first_tap(block.row, segment);
    const int64_t first_produced = block.row.pixel + segment.first;
    // A call of the kernel goes along a line. Down the lines where that is longer, as at a border, which may see other
    // taps than the rest: a tile of one or two pixels waits for its multiply-adds most of the time.
    const bool down = segment.count < product_.tile_rows / 2 && segment.count < block.lines;
    int64_t calls = block.lines, source_call = block.source_line, produced_call = block.produced_line;
    int64_t pixels = segment.count, source_pixel = segment.src_advance, produced_pixel = segment.step;
    if (down) {
      std::swap(calls, pixels);
      std::swap(source_call, source_pixel);
      std::swap(produced_call, produced_pixel);
    }
    for (int64_t index = block.first_run; index < block.last_run; ++index) {
      const int64_t group = index / blocks_.group_runs(), panel = index % blocks_.group_runs() * blocks_.run();
      const int64_t channel = group * layout_.columns + panel * layout_.panel;
      const T* source = tensors_.source + group * layout_.depth;
      for (int64_t call = 0; call < calls; ++call) {
        const int64_t produced_at = (first_produced + call * produced_call) * gather.produced_stride + channel;
        product_.kernel({.a = source + (first_source + call * source_call) * gather.source_stride,
                         .a_taps = offsets.a,
                         .a_row = source_pixel * gather.source_stride,
                         .a_k = 1,
                         .b = tensors_.packed + (group * layout_.panels + panel) * layout_.panel_size(),
                         .b_taps = offsets.b,
                         .b_k = layout_.panel,
                         .b_panel = layout_.panel_size(),
                         .taps = taps,
                         .run = layout_.whole_runs ? 1 : segment.taps.count,
                         .k = layout_.depth * (layout_.whole_runs ? segment.taps.count : 1),
                         .c = tensors_.produced + produced_at,
                         .c_row = produced_pixel * gather.produced_stride,
                         .rows = pixels,
                         .cols = std::min(blocks_.run() * layout_.panel, layout_.columns - panel * layout_.panel),
                         .bias = tensors_.bias ? tensors_.bias + channel : nullptr,
                         .epilogue = at_offset(tensors_.epilogue, produced_at),
                         .streamed = streamed_});
      }
    }
  }

  const DirectLayout<T> layout_;
  const RowProduct<T> product_;
  int threads_;
  const DirectBlocks blocks_;
  const ProductTensors<T> tensors_;
  const bool streamed_;
};

// All pixels of all images as one row, where they are alike.
inline ConvProblem flattened(const ConvProblem& problem) {
  const int64_t pixels = problem.mb * problem.src_pixels();
  if (!is_matrix_product(problem) || pixels == 0) return problem;  // an axis is never empty, a batch may be
  ConvProblem flat = problem;
  flat.mb = 1;
  flat.axes = {};
  flat.axes[kWidth].i = flat.axes[kWidth].o = pixels;
  return flat;
}

template <class T>
void run_products(const ConvProblem& problem, const DirectLayout<T>& layout, const RowProduct<T>& product, int threads,
                  const ConvTensors& tensors, const std::byte* packed, std::byte* workspace) {
  T *source = static_cast<T*>(tensors.src), *produced = static_cast<T*>(tensors.dst);
  if (problem.direction == Direction::backward_data) std::swap(source, produced);
  const GatherRun<T> gather(layout, product, threads,
                            {.source = source,
                             .packed = reinterpret_cast<const T*>(packed),
                             .bias = static_cast<const T*>(tensors.bias),
                             .epilogue = epilogue_of<T>(problem, tensors),
                             .produced = produced});
  gather.run(workspace);
}

}  // namespace pyconv
