// elementwise.h: what training does to arrays element by element: the gradients of activations.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Calls f(gradient), where gradient(y, dy) is dy times the derivative of the activation: y is its result or what it was
// applied to, they tell alike.
template <class T, class F>
void with_gradient(Activation activation, T negative_slope, F f) {
  const Vec<T> zero{}, six = broadcast(T{6});
  switch (activation) {
    case Activation::linear:
      return f([](Vec<T>, Vec<T> dy) { return dy; });
    case Activation::relu:
      return f([=](Vec<T> y, Vec<T> dy) { return y > zero ? dy : zero; });
    case Activation::relu6:
      return f([=](Vec<T> y, Vec<T> dy) { return (y > zero) & (y < six) ? dy : zero; });
    case Activation::leaky_relu:
      return f([=](Vec<T> y, Vec<T> dy) { return y > zero ? dy : dy * negative_slope; });
  }
}

template <class T>
void activation_grad(const ActivationGradArgs<T>& args) {
  with_gradient<T>(args.activation, args.negative_slope, [&](auto gradient) {
    for_each_vector<T>(args.count, [&](int64_t i, auto load, auto store) {
      store(args.diff_src + i, gradient(load(args.dst + i), load(args.diff_dst + i)));
    });
  });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
