// plan.cpp: asks the algorithms in order and keeps the first that accepts.
#include "plan.h"

#include <array>
#include <stdexcept>

#include "parallel.h"
#include "workspace.h"

namespace pyconv {
namespace {

constexpr std::array<const ConvAlgorithm*, 17> kAlgorithms = {
    &kDepthwise,      &kDepthwiseWeights, &kGroupedWeights,   &kGrouped,          &kWinograd4Transposed,
    &kWinograd4,      &kWinograd2,        &kWinograd2For5x5,  &kWinograd3Stride2, &kWinograd4Line3,
    &kWinograd4Line5, &kWinograd2Line7,   &kWinograd4Weights, &kStrassen,         &kFewChannels,
    &kDirect,         &kReference};

std::string benchdnn_line(const ConvProblem& problem) {
  constexpr std::array directions = {"FWD_B", "BWD_D", "BWD_WB"};
  std::string line = std::string("--dir=") + directions[static_cast<size_t>(problem.direction)] +
                     " --dt=" + (problem.dtype == DType::f32 ? "f32" : "f64");
  const auto field = [&](const std::string& word, int64_t value) { line += word + std::to_string(value); };
  field(" mb", problem.mb);
  field("g", problem.g);
  field("ic", problem.ic);
  field("oc", problem.oc);
  constexpr std::array letters = {"d", "h", "w"};
  for (size_t index = 0; index < problem.axes.size(); ++index) {
    const Axis& axis = problem.axes[index];
    const std::string letter = letters[index];
    if (index != kWidth && axis.i == 1 && axis.k == 1 && axis.o == 1) continue;
    field("_i" + letter, axis.i);
    field("o" + letter, axis.o);
    field("k" + letter, axis.k);
    field("s" + letter, axis.s);
    field("d" + letter, axis.d - 1);  // benchdnn counts the holes
    field("p" + letter, axis.pad_begin);
  }
  if (problem.src_stride != problem.ic) field(" src_stride=", problem.src_stride);
  if (problem.dst_stride != problem.oc) field(" dst_stride=", problem.dst_stride);
  return line;
}

}  // namespace

std::span<const ConvAlgorithm* const> conv_algorithms() { return kAlgorithms; }

ConvPlan::ConvPlan(const ConvProblem& problem, const KernelTable& kernels, const std::string& algorithm)
    : problem_(problem), kernels_(&kernels) {
  for (const ConvAlgorithm* candidate : kAlgorithms) {
    if (!algorithm.empty() && algorithm != candidate->name) continue;
    std::string reason = candidate->refuse(problem);
    if (reason.empty() && algorithm.empty() && candidate->decline) reason = candidate->decline(problem, kernels);
    if (reason.empty()) {
      algorithm_ = candidate;
      return;
    }
    refusals_.emplace_back(candidate->name, reason);
  }
  throw std::invalid_argument(
      refusals_.empty() ? "ConvPlan: algorithm must be one of conv_algorithms(). Received: algorithm=" + algorithm
                        : "ConvPlan: the algorithm refuses this problem: " + refusals_text() + ".");
}

ConvPlan ConvPlan::on_rows(const Axis& height) const {
  ConvProblem part = problem_;
  part.axes[kHeight] = height;
  return {part, *kernels_, algorithm_->name};
}

int ConvPlan::threads() const {
  // A result costs some 7 cycles a vector however few products it sums, in which 14 operations a number could be done.
  constexpr int64_t kPerResult = 14;
  const int64_t results =
      problem_.mb * (problem_.direction == Direction::backward_data ? problem_.src_pixels() * problem_.ic
                                                                    : problem_.dst_pixels() * problem_.oc);
  return threads_for(problem_.flops() + kPerResult * results);
}

ConvMemory ConvPlan::memory() const { return algorithm_->memory(problem_, *kernels_, threads()); }

ConvMemory ConvPlan::memory_alone() const { return algorithm_->memory(problem_, *kernels_, 1); }

std::string ConvPlan::describe() const {
  return benchdnn_line(problem_) + " -> " + algorithm_->name + " on " + kernels_->name +
         (refusals_.empty() ? "" : " (" + refusals_text() + ")");
}

std::string ConvPlan::refusals_text() const {
  std::string text;
  for (const auto& [name, reason] : refusals_) text += (text.empty() ? "" : "; ") + name + ": " + reason;
  return text;
}

Buffer ConvPlan::pack(const void* weights) const {
  if (algorithm_->pack == nullptr) return {};
  Buffer packed = make_buffer(memory().packed_bytes);
  algorithm_->pack(problem_, *kernels_, threads(), weights, packed.get());
  return packed;
}

void ConvPlan::scale(const std::byte* packed, const void* factors, std::byte* scaled) const {
  // A product for each weight, which come from L3 and stay in L2: 20 operations in parallel_for's measure.
  constexpr int64_t kPerWeight = 20;
  algorithm_->scale(problem_, *kernels_, threads_for(kPerWeight * problem_.taps() * problem_.ic * problem_.oc), packed,
                    factors, scaled);
}

void ConvPlan::run(const ConvTensors& tensors, const std::byte* packed) const {
  // threads() may change between two calls when another thread calls set_num_threads, hence asked once.
  const int count = threads();
  const Workspace workspace(algorithm_->memory(problem_, *kernels_, count).workspace_bytes);
  algorithm_->run(problem_, *kernels_, count, tensors, packed, workspace.get());
}

void ConvPlan::run(const ConvTensors& tensors) const {
  const int count = threads();
  const ConvMemory wanted = algorithm_->memory(problem_, *kernels_, count);
  if (wanted.unpacked_bytes > 0) {
    const Workspace workspace(wanted.unpacked_bytes);
    return algorithm_->run(problem_, *kernels_, count, tensors, nullptr, workspace.get());
  }
  const int64_t packed_bytes = align_up(wanted.packed_bytes);
  const Workspace workspace(packed_bytes + wanted.workspace_bytes);
  if (algorithm_->pack) algorithm_->pack(problem_, *kernels_, count, tensors.weights, workspace.get());
  algorithm_->run(problem_, *kernels_, count, tensors, workspace.get(), workspace.get() + packed_bytes);
}

}  // namespace pyconv
