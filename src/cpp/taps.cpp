// taps.cpp: closed forms for the taps of a coordinate, and their grouping into segments.
#include "taps.h"

#include <algorithm>
#include <numeric>

namespace pyconv {
namespace {

// Coordinates of a phase that see the same elements lie side by side, as both ends of what a kernel meets only move one
// way: the last of them is found by bisection, and a long axis costs hardly more than a short one. Where nothing is
// seen, which may be at both ends of an axis, they are taken one by one.
template <class TapsOf>
std::vector<Segment> segments(int64_t produced, int64_t step, int64_t src_advance, TapsOf taps_of) {
  std::vector<Segment> result;
  for (int64_t phase = 0; phase < std::min(step, produced); ++phase) {
    const int64_t length = ceil_div(produced - phase, step);
    for (int64_t begin = 0; begin < length;) {
      const Taps taps = taps_of(phase + begin * step);
      const auto sees_the_same = [&](int64_t at) {
        const Taps other = taps_of(phase + at * step);
        return other.count == taps.count && (taps.count == 0 || other.k == taps.k);
      };
      int64_t last = begin, beyond = taps.count == 0 ? begin + 1 : length;
      while (beyond - last > 1) {
        const int64_t middle = last + (beyond - last) / 2;
        (sees_the_same(middle) ? last : beyond) = middle;
      }
      while (taps.count == 0 && beyond < length && sees_the_same(beyond)) ++beyond;
      result.push_back({.first = phase + begin * step,
                        .step = step,
                        .count = beyond - begin,
                        .src_advance = src_advance,
                        .taps = taps});
      begin = beyond;
    }
  }
  return result;
}

}  // namespace

Taps forward_taps(const Axis& axis, int64_t output) {
  const int64_t start = output * axis.s - axis.pad_begin;
  const int64_t first = std::max<int64_t>(0, ceil_div(-start, axis.d));
  const int64_t last = std::min(axis.k - 1, floor_div(axis.i - 1 - start, axis.d));
  if (last < first) return {};
  return {.count = last - first + 1, .k = first, .k_step = 1, .src = start + first * axis.d, .src_step = axis.d};
}

Taps backward_taps(const Axis& axis, int64_t input) {
  // Element t of the kernel brought output o to this input when o * s + t * d = input + pad_begin.
  const int64_t sum = input + axis.pad_begin;
  const int64_t divisor = std::gcd(axis.s, axis.d);
  if (sum % divisor != 0) return {};
  const int64_t period = axis.s / divisor;  // t and t + period leave the same remainder
  int64_t t = 0;
  while (t < period && (sum - t * axis.d) % axis.s != 0) ++t;
  const int64_t lowest = std::max<int64_t>(0, ceil_div(sum - (axis.o - 1) * axis.s, axis.d));
  if (t < lowest) t += ceil_div(lowest - t, period) * period;
  const int64_t highest = std::min(axis.k - 1, floor_div(sum, axis.d));
  if (t > highest) return {};
  const int64_t count = (highest - t) / period + 1;
  const int64_t last = t + (count - 1) * period;
  return {.count = count,
          .k = axis.k - 1 - last,
          .k_step = period,
          .src = (sum - last * axis.d) / axis.s,
          .src_step = axis.d / divisor};
}

// Elements begin .. end - 1 of the segment itself.
Segment Segment::cut(int64_t begin, int64_t end) const {
  Segment result = *this;
  result.first += begin * step;
  result.taps.src += begin * src_advance;
  result.count = end - begin;
  return result;
}

Segment Segment::between(int64_t begin, int64_t end, int64_t parts, int64_t unit) const {
  const int64_t units = std::max<int64_t>(1, ceil_div(count, unit));
  const auto border = [&](int64_t part) { return count * (units * part / parts) / units; };
  return cut(border(begin), border(end));
}

Segment Segment::within(int64_t begin, int64_t end) const {
  const auto elements_before = [&](int64_t x) { return std::clamp<int64_t>(ceil_div(x - first, step), 0, count); };
  return cut(elements_before(begin), elements_before(end));
}

std::vector<Segment> forward_segments(const Axis& axis) {
  return segments(axis.o, 1, axis.s, [&](int64_t output) { return forward_taps(axis, output); });
}

std::vector<Segment> backward_segments(const Axis& axis) {
  return segments(axis.i, axis.s, 1, [&](int64_t input) { return backward_taps(axis, input); });
}

}  // namespace pyconv
