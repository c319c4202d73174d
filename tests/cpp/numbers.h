// numbers.h: whole numbers for tests of kernels, small enough that sums of their products are exact.
#pragma once

#include <cstddef>
#include <vector>

namespace pyconv {

template <class T>
std::vector<T> numbers(size_t count, int seed) {
  std::vector<T> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = static_cast<T>(static_cast<int>((i + 1) * 7919 + i * i * 31 + static_cast<size_t>(seed)) % 9 - 4);
  return values;
}

}  // namespace pyconv
