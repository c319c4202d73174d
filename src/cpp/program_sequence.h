// program_sequence.h: programs run one after the other by one call: what a network comes to of which some steps take a
// batch sample by sample and others all of it at once. Not a way to run steps: that is program.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "program.h"

namespace pyconv {

// Where an array lies that a sequence reads, writes, or hands from program to program: `bytes` from an offset in what
// lies between. Of the first two, the sequence's input and its output, the offset means nothing.
struct SequenceArray {
  int64_t bytes = 0, offset = 0;
};

constexpr int64_t kSequenceInput = 0, kSequenceOutput = 1;

// A program, how many rounds of it, and the numbers of the arrays that are its inputs and then its outputs.
struct SequencePart {
  std::shared_ptr<const Program> program;
  int64_t rounds = 1;
  std::vector<int64_t> arrays;
};

// Immutable, run many times and from many threads.
class ProgramSequence {
 public:
  // between: bytes that the arrays beyond input and output lie in. Throws std::invalid_argument where a part and its
  // arrays don't fit each other, or an array lies beyond that.
  ProgramSequence(std::vector<SequencePart> parts, std::vector<SequenceArray> arrays, int64_t between);

  // Throws std::bad_alloc.
  void run(std::byte* input, std::byte* output) const;

  int64_t bytes(int64_t array) const { return arrays_[static_cast<size_t>(array)].bytes; }

 private:
  std::vector<SequencePart> parts_;
  std::vector<SequenceArray> arrays_;
  int64_t between_;
};

}  // namespace pyconv
