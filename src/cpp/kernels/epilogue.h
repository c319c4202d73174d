// epilogue.h: what is done to results before they are stored, while they are still in registers.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// NaN stays NaN: it is not less than anything.
template <class T>
Vec<T> activate(const Epilogue<T>& epilogue, Vec<T> x) {
  switch (epilogue.activation) {
    case Activation::linear:
      return x;
    case Activation::relu:
      return at_least(x, T{0});
    case Activation::relu6:
      return at_most(at_least(x, T{0}), T{6});
    case Activation::leaky_relu:
      return x < Vec<T>{} ? x * epilogue.negative_slope : x;
  }
  return x;
}

// Calls f(finish), where finish(x, offset, load) is the epilogue of a vector whose result goes to dst + offset; load is
// its kind of load. Where there is no epilogue, as before most layers, f is compiled without one: asking for each
// vector cost 4 % of a whole Winograd convolution.
template <class T, class F>
void with_epilogue(const Epilogue<T>& epilogue, F f) {
  if (epilogue.activation == Activation::linear && !epilogue.residual)
    f([](Vec<T> x, int64_t, auto) { return x; });
  else
    f([&](Vec<T> x, int64_t offset, auto load) {
      return activate<T>(epilogue, epilogue.residual ? x + load(epilogue.residual + offset) : x);
    });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
