// peak.h: as many multiply-adds a second as the registers allow, the yardstick that speeds are told in. No memory.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Independent chains: latency 4 times two a cycle asks for 8, 12 leave room in 16 registers for the two factors.
constexpr int kChains = 12;

template <class T>
int64_t peak(int64_t steps, T* sink) {
  Vec<T> chain[kChains];
  for (int i = 0; i < kChains; ++i) chain[i] = broadcast(static_cast<T>(i));
  const Vec<T> factor = broadcast(sink[0]), term = broadcast(sink[1]);
  for (int64_t step = 0; step < steps; ++step)
    for (int i = 0; i < kChains; ++i) chain[i] = chain[i] * factor + term;
  Vec<T> sum{};
  for (int i = 0; i < kChains; ++i) sum += chain[i];
  sink[0] = sum[0];
  return 2 * steps * kChains * kLanes<T>;
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
