// activations.h: the core's activations by name.
#pragma once

#include <stdexcept>
#include <string>

#include "../activation.h"

namespace pyconv {

inline Activation activation_of(const std::string& name) {
  if (name == "linear") return Activation::linear;
  if (name == "relu") return Activation::relu;
  if (name == "relu6") return Activation::relu6;
  if (name == "leaky_relu") return Activation::leaky_relu;
  throw std::invalid_argument("activation must be linear, relu, relu6 or leaky_relu. Received: activation=" + name);
}

}  // namespace pyconv
