// places.h: where a program's tensors lie, as Python says it: (buffer, offset, advance).
#pragma once

#include <tuple>

#include "../program.h"
#include "arrays.h"

namespace pyconv {

using PyPlace = std::tuple<int64_t, int64_t, int64_t>;

inline Place place_of(const PyPlace& place) { return {std::get<0>(place), std::get<1>(place), std::get<2>(place)}; }

// The builder's methods for steps that are no convolution and no pooling: program_elements.cpp.
void add_element_steps(py::class_<ProgramBuilder>& builder);

}  // namespace pyconv
