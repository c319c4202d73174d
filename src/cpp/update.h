// update.h: a step of an optimizer on the weights of one variable, shared among threads. Which weights take part, and
// the rates of a step, are Python's business.
#pragma once

#include "kernel_table.h"
#include "problem.h"

namespace pyconv {

enum class UpdateRule { sgd, adam, rmsprop };

// What an UpdateRule means is said in kernel_table.h.
template <class T>
void update(const KernelTable& table, UpdateRule rule, const UpdateArgs<T>& args);

// The sum of the squares of count numbers, the same for any number of threads.
template <class T>
double sum_of_squares(const KernelTable& table, const T* src, int64_t count);

}  // namespace pyconv
