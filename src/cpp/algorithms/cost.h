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

// Those that products with so many columns take as long as. Of 16 lanes half a vector may be the last: alone measured
// at 0.6 to 0.7 of a whole one, in Winograd's shorter sums up to 0.8.
inline double product_vectors(int64_t columns, int64_t lanes = 16) {
  constexpr double kHalf = 0.7;
  const int64_t rest = columns % lanes;
  return static_cast<double>(columns / lanes) + (rest == 0 ? 0 : lanes == 16 && rest <= 8 ? kHalf : 1);
}

// Weights that an L2 cache keeps beside other things, and an L3 cache.
constexpr double kL2Weights = 768 * 1024 / 4, kL3Weights = 24 * 1024 * 1024 / 4;

// Cycles that a tile of so many rows waits for a vector of weights. It comes from the cache that holds all those of a
// group, for within a network other layers' weights have driven it out of nearer ones; a group has few, which are
// fetched ahead. A tile, of 8 rows at most, computes for a cycle a row meanwhile.
inline double wait_cycles(double weights, double rows) {
  constexpr double kFromL2 = 3, kFromL3 = 10, kFromMemory = 12;
  const double load = weights <= kL2Weights ? kFromL2 : weights <= kL3Weights ? kFromL3 : kFromMemory;
  return std::max(0.0, load - std::min(8.0, rows));
}

// Products of rows with a matrix of channels x vectors, part of so many weights that are read in turn, in calls of the
// kernel with equally many rows. The first tile of a call waits for the weights, the later ones find them in the L1
// cache. A result costs some cycles however few channels it sums: to begin, to store, and here to load it again.
// Measured at 7 to 11 for Winograd, 5 to 6 for direct, with 1 to 17 channels; half a vector's as a whole one's.
inline double product_cycles(double rows, double calls, double channels, double vectors, double weights) {
  constexpr double kPerResult = 7;
  const double products = channels * (rows + calls * wait_cycles(weights, rows / calls));
  return vectors * products + std::ceil(vectors) * kPerResult * rows;
}

template <class Form>
double winograd_cycles(const ConvProblem& problem) {
  constexpr double positions = Shape<Form>::kPositions, sums = Shape<Form>::kSums;
  constexpr int64_t kPanel = 32;  // two of the widest vectors
  const Shape<Form> s(problem);
  const auto tiles = static_cast<double>(s.tiles()), depth = static_cast<double>(s.ic / s.groups);
  const int64_t run = s.groups > 1 ? run_of_groups(s.ic, s.groups) : s.ic;
  const double blocks = std::ceil(tiles / static_cast<double>(fitting_tiles<Form>(run, kPanel)));
  const double weights = positions * depth * vectors(s.oc / s.groups) * 16;
  const double columns = product_vectors(s.oc / s.groups);
  return tiles * (Form::kInputCycles * vectors(s.ic) + Form::kOutputCycles * vectors(s.oc)) +
         static_cast<double>(s.groups) * sums *
             product_cycles(tiles, blocks, positions / sums * depth, columns, weights);
}

// Forward or data gradient. All lines meet one panel of weights, of two vectors, after the other. The first line waits
// for it to come from where all are, later ones find it in a cache that holds a panel. In vectors of so many lanes.
inline double direct_cycles(const ConvProblem& problem, int64_t lanes = 16) {
  const bool forward = problem.direction == Direction::forward;
  const Axis &h = problem.axes[kHeight], &w = problem.axes[kWidth];
  const auto lines = static_cast<double>(problem.mb * problem.axes[kDepth].o * (forward ? h.o : h.i));
  const auto width = static_cast<double>(forward ? w.o : w.i),
             depth = static_cast<double>(forward ? problem.group_ic() : problem.group_oc());
  const double products = mean_taps(problem) * depth, vector = static_cast<double>(problem.taps() * lanes) * depth,
               columns = product_vectors(forward ? problem.group_oc() : problem.group_ic(), lanes);
  const double wait = wait_cycles(vector * columns, width);
  return static_cast<double>(problem.g) *
         (product_cycles(lines * width, lines, products, columns, 2 * vector) + products * columns * wait);
}

// The same by few_channels.cpp, whose vectors hold so many source channels and tiles so many results. A multiply-add
// waits for loads a fifth of its time, and a tile takes some 100 cycles to begin, to add up its lanes and to store.
// Vectors narrower than the widest multiply and add twice as many a cycle. Those of 16 bytes have no masks: the last
// one of a source pixel, if it is partial, is put together element by element.
inline double few_channels_cycles(const ConvProblem& problem, int64_t lanes = 16, int64_t sums = 16) {
  constexpr double kPerProduct = 1.2, kPerTile = 100, kPartial = 25;
  const bool forward = problem.direction == Direction::forward;
  const int64_t vector_bytes = lanes * size_of(problem.dtype);
  const auto results = static_cast<double>(
      problem.mb * (forward ? problem.dst_pixels() * problem.oc : problem.src_pixels() * problem.ic));
  const int64_t source = forward ? problem.ic : problem.oc;
  const double partial = vector_bytes <= 16 && source % lanes != 0 ? kPartial : 0;
  const double per_tap = kPerProduct * static_cast<double>(ceil_div(source, lanes)) + partial;
  return results *
         (mean_taps(problem) * per_tap + (vector_bytes == kAlignment ? 1 : 2) * kPerTile / static_cast<double>(sums));
}

// Without transforms: by direct.cpp, or few_channels.cpp where a vector would hold all that is produced.
inline double plain_cycles(const ConvProblem& problem) {
  const double direct = direct_cycles(problem);
  return problem.g == 1 && problem.produced_channels() <= 16 ? std::min(direct, few_channels_cycles(problem)) : direct;
}

}  // namespace pyconv
