// test_taps.cpp: the closed forms of taps.h against the definition of a sliding window, over all small axes.
#include <doctest/doctest.h>

#include <set>
#include <tuple>

#include "buffer.h"
#include "taps.h"

namespace {

using namespace pyconv;
using Meeting = std::tuple<int64_t, int64_t, int64_t>;  // produced, kernel element, source

template <class F>
void for_each_small_axis(F f) {
  for (int64_t i : {1, 2, 5, 8})
    for (int64_t k : {1, 2, 3, 5})
      for (int64_t s : {1, 2, 3, 4})
        for (int64_t d : {1, 2, 3, 4})
          for (int64_t begin : {0, 1, 4})
            for (int64_t end : {0, 3}) {
              const int64_t extent = (k - 1) * d + 1;
              if (i + begin + end < extent) continue;
              f(Axis{i, k, s, d, begin, end, (i + begin + end - extent) / s + 1});
            }
}

std::set<Meeting> by_definition(const Axis& axis, bool forward) {
  std::set<Meeting> meetings;
  for (int64_t o = 0; o < axis.o; ++o)
    for (int64_t k = 0; k < axis.k; ++k) {
      const int64_t i = o * axis.s + k * axis.d - axis.pad_begin;
      if (i < 0 || i >= axis.i) continue;
      meetings.insert(forward ? Meeting{o, k, i} : Meeting{i, axis.k - 1 - k, o});
    }
  return meetings;
}

void add(std::set<Meeting>& meetings, int64_t produced, const Taps& taps, int64_t moved) {
  for (int64_t t = 0; t < taps.count; ++t)
    CHECK(meetings.insert({produced, taps.k + t * taps.k_step, taps.src + t * taps.src_step + moved}).second);
}

}  // namespace

TEST_CASE("taps and segments name exactly the pairs of the definition") {
  for_each_small_axis([](const Axis& axis) {
    for (bool forward : {true, false}) {
      std::set<Meeting> single, grouped;
      for (int64_t x = 0; x < (forward ? axis.o : axis.i); ++x)
        add(single, x, forward ? forward_taps(axis, x) : backward_taps(axis, x), 0);
      std::set<int64_t> covered;
      for (const Segment& segment : forward ? forward_segments(axis) : backward_segments(axis))
        for (int64_t j = 0; j < segment.count; ++j) {
          CHECK(covered.insert(segment.first + j * segment.step).second);
          add(grouped, segment.first + j * segment.step, segment.taps, j * segment.src_advance);
        }
      CHECK(single == by_definition(axis, forward));
      CHECK(grouped == single);
      CHECK(static_cast<int64_t>(covered.size()) == (forward ? axis.o : axis.i));
    }
  });
}

TEST_CASE("the parts of a segment follow each other, lose nothing, and are equal where units allow") {
  const Segment segment{.first = 3, .step = 2, .count = 11, .src_advance = 5, .taps = {.count = 2, .src = -4}};
  for (int64_t unit : {1, 4, 16})
    for (int64_t parts : {1, 3, 11, 20}) {
      int64_t next = 0, units = 0;
      for (int64_t index = 0; index < parts; ++index) {
        const Segment part = segment.between(index, index + 1, parts, unit);
        CHECK(part.first == 3 + next * 2);
        CHECK(part.taps.src == -4 + next * 5);
        next += part.count;
        units += ceil_div(part.count, unit);
        CHECK(segment.between(0, index + 1, parts, unit).count == next);
      }
      CHECK(next == 11);
      CHECK(units == ceil_div(11, unit));
    }
  Segment line = segment;
  line.count = 26;
  CHECK(line.between(0, 1, 2, 8).count == 13);  // two units of at most 8 each, not 16 and 10
}

TEST_CASE("a segment within a range has exactly its coordinates there") {
  const Segment segment{.first = 3, .step = 2, .count = 4, .src_advance = 5, .taps = {.count = 2, .src = -4}};
  for (int64_t begin = 0; begin <= 12; ++begin)
    for (int64_t end = begin; end <= 12; ++end) {
      std::set<std::pair<int64_t, int64_t>> expected, found;  // coordinate, source
      for (int64_t j = 0; j < 4; ++j)
        if (const int64_t x = 3 + j * 2; begin <= x && x < end) expected.insert({x, -4 + j * 5});
      const Segment part = segment.within(begin, end);
      for (int64_t j = 0; j < part.count; ++j) found.insert({part.first + j * 2, part.taps.src + j * 5});
      CHECK(found == expected);
    }
}
