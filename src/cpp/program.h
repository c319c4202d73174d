// program.h: a list of planned steps over one memory, run by one call. Not the graph of layers that it was made from,
// nor the places of tensors in memory: those are computed in Python (pyconv/program).
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "step.h"

namespace pyconv {

// How a section's repeats meet the threads: by its rule, or by force, for measurements and tests.
enum class Sharing { automatic, steps, repeats };

// Steps that are run one after the other, so many times before the next section begins: each repeat is a block of the
// batch's images, small enough for what lies between its steps to stay in cache, or large enough for weights that are
// read once a block. Threads share either each step or the repeats, each thread with an arena of its own.
struct Section {
  int64_t repeats = 1;
  Sharing sharing = Sharing::automatic;
  std::vector<std::unique_ptr<const Step>> steps;

  // How many repeats of so many run at once.
  int64_t at_once(int64_t total, int threads) const;
};

// Bytes of the memory that a program's places lie in.
struct ProgramBytes {
  int64_t arena = 0;  // what lives within a repeat of a section, and is lost after it
  int64_t kept = 0;   // what one section leaves for a later one
  std::vector<int64_t> inputs, outputs;
};

// Immutable, run many times and from many threads; results depend neither on their number nor on how work was shared.
class Program {
 public:
  Program() = default;  // no steps
  Program(Program&&) = default;
  Program& operator=(Program&&) = default;

  // Runs all sections rounds times, each round on the next stretch of the inputs and outputs, whose beginnings are
  // given in this order. Throws std::bad_alloc. Adds to seconds, if given, what each step took: the time of a thread,
  // divided by the number that ran repeats at once.
  void run(std::span<std::byte* const> outside, int64_t rounds, double* seconds = nullptr) const;

  const ProgramBytes& bytes() const { return bytes_; }
  const std::vector<Section>& sections() const { return sections_; }
  int64_t steps() const;

 private:
  friend class ProgramBuilder;
  struct Run;

  // Rounds that depend on one another by nothing but their places are a section's repeats, too.
  bool flat() const { return sections_.size() == 1 && bytes_.kept == 0; }

  ProgramBytes bytes_;
  std::vector<int64_t> outside_bytes_;  // of the inputs, then of the outputs
  std::vector<Section> sections_;
};

// Collects the steps, and checks that every place lies within its memory: the only place of a program that throws
// std::invalid_argument.
class ProgramBuilder {
 public:
  explicit ProgramBuilder(const ProgramBytes& bytes);

  // The steps that follow are run so many times, before those that follow another call.
  void section(int64_t repeats, Sharing sharing = Sharing::automatic);

  // Without a section before it, begins one that runs once.
  void add(std::unique_ptr<const Step> step);

  // The program; nothing is left here.
  Program build();

 private:
  void check(const Access& access, const std::string& kind) const;

  Program program_;
};

}  // namespace pyconv
