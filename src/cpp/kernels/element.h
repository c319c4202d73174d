// element.h: one operation on each element of a run, for chain.h.
#pragma once

#include "../kernel_table.h"
#include "vector_math.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// min(max(x, low), high): NaN is neither below nor above.
template <class T>
Vec<T> clip(Vec<T> x, Vec<T> low, Vec<T> high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

template <class T, class F>
void map_unary(const ElementArgs<T>& args, F f) {
  for_each_vector<T>(args.count, [&](int64_t i, auto load, auto store) { store(args.dst + i, f(load(args.src + i))); });
}

template <class T, class F>
void map_binary(const ElementArgs<T>& args, F f) {
  if (args.other)
    for_each_vector<T>(args.count, [&](int64_t i, auto load, auto store) {
      store(args.dst + i, f(load(args.src + i), load(args.other + i)));
    });
  else
    map_unary(args, [f, y = broadcast(args.alpha)](Vec<T> x) { return f(x, y); });
}

template <class T>
void element(const ElementArgs<T>& args) {
  using V = Vec<T>;
  const V zero{}, one = broadcast(T{1}), alpha = broadcast(args.alpha), beta = broadcast(args.beta);
  switch (args.op) {
    case ElementOp::relu:
      return map_unary(args, [=](V x) { return x < zero ? zero : x; });
    case ElementOp::leaky_relu:
      return map_unary(args, [=](V x) { return x < zero ? x * alpha : x; });
    case ElementOp::clip:
      return map_unary(args, [=](V x) { return clip<T>(x, alpha, beta); });
    case ElementOp::abs:
      return map_unary(args, [](V x) { return absolute<T>(x); });
    case ElementOp::neg:
      return map_unary(args, [](V x) { return -x; });
    case ElementOp::square:
      return map_unary(args, [](V x) { return x * x; });
    case ElementOp::sqrt:
      return map_unary(args, [](V x) { return square_root<T>(x); });
    case ElementOp::rsqrt:
      return map_unary(args, [=](V x) { return one / square_root<T>(x); });
    case ElementOp::exp:
      return map_unary(args, [](V x) { return exp<T>(x); });
    case ElementOp::log:
      return map_unary(args, [](V x) { return log<T>(x); });
    case ElementOp::erf:
      return map_unary(args, [](V x) { return erf<T>(x); });
    case ElementOp::tanh:
      return map_unary(args, [](V x) { return tanh<T>(x); });
    case ElementOp::sigmoid:
      return map_unary(args, [=](V x) { return times_sigmoid<T>(one, x); });
    case ElementOp::silu:
      return map_unary(args, [](V x) { return times_sigmoid<T>(x, x); });
    case ElementOp::hard_sigmoid:
      return map_unary(args, [=](V x) { return clip<T>(x * alpha + beta, zero, one); });
    case ElementOp::hard_silu:
      return map_unary(args, [=](V x) { return x * clip<T>(x * T(1.0 / 6) + T(0.5), zero, one); });
    case ElementOp::gelu:
      return map_unary(args, [](V x) { return gelu<T>(x); });
    case ElementOp::gelu_tanh: {
      // (1 + tanh(u)) / 2 is sigmoid(2 u), and 2 sqrt(2 / pi) = 1.5957...
      const auto twice = [](V x) { return x * (x * x * T(0.044715) + T{1}) * T(1.5957691216057308); };
      return map_unary(args, [=](V x) { return times_sigmoid<T>(x, twice(x)); });
    }
    case ElementOp::elu: {
      const V least = broadcast(T{-40});  // e^-40 is nothing beside 1
      return map_unary(args, [=](V x) { return beta * (x < zero ? alpha * expm1<T>(clip<T>(x, least, zero)) : x); });
    }
    case ElementOp::softplus:
      return map_unary(args, [=](V x) { return (x < zero ? zero : x) + log1p<T>(decay<T>(x)); });
    case ElementOp::softsign:
      return map_unary(args, [=](V x) { return x / (absolute<T>(x) + one); });
    case ElementOp::mish:
      return map_unary(args, [](V x) { return mish<T>(x); });
    case ElementOp::add:
      return map_binary(args, [](V x, V y) { return x + y; });
    case ElementOp::sub:
      return map_binary(args, [](V x, V y) { return x - y; });
    case ElementOp::rsub:
      return map_binary(args, [](V x, V y) { return y - x; });
    case ElementOp::mul:
      return map_binary(args, [](V x, V y) { return x * y; });
    case ElementOp::div:
      return map_binary(args, [](V x, V y) { return x / y; });
    case ElementOp::rdiv:
      return map_binary(args, [](V x, V y) { return y / x; });
    case ElementOp::max:
      return map_binary(args, [](V x, V y) { return (x > y) | (x != x) ? x : y; });
    case ElementOp::min:
      return map_binary(args, [](V x, V y) { return (x < y) | (x != x) ? x : y; });
  }
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
