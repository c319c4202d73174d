// links.h: the operations of a chain, and where their operands come from, by name.
#pragma once

#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "../chain.h"

namespace pyconv {

inline constexpr std::pair<const char*, ElementOp> kElementOps[] = {
    {"relu", ElementOp::relu},
    {"leaky_relu", ElementOp::leaky_relu},
    {"clip", ElementOp::clip},
    {"abs", ElementOp::abs},
    {"neg", ElementOp::neg},
    {"square", ElementOp::square},
    {"sqrt", ElementOp::sqrt},
    {"rsqrt", ElementOp::rsqrt},
    {"exp", ElementOp::exp},
    {"log", ElementOp::log},
    {"erf", ElementOp::erf},
    {"tanh", ElementOp::tanh},
    {"sigmoid", ElementOp::sigmoid},
    {"silu", ElementOp::silu},
    {"hard_sigmoid", ElementOp::hard_sigmoid},
    {"hard_silu", ElementOp::hard_silu},
    {"gelu", ElementOp::gelu},
    {"gelu_tanh", ElementOp::gelu_tanh},
    {"elu", ElementOp::elu},
    {"softplus", ElementOp::softplus},
    {"softsign", ElementOp::softsign},
    {"mish", ElementOp::mish},
    {"add", ElementOp::add},
    {"sub", ElementOp::sub},
    {"rsub", ElementOp::rsub},
    {"mul", ElementOp::mul},
    {"div", ElementOp::div},
    {"rdiv", ElementOp::rdiv},
    {"max", ElementOp::max},
    {"min", ElementOp::min},
};

inline constexpr std::pair<const char*, Operand> kOperands[] = {
    {"none", Operand::none},
    {"number", Operand::number},
    {"tensor", Operand::tensor},
    {"channels", Operand::channels},
    {"image_channels", Operand::image_channels},
    {"pixels", Operand::pixels},
};

template <class Pairs>
auto find_named(const Pairs& pairs, const std::string& what, const std::string& name) {
  std::string names;
  for (const auto& [known, value] : pairs) {
    if (name == known) return value;
    names += (names.empty() ? "" : ", ") + std::string(known);
  }
  throw std::invalid_argument("Chain: " + what + " must be one of " + names + ". Received: " + what + "=" + name);
}

// op, operand, alpha, beta
using PyLink = std::tuple<std::string, std::string, double, double>;

inline std::vector<Link> links_of(const std::vector<PyLink>& links) {
  std::vector<Link> result;
  for (const auto& [op, operand, alpha, beta] : links)
    result.push_back({find_named(kElementOps, "op", op), find_named(kOperands, "operand", operand), alpha, beta});
  return result;
}

}  // namespace pyconv
