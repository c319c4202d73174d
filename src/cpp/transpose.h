// transpose.h: matrices with rows and columns exchanged, as images between channels first and channels last. No other
// order of axes.
#pragma once

#include "kernel_table.h"
#include "problem.h"

namespace pyconv {

// dst[m][j][i] = src[m][i][j] for m < count, i < rows, j < cols; src and dst are dense and apart.
void transpose(const KernelTable& table, DType dtype, int64_t count, int64_t rows, int64_t cols, const void* src,
               void* dst);

}  // namespace pyconv
