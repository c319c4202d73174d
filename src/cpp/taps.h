// taps.h: which kernel elements meet which source elements along one axis, padding left out. Pure arithmetic.
//
// A convolution forward and its data gradient are the same gather: every produced pixel is a sum over taps, each a
// source pixel times a matrix. Only the map from produced to source coordinates differs, and this file is that map.
#pragma once

#include <cstdint>
#include <vector>

#include "problem.h"

namespace pyconv {

// floor and ceil of a / b for b > 0, a of either sign.
inline int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
inline int64_t ceil_div(int64_t a, int64_t b) { return -floor_div(-a, b); }

// The taps of one produced coordinate that do not fall on padding: for t < count, kernel element k + t * k_step meets
// source element src + t * src_step.
struct Taps {
  int64_t count = 0, k = 0, k_step = 1, src = 0, src_step = 1;
};

// Forward: produced is an output, source is the input.
Taps forward_taps(const Axis& axis, int64_t output);

// Data gradient: produced is an input, source is the output's gradient. Kernel elements are numbered from the end
// (element 0 is the last), so that both steps are positive here too.
Taps backward_taps(const Axis& axis, int64_t input);

// Produced coordinates first, first + step, ... (count of them) that see the same kernel elements; the source of the
// j-th lies j * src_advance beyond that of the first.
struct Segment {
  int64_t first = 0, step = 1, count = 0, src_advance = 1;
  Taps taps;

  // Parts [begin, end) of so many, which together need no more units of at most `unit` elements than the whole; all
  // units, and the parts as far as they are of as many, are equally long.
  Segment between(int64_t begin, int64_t end, int64_t parts, int64_t unit) const;

  // What of it lies in [begin, end) of the produced coordinates.
  Segment within(int64_t begin, int64_t end) const;

 private:
  Segment cut(int64_t begin, int64_t end) const;
};

// The whole axis cut into segments: a few at the borders and one long one between, per phase of the stride.
std::vector<Segment> forward_segments(const Axis& axis);
std::vector<Segment> backward_segments(const Axis& axis);

}  // namespace pyconv
