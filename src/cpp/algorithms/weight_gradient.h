// weight_gradient.h: the gradient of weights and bias as batch-reduce matrix products whose reduction runs over pixels.
// One direction of the direct algorithm, see direct.cpp.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "../parallel.h"
#include "direct_layout.h"

namespace pyconv {

// The weight gradient streams this much of dst's gradient per panel and pass: half of a 1 MB L2 cache is left to src.
constexpr int64_t kGradientPanelBytes = 256 * 1024;

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
        strips_(std::clamp(kDirectTasks / (all_panels_ * kernel_rows_), int64_t{1},
                           ceil_div(weight_rows_, kernels.tile_rows))) {}

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

  DirectLayout<T> layout_;
  const Kernels<T>& kernels_;
  int64_t ic_, oc_, width_, all_panels_;
  int64_t pass_rows_;    // rows of diff_dst packed at a time
  int64_t kernel_rows_;  // kd * kh
  int64_t weight_rows_;  // kw * ic of a group
  int64_t strips_;
};

}  // namespace pyconv
