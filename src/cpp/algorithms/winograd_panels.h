// winograd_panels.h: the transformed weights U of Winograd's algorithms, forward and data gradient, in panels of
// produced channels. They depend on the problem and the instruction set alone, not on how threads share the work.
#pragma once

#include <algorithm>

#include "winograd_tiles.h"

namespace pyconv {

// The channels of a panel: `columns` produced ones, from channel `channel` on, of each of some groups.
struct PanelChannels {
  int64_t first_group, groups, channel, columns;
};

// The produced channels of each group are cut into panels, or several groups of few channels share one:
//
//   U[panel][position][kernel panel][source channel of a group][column]
//
// A panel is what the kernels call so, or without groups several of those, if vectors are narrow: V is read less often,
// and the transform of the output takes more channels.
template <class Form>
struct Panels {
  Panels(const Shape<Form>& shape, const Kernels<float>& kernels)
      : depth(shape.ic / shape.groups),
        columns(shape.oc / shape.groups),
        kernel_panel(kernels.panel),
        width(shape.groups > 1 ? kernel_panel : std::min(kMaxPanel, ceil_div(columns, kernel_panel) * kernel_panel)),
        sharing(std::clamp(width / columns, int64_t{1}, shape.groups)),
        per_group(ceil_div(columns, width)),
        count(ceil_div(shape.groups, sharing) * per_group),
        groups(shape.groups) {}

  PanelChannels channels(int64_t panel) const {
    const int64_t first_group = panel / per_group * sharing, first = panel % per_group * width;
    return {first_group, std::min(sharing, groups - first_group), first_group * columns + first,
            std::min(width, columns - first)};
  }

  int64_t u_position() const { return position_size(depth, width); }
  int64_t u_size() const { return Shape<Form>::kPositions * u_position(); }  // of one panel

  int64_t depth, columns;  // source and produced channels of a group
  int64_t kernel_panel, width;
  int64_t sharing, per_group;  // groups that share a panel, panels of a group that fills one
  int64_t count, groups;
};

// U of a panel, in which one group's columns follow another's.
template <class Form>
void pack_panel(const Shape<Form>& shape, const Panels<Form>& panels, const Kernels<float>& kernels,
                const float* weights, int64_t panel, float* u) {
  using S = Shape<Form>;
  constexpr bool turned = !Form::kTransposed;  // for data gradients
  constexpr int64_t count = S::kKernelRows * S::kKernel;
  constexpr int64_t kSources = 16;  // at a time: data gradients read a cache line of each row of the weights
  const PanelChannels part = panels.channels(panel);
  for (int64_t first = 0; first < panels.depth; first += kSources) {
    const int64_t sources = std::min(kSources, panels.depth - first);
    float taps[kSources][count][kMaxPanel] = {};
    for (int64_t tap = 0; tap < count; ++tap) {
      if (shape.forward)
        for (int64_t q = 0; q < sources; ++q)
          std::copy_n(weights + (tap * panels.depth + first + q) * shape.oc + part.channel, part.groups * part.columns,
                      taps[q][tap]);
      else
        for (int64_t j = 0; j < part.groups; ++j) {
          const int64_t row = (turned ? count - 1 - tap : tap) * panels.columns + part.channel % panels.columns;
          kernels.transpose({.src = weights + row * shape.ic + (part.first_group + j) * panels.depth + first,
                             .src_row = shape.ic,
                             .dst = taps[0][tap] + j * part.columns,
                             .dst_row = count * kMaxPanel,
                             .rows = part.columns,
                             .cols = sources});
        }
    }
    for (int64_t column = 0; column < panels.width; column += panels.kernel_panel)
      for (int64_t q = 0; q < sources; ++q)
        (kernels.*Form::kTransforms)
            .weights({.src = taps[q][0] + column,
                      .src_row = S::kKernel * kMaxPanel,
                      .src_col = kMaxPanel,
                      .dst = u + panels.depth * column + (first + q) * panels.kernel_panel,
                      .dst_row = S::kPatch * panels.u_position(),
                      .dst_col = panels.u_position(),
                      .channels = panels.kernel_panel});
  }
}

}  // namespace pyconv
