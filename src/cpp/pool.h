// pool.h: max- and average-pooling and their gradients. Elements of the padding never count, in maxima or in averages.
#pragma once

#include "kernel_table.h"
#include "problem.h"

namespace pyconv {

// Reads src (mb, *i, c), writes dst (mb, *o, c). A window that sees padding only gives -inf or 0.
void pool_forward(const PoolProblem& problem, const KernelTable& table, const void* src, void* dst);

// Reads diff_dst and, for a maximum, src; writes diff_src. Of equal maxima in a window the first takes the gradient.
void pool_backward(const PoolProblem& problem, const KernelTable& table, const void* src, const void* diff_dst,
                   void* diff_src);

}  // namespace pyconv
