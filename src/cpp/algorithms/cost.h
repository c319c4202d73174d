// cost.h: what a convolution costs by Winograd's algorithms and by those without transforms, which decides between
// them: cycles on a core that multiplies and adds one vector a cycle, for each vector of 16 produced channels.
#pragma once

#include <algorithm>
#include <cmath>

#include "../buffer.h"
#include "../problem.h"
#include "winograd_tiles.h"

namespace pyconv {

// Vectors of 16 channels, in which the models count.
inline double vectors(int64_t channels) { return static_cast<double>(ceil_div(channels, 16)); }

// Cycles until a vector of weights is there, from the cache that holds all those of a group: L2, L3 or none. Within a
// network other layers' weights have driven them out of nearer ones. Of groups each has few, which are fetched ahead.
inline double load_cycles(double weights) {
  constexpr double kL2 = 768 * 1024 / 4, kL3 = 24 * 1024 * 1024 / 4;
  return weights <= kL2 ? 3 : weights <= kL3 ? 10 : 12;
}

// Vectors that `groups` groups take, each its own, if together they have so many channels.
inline double vectors(int64_t groups, int64_t channels) {
  return static_cast<double>(groups) * vectors(channels / groups);
}

// Products of rows with a matrix of channels x vectors weights, calls of the kernel with equally many rows. The first
// tile of a call may wait for its weights, the later ones find them in the L1 cache. A result costs some cycles however
// few channels it sums: to begin, to store, and here to load it again. Measured at 7 to 11 for Winograd, 5 to 6 for
// direct, with 1 to 17 channels.
inline double product_cycles(double rows, double calls, double channels, double vectors, double load) {
  constexpr double kPerResult = 7;
  const double first_tile = std::min(8.0, rows / calls);
  return vectors * (channels * (rows + calls * std::max(0.0, load - first_tile)) + kPerResult * rows);
}

template <class Form>
double winograd_cycles(const ConvProblem& problem) {
  constexpr double positions = Shape<Form>::kPositions, sums = Shape<Form>::kSums;
  const Shape<Form> s(problem);
  const auto tiles = static_cast<double>(s.tiles()), depth = static_cast<double>(s.ic / s.groups);
  constexpr int64_t kPanel = 32;  // two of the widest vectors
  const double produced = vectors(s.groups, s.oc),
               blocks = std::ceil(tiles / static_cast<double>(fitting_tiles<Form>(s.ic, kPanel)));
  const double load = load_cycles(positions * depth * vectors(s.oc / s.groups) * 16);
  return tiles * (Form::kInputCycles * vectors(s.ic) + Form::kOutputCycles * vectors(s.oc)) +
         sums * product_cycles(tiles, blocks, positions / sums * depth, produced, load);
}

// Forward or data gradient.
inline double direct_cycles(const ConvProblem& problem) {
  const bool forward = problem.direction == Direction::forward;
  const Axis &h = problem.axes[kHeight], &w = problem.axes[kWidth];
  const auto lines = static_cast<double>(problem.mb * problem.axes[kDepth].o * (forward ? h.o : h.i));
  const auto width = static_cast<double>(forward ? w.o : w.i),
             depth = static_cast<double>(forward ? problem.group_ic() : problem.group_oc());
  const double produced = vectors(problem.g, forward ? problem.oc : problem.ic);
  const double products = mean_taps(problem) * depth, row = static_cast<double>(problem.taps()) * depth * 16;
  // All lines meet one panel of weights after the other. The first line may wait for it to come from where all are.
  const double wait =
      std::max(0.0, load_cycles(row * produced / static_cast<double>(problem.g)) - std::min(8.0, width));
  return product_cycles(lines * width, lines, products, produced, load_cycles(2 * row)) + products * produced * wait;
}

// The same by few_channels.cpp, whose vectors hold so many source channels and tiles so many results. A multiply-add
// waits for loads a fifth of its time, and a tile takes some 100 cycles to begin, to add up its lanes and to store.
// Vectors narrower than the widest multiply and add twice as many a cycle. Those of 16 bytes have no masks: the last
// one of a source pixel, if it is partial, is put together element by element.
inline double few_channels_cycles(const ConvProblem& problem, int64_t lanes = 16, int64_t sums = 16) {
  constexpr double kPerProduct = 1.2, kPerTile = 100, kPartial = 25;
  const bool forward = problem.direction == Direction::forward;
  const bool widest = lanes * size_of(problem.dtype) == kAlignment;
  const auto results = static_cast<double>(
      problem.mb * (forward ? problem.dst_pixels() * problem.oc : problem.src_pixels() * problem.ic));
  const int64_t source = forward ? problem.ic : problem.oc;
  const bool masks = lanes * size_of(problem.dtype) > 16;
  const double partial = !masks && source % lanes != 0 ? kPartial : 0;
  const double per_tap = kPerProduct * static_cast<double>(ceil_div(source, lanes)) + partial;
  return results * (mean_taps(problem) * per_tap + (widest ? 1 : 2) * kPerTile / static_cast<double>(sums));
}

// Without transforms: by direct.cpp, or few_channels.cpp where a vector would hold all that is produced.
inline double plain_cycles(const ConvProblem& problem) {
  const double direct = direct_cycles(problem);
  return problem.g == 1 && problem.produced_channels() <= 16 ? std::min(direct, few_channels_cycles(problem)) : direct;
}

}  // namespace pyconv
