// pad.cpp: the tensors of a padding, found in the program's memory.
#include "pad.h"

#include <functional>
#include <numeric>

namespace pyconv {
namespace {

int64_t bytes_of(const PadProblem& problem, const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), size_of(problem.dtype), std::multiplies<>());
}

}  // namespace

PadStep::PadStep(const PadProblem& problem, double value, Place src, Place dst)
    : problem_(problem),
      value_(value),
      src_{.place = src, .bytes = bytes_of(problem, problem.src)},
      dst_{.place = dst, .bytes = bytes_of(problem, problem.dst), .write = true} {}

void PadStep::run(const Memory& memory) const { pad(problem_, memory.at(src_.place), value_, memory.at(dst_.place)); }

}  // namespace pyconv
