// program_sequence.cpp: checks that parts and arrays fit each other, and finds the arrays' addresses for each run.
#include "program_sequence.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "workspace.h"

namespace pyconv {
namespace {

[[noreturn]] void fail(const std::string& rule) { throw std::invalid_argument("ProgramSequence: " + rule); }

}  // namespace

ProgramSequence::ProgramSequence(std::vector<SequencePart> parts, std::vector<SequenceArray> arrays, int64_t between)
    : parts_(std::move(parts)), arrays_(std::move(arrays)), between_(between) {
  const auto count = static_cast<int64_t>(arrays_.size());
  if (count <= kSequenceOutput) fail("there must be an input and an output.");
  for (int64_t index = kSequenceOutput + 1; index < count; ++index) {
    const auto& [bytes, offset] = arrays_[static_cast<size_t>(index)];
    if (bytes < 0 || offset < 0 || offset > between_ - bytes || offset % kAlignment != 0)
      fail("arrays must lie within " + std::to_string(between_) + " bytes, at multiples of " +
           std::to_string(kAlignment) + ". Received: " + std::to_string(bytes) + " at " + std::to_string(offset) + ".");
  }
  for (const SequencePart& part : parts_) {
    std::vector<int64_t> wanted = part.program->bytes().inputs;
    const auto inputs = static_cast<int64_t>(wanted.size());
    wanted.insert(wanted.end(), part.program->bytes().outputs.begin(), part.program->bytes().outputs.end());
    if (part.rounds < 0 || part.arrays.size() != wanted.size())
      fail("a program must have an array for each input and output, and not fewer than 0 rounds. Received: " +
           std::to_string(part.arrays.size()) + " for " + std::to_string(wanted.size()) + ", " +
           std::to_string(part.rounds) + " rounds.");
    for (int64_t place = 0; place < static_cast<int64_t>(wanted.size()); ++place) {
      const int64_t array = part.arrays[static_cast<size_t>(place)];
      if (array < 0 || array >= count || (place >= inputs && array == kSequenceInput))
        fail("a part's arrays must be numbers of those given, and not write the input. Received: " +
             std::to_string(array) + ".");
      if (wanted[static_cast<size_t>(place)] * part.rounds != bytes(array))
        fail("an array must have as many bytes as all rounds of a part. Received: " + std::to_string(bytes(array)) +
             " for " + std::to_string(part.rounds) + " rounds of " +
             std::to_string(wanted[static_cast<size_t>(place)]) + ".");
    }
  }
}

void ProgramSequence::run(std::byte* input, std::byte* output) const {
  const Workspace between(between_);
  std::vector<std::byte*> outside;
  for (const SequencePart& part : parts_) {
    outside.clear();
    for (const int64_t array : part.arrays)
      outside.push_back(array == kSequenceInput    ? input
                        : array == kSequenceOutput ? output
                                                   : between.get() + arrays_[static_cast<size_t>(array)].offset);
    part.program->run(outside, part.rounds);
  }
}

}  // namespace pyconv
