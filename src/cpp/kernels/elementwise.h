// elementwise.h: what training does to arrays element by element: the gradients of activations.
#pragma once

#include "../kernel_table.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

template <class T>
void activation_grad(const ActivationGradArgs<T>& args) {
  const Vec<T> zero{}, six = broadcast(T{6});
  const auto each = [&](auto gradient) {
    for_each_vector<T>(args.count, [&](int64_t i, auto load, auto store) {
      store(args.diff_src + i, gradient(load(args.dst + i), load(args.diff_dst + i)));
    });
  };
  switch (args.activation) {
    case Activation::linear:
      return each([](Vec<T>, Vec<T> dy) { return dy; });
    case Activation::relu:
      return each([=](Vec<T> y, Vec<T> dy) { return y > zero ? dy : zero; });
    case Activation::relu6:
      return each([=](Vec<T> y, Vec<T> dy) { return (y > zero) & (y < six) ? dy : zero; });
    case Activation::leaky_relu:
      return each([&](Vec<T> y, Vec<T> dy) { return y > zero ? dy : dy * args.negative_slope; });
  }
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
