// step.h: what a program is made of. A step knows where its tensors lie, and what it costs; not when or how often it is
// run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pyconv {

// Where a tensor begins: a buffer of the program (0 is the arena, 1 what is kept between sections, then come the inputs
// and then the outputs), the first byte in it, and the bytes by which each repeat of the section lies further on.
struct Place {
  int64_t buffer = 0, offset = 0, advance = 0;
};

constexpr int64_t kArena = 0, kKept = 1, kOutside = 2;

// The buffers as one repeat finds them.
struct Memory {
  std::byte* arena = nullptr;
  std::byte* kept = nullptr;
  std::byte* const* outside = nullptr;
  const int64_t* outside_bytes = nullptr;  // of a round
  int64_t round = 0, repeat = 0;

  std::byte* at(const Place& place) const {
    std::byte* begin = place.buffer == kArena ? arena
                       : place.buffer == kKept
                           ? kept
                           : outside[place.buffer - kOutside] + round * outside_bytes[place.buffer - kOutside];
    return begin + place.offset + repeat * place.advance;
  }
};

// A tensor that a step reads or writes: from its first byte to the one after its last.
struct Access {
  Place place;
  int64_t bytes = 0;
  bool write = false;
};

// For tables; nothing is computed from it.
struct StepFacts {
  std::string kind, algorithm;
  int64_t flops = 0;
  int64_t weights_bytes = 0;    // read by each repeat
  int64_t workspace_bytes = 0;  // with the present number of threads
};

class Step {
 public:
  virtual ~Step() = default;

  // Runs on as many threads as the work is worth, or on the calling one within a part of parallel_for. Throws
  // std::bad_alloc.
  virtual void run(const Memory& memory) const = 0;

  virtual std::vector<Access> accesses() const = 0;
  virtual StepFacts facts() const = 0;
};

}  // namespace pyconv
