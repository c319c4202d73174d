// direct_layout.h: what the three directions of direct convolution have in common: panels of weights, taps and their
// offsets. No arithmetic on data.
#pragma once

#include <algorithm>

#include "../algorithms.h"
#include "../buffer.h"
#include "gather.h"

namespace pyconv {

// At least so many tasks where there are rows enough: with 8 tasks a thread, one task too many costs an eighth.
constexpr int64_t kDirectTasks = 64;

// How weights are packed, and the work cut, for one direction.
//
// Forward and data gradient:  b[group][panel][tap][source channel][column of panel]
template <class T>
struct DirectLayout {
  DirectLayout(const ConvProblem& problem, const Kernels<T>& kernels) : DirectLayout(problem, kernels.panel, true) {}

  // With panels of so many columns, and a tap for each run of a kernel's row that may be one, or for each element.
  DirectLayout(const ConvProblem& problem, int64_t panel_columns, bool by_runs)
      : gather(problem),
        groups(problem.g),
        taps(problem.taps()),
        depth(gather.source_channels() / groups),
        columns(gather.produced_channels() / groups),
        panel(panel_columns),
        panels(ceil_div(columns, panel)),
        // Neighbouring taps of a dense kernel read neighbouring pixels: kw * ic is one contiguous reduction.
        whole_runs(by_runs && groups == 1 && gather.source_stride == depth &&
                   std::all_of(gather.segments.begin(), gather.segments.end(),
                               [](const Segment& s) { return s.taps.k_step == 1 && s.taps.src_step == 1; })) {}

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

}  // namespace pyconv
