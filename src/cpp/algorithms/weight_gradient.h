// weight_gradient.h: the gradient of weights and bias as batch-reduce matrix products whose reduction runs over pixels.
// One direction of the direct algorithm, see direct.cpp.
#pragma once

#include <algorithm>
#include <span>

#include "../parallel.h"
#include "column_sums.h"
#include "direct_layout.h"

namespace pyconv {

// diff_weights[tap][ic][oc] = sum over pixels of src[pixel's tap][ic] * diff_dst[pixel][oc]; diff_bias sums diff_dst.
//
// Pixels are the reduction: pass after pass, some rows of diff_dst are multiplied, packed into panels
//   b[group][panel][row of the pass][pixel][column of panel]
// or as they lie. Where the sums are small, the rows are cut into parts with sums of their own, as many for any number
// of threads, which are added up in one order. Where they are large, threads share the packing of a pass and then the
// sums. Either way every sum has one order.
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
        kernel_rows_(gather().axes[kDepth].k * gather().axes[kHeight].k),
        weight_rows_(gather().axes[kWidth].k * layout_.depth),
        weights_(kernel_rows_ * weight_rows_ * oc_),
        in_place_(layout_.groups == 1 && layout_.columns % kernels.lanes == 0 &&
                  (layout_.panels == 1 || kernel_rows_ * weight_rows_ <= kTilesInPlace * kernels.tile_rows)) {
    const int64_t rows = std::max<int64_t>(1, gather().rows());
    const int64_t source_row = gather().axes[kHeight].s * gather().source(kWidth) * ic_;
    const int64_t cached_rows = kPassBytes / ((source_row + all_panels_ * packed_row()) * kSize);
    pass_rows_ = std::clamp(std::max(cached_rows, kPassPixels / width_), int64_t{1}, rows);
    run_ = std::clamp(kRunBytes / (pass_rows_ * packed_row() * kSize), int64_t{1}, layout_.panels);
    runs_ = layout_.groups * ceil_div(layout_.panels, run_);
    parts_ = std::min({kMostParts, rows, rows * width_ / kPixelsPerPart, kPartsBytes / (weights_ * kSize)});
    if (parts_ < kFewestParts) parts_ = 1;
    const int64_t most_strips = parts_ > 1 ? 1 : ceil_div(weight_rows_, kernels.tile_rows);
    strips_ = std::clamp(kDirectTasks / (runs_ * kernel_rows_), int64_t{1}, most_strips);
  }

  int64_t workspace_bytes(int threads) const {
    return sums_bytes() + (parts_ > 1 ? threads * Scratch::bytes(*this, 1) : Scratch::bytes(*this, threads));
  }

  void run(int threads, const T* src, const T* diff_dst, T* diff_weights, T* diff_bias, std::byte* workspace) const {
    T* sums = reinterpret_cast<T*>(workspace);
    T* biases = diff_bias ? sums + part_weights() : nullptr;
    std::byte* scratch = workspace + sums_bytes();
    const int64_t rows = gather().rows();
    if (parts_ == 1) {
      sum_rows(0, rows, threads, src, diff_dst, diff_weights, biases, Scratch(*this, threads, scratch));
    } else {
      const int64_t each = Scratch::bytes(*this, 1);
      parallel_for(parts_, threads, [&](int64_t begin, int64_t end, int thread) {
        const Scratch mine(*this, 1, scratch + thread * each);
        for (int64_t part = begin; part < end; ++part)
          sum_rows(rows * part / parts_, rows * (part + 1) / parts_, 1, src, diff_dst, sums + part * weights_,
                   biases ? biases + part * bias_size() : nullptr, mine);
      });
      parallel_for(kernel_rows_ * weight_rows_, threads, [&](int64_t begin, int64_t end, int) {
        add_up(kernels_, sums + begin * oc_, parts_, weights_, (end - begin) * oc_, diff_weights + begin * oc_);
      });
    }
    if (!diff_bias) return;
    T* total = biases + parts_ * bias_size();
    add_up(kernels_, biases, parts_, bias_size(), bias_size(), total);
    for (int64_t panel = 0; panel < all_panels_; ++panel)
      std::copy_n(total + panel * layout_.panel, columns_of(panel), diff_bias + channel_of(panel));
  }

 private:
  static constexpr int64_t kSize = sizeof(T);

  // Packing pays where more tiles than these read a panel: 4 tiles of 144 columns were 1.4 times as fast without, 8 of
  // 256 columns 0.9 times. A single panel lies as if it were packed.
  static constexpr int64_t kTilesInPlace = 4;

  // What a pass reads of src and diff_dst: half of an L2 cache of 1 MB; in it, a run of panels that meets a tile of src
  // before the next tile does: a quarter. But a sum is read and written once a pass, so that has some pixels at least.
  static constexpr int64_t kPassBytes = 512 * 1024, kRunBytes = 256 * 1024, kPassPixels = 256;

  // Enough parts for any machine's threads to have about equal shares; fewer would leave threads without one.
  static constexpr int64_t kMostParts = 16, kFewestParts = 8;
  // Pixels of a part: so many that adding its sums up takes a few hundredths of the time.
  static constexpr int64_t kPixelsPerPart = 256;
  // All sums together. Where they are larger, a pass's products take so long that sharing its panels costs nothing.
  static constexpr int64_t kPartsBytes = 2 * 1024 * 1024;

  // What a thread, or all that share a pass, write while they sum.
  struct Scratch {
    Scratch(const WeightGradient& work, int threads, std::byte* memory)
        : offsets(memory),
          places(reinterpret_cast<Gather::Row*>(memory + TapOffsets::bytes(threads, work.pass_rows_))),
          packed(reinterpret_cast<T*>(reinterpret_cast<std::byte*>(places) + places_bytes(work))) {}
    static int64_t places_bytes(const WeightGradient& work) {
      return align_up(work.pass_rows_ * static_cast<int64_t>(sizeof(Gather::Row)));
    }
    static int64_t bytes(const WeightGradient& work, int threads) {
      const int64_t packed = work.in_place_ ? 0 : work.all_panels_ * work.pass_rows_ * work.packed_row() * kSize;
      return TapOffsets::bytes(threads, work.pass_rows_) + places_bytes(work) + align_up(packed);
    }
    std::byte* offsets;
    Gather::Row* places;
    T* packed;
  };

  // The gradient of a pass as the kernel reads it.
  struct Rows {
    std::span<const Gather::Row> places;
    const T* b;
    int64_t pixel, row, panel;  // from one to the next

    const T* at(int64_t index) const { return b + index * panel; }
  };

  // The elements of diff_weights that one task sums: a kernel depth and height, the columns of a run of panels, and a
  // strip of the kw * ic weight rows between them.
  struct Owner {
    int64_t strip, kernel_row, run;
  };

  const Gather& gather() const { return layout_.gather; }
  int64_t packed_row() const { return width_ * layout_.panel; }
  int64_t bias_size() const { return all_panels_ * layout_.panel; }
  int64_t part_weights() const { return parts_ > 1 ? parts_ * weights_ : 0; }  // of all parts; a single one needs none
  int64_t sums_bytes() const { return align_up((part_weights() + (parts_ + 1) * bias_size()) * kSize); }
  int64_t group_of(int64_t panel) const { return panel / layout_.panels; }
  int64_t columns_of(int64_t panel) const { return layout_.columns_of(panel % layout_.panels); }
  int64_t channel_of(int64_t panel) const {
    return group_of(panel) * layout_.columns + panel % layout_.panels * layout_.panel;
  }

  // The sums of rows [first, last), pass after pass, by so many threads.
  void sum_rows(int64_t first, int64_t last, int threads, const T* src, const T* diff_dst, T* sums, T* biases,
                const Scratch& scratch) const {
    std::fill_n(sums, weights_, T{0});
    if (biases) std::fill_n(biases, bias_size(), T{0});
    for (int64_t begin = first; begin < last; begin += pass_rows_) {
      const int64_t rows = std::min(pass_rows_, last - begin);
      const Rows pass = bring(begin, rows, threads, diff_dst, scratch);
      parallel_for(runs_ * kernel_rows_ * strips_, threads, [&](int64_t task, int64_t end, int thread) {
        const TapOffsets offsets(scratch.offsets, thread, pass_rows_);
        for (; task < end; ++task) {
          const Owner owner{.strip = task % strips_,
                            .kernel_row = task / strips_ % kernel_rows_,
                            .run = task / (strips_ * kernel_rows_)};
          add_products(owner, pass, src, sums, offsets);
          if (biases && owner.strip == 0 && owner.kernel_row == 0) add_biases(owner.run, pass, biases);
        }
      });
    }
  }

  // Rows of diff_dst, packed if need be.
  Rows bring(int64_t first_row, int64_t rows, int threads, const T* diff_dst, const Scratch& scratch) const {
    const std::span<const Gather::Row> places(scratch.places, static_cast<size_t>(rows));
    const T* from = diff_dst + first_row * width_ * oc_;
    for (int64_t row = 0; row < rows; ++row) scratch.places[row] = gather().row(first_row + row);
    if (in_place_) return {places, from, oc_, width_ * oc_, layout_.panel};
    parallel_for(all_panels_ * rows, threads, [&](int64_t begin, int64_t end, int) {
      for (int64_t task = begin; task < end; ++task)
        pack_row(task / rows, from + task % rows * width_ * oc_, scratch.packed + task * packed_row());
    });
    return {places, scratch.packed, layout_.panel, packed_row(), rows * packed_row()};
  }

  void pack_row(int64_t panel, const T* row, T* out) const {
    const int64_t columns = columns_of(panel);
    const T* in = row + channel_of(panel);
    for (int64_t pixel = 0; pixel < width_; ++pixel, in += oc_, out += layout_.panel) {
      std::copy_n(in, columns, out);
      std::fill_n(out + columns, layout_.panel - columns, T{0});
    }
  }

  // The panels of a run.
  struct Panels {
    int64_t group, first, last;
  };
  Panels panels_of(int64_t run) const {
    const int64_t group_runs = runs_ / layout_.groups, group = run / group_runs, first = run % group_runs * run_;
    return {group, group * layout_.panels + first, group * layout_.panels + std::min(first + run_, layout_.panels)};
  }

  void add_products(const Owner& owner, const Rows& pass, const T* src, T* diff_weights,
                    const TapOffsets& offsets) const {
    const bool whole = layout_.whole_runs;
    const Panels panels = panels_of(owner.run);
    const int64_t channel = channel_of(panels.first);
    const int64_t columns = channel_of(panels.last - 1) + columns_of(panels.last - 1) - channel;
    for (const Segment& segment : gather().segments)
      for (int64_t w = 0; w < (whole ? 1 : segment.taps.count); ++w) {
        // The weight rows that this run of taps meets, and of those the owner's.
        const int64_t first = (segment.taps.k + w * segment.taps.k_step) * layout_.depth;
        const int64_t run = layout_.depth * (whole ? segment.taps.count : 1);
        const int64_t from = std::max(first, weight_rows_ * owner.strip / strips_);
        const int64_t to = std::min(first + run, weight_rows_ * (owner.strip + 1) / strips_);
        if (from >= to) continue;
        const int64_t width_source = segment.taps.src + w * segment.taps.src_step;
        T* sums = diff_weights + (owner.kernel_row * weight_rows_ + from) * oc_ + channel;
        kernels_.brgemm({.a = src + panels.group * layout_.depth + from - first,
                         .a_taps = offsets.a,
                         .a_row = 1,
                         .a_k = segment.src_advance * ic_,
                         .b = pass.at(panels.first) + segment.first * pass.pixel,
                         .b_taps = offsets.b,
                         .b_k = pass.pixel,
                         .b_panel = pass.panel,
                         .taps = find_rows(owner.kernel_row, pass, width_source, offsets),
                         .k = segment.count,
                         .c = sums,
                         .c_row = oc_,
                         .rows = to - from,
                         .cols = columns,
                         .epilogue = {.residual = sums}});
      }
  }

  // The rows of the pass whose windows have the kernel row on real pixels; one tap of the product each.
  int64_t find_rows(int64_t kernel_row, const Rows& pass, int64_t width_source, const TapOffsets& offsets) const {
    const int64_t kernel_depth = kernel_row / gather().axes[kHeight].k;
    const int64_t kernel_height = kernel_row % gather().axes[kHeight].k;
    int64_t found = 0, row = -1;
    for (const Gather::Row& place : pass.places) {
      ++row;
      const int64_t d = kernel_depth - place.depth.k, h = kernel_height - place.height.k;
      if (d < 0 || d >= place.depth.count || h < 0 || h >= place.height.count) continue;
      const int64_t source_row = (place.depth.src + d * place.depth.src_step) * gather().source(kHeight) +
                                 place.height.src + h * place.height.src_step;
      offsets.a[found] = (place.source_pixel + source_row * gather().source(kWidth) + width_source) * ic_;
      offsets.b[found++] = row * pass.row;
    }
    return found;
  }

  // The kernel for depthwise weights sums gradients, too: here there are no weights.
  void add_biases(int64_t run, const Rows& pass, T* biases) const {
    const Panels panels = panels_of(run);
    for (int64_t panel = panels.first; panel < panels.last; ++panel)
      kernels_.depthwise_weights({.pixels = {.dst_line = pass.row,
                                             .dst_row = pass.pixel,
                                             .lines = static_cast<int64_t>(pass.places.size()),
                                             .rows = width_,
                                             .channels = in_place_ ? columns_of(panel) : layout_.panel},
                                  .diff_dst = pass.at(panel),
                                  .dst_sums = biases + panel * layout_.panel});
  }

  DirectLayout<T> layout_;
  const Kernels<T>& kernels_;
  int64_t ic_, oc_, width_, all_panels_;
  int64_t kernel_rows_;  // kd * kh
  int64_t weight_rows_;  // kw * ic of a group
  int64_t weights_;      // how many
  bool in_place_;        // diff_dst is read as it lies
  int64_t pass_rows_;    // rows of diff_dst multiplied at a time
  int64_t run_, runs_;   // panels multiplied by one call of the kernel, and how many such runs there are
  int64_t strips_, parts_;
};

}  // namespace pyconv
