// dispatch.h: the instruction sets of this build that the CPU runs, and the one in use.
#pragma once

#include <span>
#include <string>

#include "kernel_table.h"

namespace pyconv {

// Best first. Empty on a CPU below the oldest ISA of the build.
std::span<const KernelTable* const> available_isas();

// The table in use: the environment variable PYCONV_ISA at the first call, else the best one.
// Throws std::invalid_argument when PYCONV_ISA names none of those available.
const KernelTable& active_isa();

// Plans made from now on use this table; throws std::invalid_argument on an unknown name.
void set_active_isa(const std::string& name);

}  // namespace pyconv
