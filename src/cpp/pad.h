// pad.h: copies a tensor into the middle of a larger one. Constant padding only; any number of dimensions.
#pragma once

#include "problem.h"

namespace pyconv {

void pad(const PadProblem& problem, const void* src, double value, void* dst);

}  // namespace pyconv
