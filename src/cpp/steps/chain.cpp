// chain.cpp: a chain's tensors, found in the program's memory.
#include "chain.h"

#include <array>
#include <stdexcept>

namespace pyconv {

ChainStep::ChainStep(std::shared_ptr<const Chain> chain, Place src, std::vector<ChainOperand> operands, Place dst)
    : chain_(std::move(chain)), src_(src), dst_(dst), operands_(std::move(operands)) {
  const ChainProblem& problem = chain_->problem();
  if (problem.dtype != DType::f32) throw std::invalid_argument("ProgramBuilder.chain: the chain must be of float32.");
  if (operands_.size() != problem.links.size())
    throw std::invalid_argument("ProgramBuilder.chain: there must be an operand for each link.");
  for (size_t index = 0; index < operands_.size(); ++index) {
    const auto& [place, numbers] = operands_[index];
    const int64_t size = chain_->operand_size(problem.links[index].operand);
    const bool reads = reads_array(problem.links[index].operand);
    if (reads != (place.has_value() || !numbers.empty()) || (!place && static_cast<int64_t>(numbers.size()) != size))
      throw std::invalid_argument("ProgramBuilder.chain: operand " + std::to_string(index) + " must have " +
                                  std::to_string(reads ? size : 0) + " numbers.");
  }
}

void ChainStep::run(const Memory& memory) const {
  std::array<const void*, Chain::kMostLinks> operands{};
  for (size_t index = 0; index < operands_.size(); ++index) {
    const auto& [place, numbers] = operands_[index];
    operands[index] = place ? memory.at(*place) : static_cast<const void*>(numbers.empty() ? nullptr : numbers.data());
  }
  chain_->run(memory.at(src_), operands.data(), memory.at(dst_));
}

std::vector<Access> ChainStep::accesses() const {
  const ChainProblem& problem = chain_->problem();
  const auto bytes = [&](int64_t stride) {
    return pixels_bytes(problem.dtype, problem.mb * problem.pixels, stride, problem.c);
  };
  std::vector<Access> all = {{.place = src_, .bytes = bytes(problem.src_stride)},
                             {.place = dst_, .bytes = bytes(problem.dst_stride), .write = true}};
  for (size_t index = 0; index < operands_.size(); ++index)
    if (const auto& place = operands_[index].place)
      all.push_back(
          {.place = *place, .bytes = chain_->operand_size(problem.links[index].operand) * size_of(problem.dtype)});
  return all;
}

StepFacts ChainStep::facts() const {
  const ChainProblem& problem = chain_->problem();
  int64_t bytes = 0;
  for (const ChainOperand& operand : operands_) bytes += static_cast<int64_t>(operand.numbers.size() * sizeof(float));
  const auto links = static_cast<int64_t>(problem.links.size());
  return {.kind = "chain",
          .algorithm = {},
          .flops = links * problem.mb * problem.pixels * problem.c,
          .weights_bytes = bytes,
          .workspace_bytes = chain_->workspace_bytes()};
}

}  // namespace pyconv
