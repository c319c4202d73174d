// direct.cpp: dense convolution as batch-reduce matrix products over rows of pixels, all three directions. Any kernel,
// stride, dilation, padding and grouping; no im2col, no padded copy, no product with a padding zero.
#include <algorithm>
#include <span>
#include <vector>

#include "../algorithms.h"
#include "../buffer.h"
#include "../parallel.h"
#include "gather.h"

namespace pyconv {
namespace {

// At least so many tasks where there are rows enough: with 8 tasks a thread, one task too many costs an eighth.
constexpr int64_t kTasks = 64;

// The weight gradient streams this much of dst's gradient per panel and pass: half of a 1 MB L2 cache is left to src.
constexpr int64_t kGradientPanelBytes = 256 * 1024;

// Weights of so many bytes are read again for every tile of pixels, so that a pixel's channels are written together:
// half of an L2 cache of 1 MB. Larger ones are read panel after panel, each for a whole row.
constexpr int64_t kResidentBytes = 512 * 1024;

// How weights are packed, and the work cut, for one direction.
//
// Forward and data gradient:  b[group][panel][tap][source channel][column of panel]
template <class T>
struct Layout {
  Layout(const ConvProblem& problem, const Kernels<T>& kernels)
      : gather(problem),
        groups(problem.g),
        taps(problem.taps()),
        depth(gather.source_channels() / groups),
        columns(gather.produced_channels() / groups),
        panel(kernels.panel),
        panels(ceil_div(columns, panel)),
        // Neighbouring taps of a dense kernel read neighbouring pixels: kw * ic is one contiguous reduction.
        whole_runs(groups == 1 && std::all_of(gather.segments.begin(), gather.segments.end(), [](const Segment& s) {
                     return s.taps.k_step == 1 && s.taps.src_step == 1;
                   })) {}

  int64_t panel_size() const { return taps * depth * panel; }
  int64_t packed_size() const { return groups * panels * panel_size(); }
  int64_t columns_of(int64_t index) const { return std::min(panel, columns - index * panel); }
  int64_t tap_limit() const { return whole_runs ? gather.axes[kDepth].k * gather.axes[kHeight].k : taps; }

  Gather gather;
  int64_t groups, taps;
  int64_t depth;    // channels of a group that are summed over (the rows of the weight gradient)
  int64_t columns;  // channels of a group that are produced
  int64_t panel, panels;
  bool whole_runs;
};

// Room for the offsets of one thread's taps, a's and b's.
struct TapOffsets {
  TapOffsets(std::byte* workspace, int thread, int64_t limit)
      : a(reinterpret_cast<int64_t*>(workspace) + 2 * limit * thread), b(a + limit) {}
  static int64_t bytes(int threads, int64_t limit) {
    return align_up(2 * limit * threads * static_cast<int64_t>(sizeof(int64_t)));
  }
  int64_t* a;
  int64_t* b;
};

template <class T>
void pack_weights(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const T* weights, T* packed) {
  const Layout<T> layout(problem, kernels);
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

// The offsets of every segment's taps, from the first of them. They are the same for all rows but those at a border,
// so a thread seldom computes them again: for the first layer of a small network that took a quarter of the time.
template <class T>
class SegmentTaps {
 public:
  static int64_t bytes(const Layout<T>& layout, int threads) {
    return TapOffsets::bytes(threads * static_cast<int>(layout.gather.segments.size()), layout.tap_limit());
  }

  SegmentTaps(const Layout<T>& layout, std::byte* workspace, int thread)
      : layout_(layout), workspace_(workspace), first_(thread * static_cast<int>(layout.gather.segments.size())) {}

  void set_row(const Gather::Row& row) {
    const bool same = row.depth.k == depth_.k && row.depth.count == depth_.count && row.height.k == height_.k &&
                      row.height.count == height_.count;
    depth_ = row.depth;
    height_ = row.height;
    if (same) return;
    const Gather& gather = layout_.gather;
    for (size_t part = 0; part < gather.segments.size(); ++part) {
      const TapOffsets offsets = of(part);
      const int64_t first = gather.first_tap(row, gather.segments[part]);
      int64_t index = 0;
      gather.for_each_tap(row, gather.segments[part], layout_.whole_runs, [&](int64_t tap, int64_t pixel) {
        offsets.a[index] = (pixel - first) * gather.source_channels();
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
  const Layout<T>& layout_;
  std::byte* workspace_;
  int first_;            // of this thread's offsets
  Taps depth_, height_;  // of the row that was set; none at first
};

// produced[pixel] = epilogue of bias + sum over taps of source[pixel's tap] * weights[tap], a row of pixels after
// another.
template <class T>
void run_gather(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const T* source, const T* packed,
                const T* bias, const Epilogue<T>& epilogue, T* produced, std::byte* workspace) {
  const Layout<T> layout(problem, kernels);
  const Gather& gather = layout.gather;
  const int64_t source_channels = gather.source_channels(), channels = gather.produced_channels();
  const int64_t width = gather.produced(kWidth), rows = std::max<int64_t>(1, gather.rows());
  // Rows may be cut into strips, where rows and panels alone would not keep the threads evenly busy.
  const int64_t most_strips = ceil_div(width, 2 * kernels.tile_rows);
  // A run of panels is multiplied by one call of the kernel: all of a group's, or one where they are large or few rows
  // leave them to be shared among threads.
  const bool resident =
      layout.packed_size() * static_cast<int64_t>(sizeof(T)) <= kResidentBytes && rows * most_strips >= kTasks;
  const int64_t run = resident ? layout.panels : 1, group_runs = layout.panels / run;
  const int64_t runs = layout.groups * group_runs;
  const int64_t strips = std::clamp(kTasks / (rows * runs), int64_t{1}, most_strips);
  parallel_for(gather.rows() * strips * runs, threads, [&](int64_t begin, int64_t end, int thread) {
    SegmentTaps<T> taps(layout, workspace, thread);
    while (begin < end) {  // all runs of one strip that belong to this thread
      const int64_t first_run = begin % runs, strip = begin / runs % strips;
      const int64_t last_run = std::min(runs, first_run + end - begin);
      const Gather::Row row = gather.row(begin / (runs * strips));
      begin += last_run - first_run;
      taps.set_row(row);
      for (size_t part = 0; part < gather.segments.size(); ++part) {
        const Segment segment = gather.segments[part].part(strip, strips);
        if (segment.count == 0) continue;
        const TapOffsets offsets = taps.of(part);
        const T* first_tap = source + (row.source_pixel + gather.first_tap(row, segment)) * source_channels;
        for (int64_t index = first_run; index < last_run; ++index) {
          const int64_t group = index / group_runs, panel = index % group_runs * run;
          const int64_t channel = group * layout.columns + panel * layout.panel;
          const int64_t produced_at = (row.pixel + segment.first) * channels + channel;
          kernels.brgemm({.a = first_tap + group * layout.depth,
                          .a_taps = offsets.a,
                          .a_row = segment.src_advance * source_channels,
                          .a_k = 1,
                          .b = packed + (group * layout.panels + panel) * layout.panel_size(),
                          .b_taps = offsets.b,
                          .b_panel = layout.panel_size(),
                          .taps = taps.count(segment),
                          .k = layout.depth * (layout.whole_runs ? segment.taps.count : 1),
                          .c = produced + produced_at,
                          .c_row = segment.step * channels,
                          .rows = segment.count,
                          .cols = std::min(run * layout.panel, layout.columns - panel * layout.panel),
                          .bias = bias ? bias + channel : nullptr,
                          .epilogue = at_offset(epilogue, produced_at)});
        }
      }
    }
  });
}

// diff_weights[tap][ic][oc] = sum over pixels of src[pixel's tap][ic] * diff_dst[pixel][oc]; diff_bias sums diff_dst.
//
// Pixels are the reduction: pass after pass, a batch of rows of diff_dst is packed into panels,
//   b[group][panel][row of the pass][pixel][column of panel]
// and multiplied. Every element has one owner and one order of summation, whatever the number of threads.
template <class T>
class WeightGradient {
 public:
  WeightGradient(const ConvProblem& problem, const Kernels<T>& kernels)
      : layout_(problem, kernels),
        kernels_(kernels),
        ic_(problem.ic),
        oc_(problem.oc),
        width_(gather().produced(kWidth)),
        all_panels_(layout_.groups * layout_.panels),
        pass_rows_(std::clamp(kGradientPanelBytes / (packed_row() * static_cast<int64_t>(sizeof(T))), int64_t{1},
                              std::max<int64_t>(1, gather().rows()))),
        kernel_rows_(gather().axes[kDepth].k * gather().axes[kHeight].k),
        weight_rows_(gather().axes[kWidth].k * layout_.depth),
        strips_(
            std::clamp(kTasks / (all_panels_ * kernel_rows_), int64_t{1}, ceil_div(weight_rows_, kernels.tile_rows))) {}

  int64_t workspace_bytes(int threads) const {
    return TapOffsets::bytes(threads, pass_rows_) +
           all_panels_ * pass_rows_ * packed_row() * static_cast<int64_t>(sizeof(T));
  }

  void run(int threads, const T* src, const T* diff_dst, T* diff_weights, T* diff_bias, std::byte* workspace) const {
    T* packed = reinterpret_cast<T*>(workspace + TapOffsets::bytes(threads, pass_rows_));
    std::fill_n(diff_weights, kernel_rows_ * weight_rows_ * oc_, T{0});
    if (diff_bias) std::fill_n(diff_bias, oc_, T{0});
    std::vector<Gather::Row> places(static_cast<size_t>(pass_rows_));
    for (int64_t first_row = 0; first_row < gather().rows(); first_row += pass_rows_) {
      const int64_t rows = std::min(pass_rows_, gather().rows() - first_row);
      parallel_for(all_panels_ * rows, threads, [&](int64_t begin, int64_t end, int) {
        for (int64_t task = begin; task < end; ++task) {
          const int64_t panel = task / rows, row = task % rows;
          pack_row(panel, diff_dst + (first_row + row) * width_ * oc_, packed + task * packed_row());
          if (panel == 0) places[static_cast<size_t>(row)] = gather().row(first_row + row);
        }
      });
      const std::span<const Gather::Row> pass(places.data(), static_cast<size_t>(rows));
      parallel_for(all_panels_ * kernel_rows_ * strips_, threads, [&](int64_t begin, int64_t end, int thread) {
        const TapOffsets offsets(workspace, thread, pass_rows_);
        for (int64_t task = begin; task < end; ++task) {
          const Owner owner{.strip = task % strips_,
                            .kernel_row = task / strips_ % kernel_rows_,
                            .panel = task / (strips_ * kernel_rows_)};
          const T* b = packed + owner.panel * rows * packed_row();
          add_products(owner, pass, src, b, diff_weights, offsets);
          if (diff_bias && owner.strip == 0 && owner.kernel_row == 0) add_bias(owner, rows, b, diff_bias, offsets);
        }
      });
    }
  }

 private:
  // The elements of diff_weights that one task sums: a kernel depth and height, the columns of a panel, and a strip of
  // the kw * ic weight rows between them.
  struct Owner {
    int64_t strip, kernel_row, panel;
  };

  const Gather& gather() const { return layout_.gather; }
  int64_t packed_row() const { return gather().produced(kWidth) * layout_.panel; }
  int64_t group_of(int64_t panel) const { return panel / layout_.panels; }
  int64_t columns_of(int64_t panel) const { return layout_.columns_of(panel % layout_.panels); }
  int64_t channel_of(int64_t panel) const {
    return group_of(panel) * layout_.columns + panel % layout_.panels * layout_.panel;
  }

  void pack_row(int64_t panel, const T* row, T* out) const {
    const int64_t columns = columns_of(panel);
    const T* in = row + channel_of(panel);
    for (int64_t pixel = 0; pixel < width_; ++pixel, in += oc_, out += layout_.panel) {
      std::copy_n(in, columns, out);
      std::fill_n(out + columns, layout_.panel - columns, T{0});
    }
  }

  void add_products(const Owner& owner, std::span<const Gather::Row> pass, const T* src, const T* b, T* diff_weights,
                    const TapOffsets& offsets) const {
    const bool whole = layout_.whole_runs;
    for (const Segment& segment : gather().segments)
      for (int64_t w = 0; w < (whole ? 1 : segment.taps.count); ++w) {
        // The weight rows that this run of taps meets, and of those the owner's.
        const int64_t first = (segment.taps.k + w * segment.taps.k_step) * layout_.depth;
        const int64_t run = layout_.depth * (whole ? segment.taps.count : 1);
        const int64_t from = std::max(first, weight_rows_ * owner.strip / strips_);
        const int64_t to = std::min(first + run, weight_rows_ * (owner.strip + 1) / strips_);
        if (from >= to) continue;
        const int64_t width_source = segment.taps.src + w * segment.taps.src_step;
        T* sums = diff_weights + (owner.kernel_row * weight_rows_ + from) * oc_ + channel_of(owner.panel);
        kernels_.brgemm({.a = src + group_of(owner.panel) * layout_.depth + from - first,
                         .a_taps = offsets.a,
                         .a_row = 1,
                         .a_k = segment.src_advance * ic_,
                         .b = b,
                         .b_taps = offsets.b,
                         .taps = find_rows(owner, pass, width_source, segment.first, offsets),
                         .k = segment.count,
                         .c = sums,
                         .c_row = oc_,
                         .rows = to - from,
                         .cols = columns_of(owner.panel),
                         .epilogue = {.residual = sums}});
      }
  }

  // The rows of the pass whose windows have the owner's kernel row on real pixels; one tap of the product each.
  int64_t find_rows(const Owner& owner, std::span<const Gather::Row> pass, int64_t width_source, int64_t first_pixel,
                    const TapOffsets& offsets) const {
    const int64_t kernel_depth = owner.kernel_row / gather().axes[kHeight].k;
    const int64_t kernel_height = owner.kernel_row % gather().axes[kHeight].k;
    int64_t found = 0, packed_at = first_pixel * layout_.panel - packed_row();
    for (const Gather::Row& place : pass) {
      packed_at += packed_row();
      const int64_t d = kernel_depth - place.depth.k, h = kernel_height - place.height.k;
      if (d < 0 || d >= place.depth.count || h < 0 || h >= place.height.count) continue;
      const int64_t source_row = (place.depth.src + d * place.depth.src_step) * gather().source(kHeight) +
                                 place.height.src + h * place.height.src_step;
      offsets.a[found] = (place.source_pixel + source_row * gather().source(kWidth) + width_source) * ic_;
      offsets.b[found++] = packed_at;
    }
    return found;
  }

  // A bias is a weight whose input is always one.
  void add_bias(const Owner& owner, int64_t rows, const T* b, T* diff_bias, const TapOffsets& offsets) const {
    static constexpr T kOne = 1;
    for (int64_t row = 0; row < rows; ++row) {
      offsets.a[row] = 0;
      offsets.b[row] = row * packed_row();
    }
    T* sums = diff_bias + channel_of(owner.panel);
    kernels_.brgemm({.a = &kOne,
                     .a_taps = offsets.a,
                     .a_row = 0,
                     .a_k = 0,
                     .b = b,
                     .b_taps = offsets.b,
                     .taps = rows,
                     .k = width_,
                     .c = sums,
                     .c_row = oc_,
                     .rows = 1,
                     .cols = columns_of(owner.panel),
                     .epilogue = {.residual = sums}});
  }

  Layout<T> layout_;
  const Kernels<T>& kernels_;
  int64_t ic_, oc_, width_, all_panels_;
  int64_t pass_rows_;    // rows of diff_dst packed at a time
  int64_t kernel_rows_;  // kd * kh
  int64_t weight_rows_;  // kw * ic of a group
  int64_t strips_;
};

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
    const Layout<T> layout(flattened(problem), table.kernels<T>());
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
        return run_gather<T>(flat, kernels, threads, dst, weights, nullptr, {}, src, workspace);
      case Direction::backward_weights:
        return WeightGradient<T>(problem, kernels)
            .run(threads, src, dst, static_cast<T*>(tensors.weights), bias, workspace);
    }
  });
}

}  // namespace

const ConvAlgorithm kDirect = {"direct", true, refuse, nullptr, memory, pack, run};

}  // namespace pyconv
