// program.cpp: runs sections, repeat after repeat or several at once, and checks the places of what they are made of.
#include "program.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

#include "first_error.h"
#include "parallel.h"
#include "workspace.h"

namespace pyconv {
namespace {

// Places are those of floats, and a multiple of their size is all that kernels ask for.
constexpr int64_t kPlaceAlignment = 4;

using Clock = std::chrono::steady_clock;

}  // namespace

int64_t Section::at_once(int64_t total, int threads) const {
  if (sharing == Sharing::steps) return 1;
  return std::min<int64_t>(total, threads);
}

int64_t Program::steps() const {
  int64_t count = 0;
  for (const Section& section : sections_) count += static_cast<int64_t>(section.steps.size());
  return count;
}

// One call of run: its memory and its measurements.
struct Program::Run {
  const Program& program;
  Memory memory;
  std::mutex seconds_mutex = {};

  // Repeats [begin, end) of a section, counted through all rounds where they are repeats too.
  void repeats(const Section& section, int64_t begin, int64_t end, Memory where, double* times) const {
    const int64_t first_round = where.round;
    for (int64_t index = begin; index < end; ++index) {
      where.round = first_round + index / section.repeats;
      where.repeat = index % section.repeats;
      if (times == nullptr) {
        for (const auto& step : section.steps) step->run(where);
        continue;
      }
      Clock::time_point last = Clock::now();
      for (size_t step = 0; step < section.steps.size(); ++step) {
        section.steps[step]->run(where);
        const Clock::time_point now = Clock::now();
        times[step] += std::chrono::duration<double>(now - last).count();
        last = now;
      }
    }
  }

  // All repeats of a section, total of them: as many as go evenly into the threads at once, the rest one by one, each
  // of their steps shared.
  void section(const Section& section, int64_t total, int threads, double* times) {
    const int64_t at_once = section.at_once(total, threads), together = at_once > 1 ? total - total % at_once : 0;
    if (together > 0) {
      FirstError error;
      const auto part = [&](int64_t begin, int64_t end, int index) {
        error.guard([&] {
          Memory own = memory;
          own.arena += index * align_up(program.bytes_.arena);
          if (times == nullptr) return repeats(section, begin, end, own, nullptr);
          std::vector<double> mine(section.steps.size());
          repeats(section, begin, end, own, mine.data());
          const std::lock_guard lock(seconds_mutex);
          for (size_t step = 0; step < mine.size(); ++step) times[step] += mine[step] / static_cast<double>(at_once);
        });
      };
      parallel_for(together, static_cast<int>(at_once), part);
      error.rethrow();
    }
    repeats(section, together, total, memory, times);
  }
};

void Program::run(std::span<std::byte* const> outside, int64_t rounds, double* seconds) const {
  if (rounds == 0) return;
  // Asked once: another thread may change it between two sections.
  const int threads = num_threads();
  int64_t at_once = 1;
  for (const Section& section : sections_)
    at_once = std::max(at_once, section.at_once(section.repeats * (flat() ? rounds : 1), threads));
  const Workspace workspace(align_up(bytes_.kept) + at_once * align_up(bytes_.arena));

  Run run{.program = *this,
          .memory = {.arena = workspace.get() + align_up(bytes_.kept),
                     .kept = workspace.get(),
                     .outside = outside.data(),
                     .outside_bytes = outside_bytes_.data()}};
  for (; run.memory.round < (flat() ? 1 : rounds); ++run.memory.round) {
    double* times = seconds;
    for (const Section& section : sections_) {
      run.section(section, section.repeats * (flat() ? rounds : 1), threads, times);
      if (times) times += section.steps.size();
    }
  }
}

ProgramBuilder::ProgramBuilder(const ProgramBytes& bytes) {
  const auto require = [](const char* name, int64_t value) {
    if (value < 0)
      throw std::invalid_argument("ProgramBuilder: " + std::string(name) +
                                  " must not be negative. Received: " + std::to_string(value));
  };
  require("arena", bytes.arena);
  require("kept", bytes.kept);
  for (const int64_t size : bytes.inputs) require("inputs", size);
  for (const int64_t size : bytes.outputs) require("outputs", size);
  program_.bytes_ = bytes;
  program_.outside_bytes_ = bytes.inputs;
  program_.outside_bytes_.insert(program_.outside_bytes_.end(), bytes.outputs.begin(), bytes.outputs.end());
}

void ProgramBuilder::section(int64_t repeats, Sharing sharing) {
  if (repeats < 1)
    throw std::invalid_argument("ProgramBuilder.section: repeats must be at least 1. Received: repeats=" +
                                std::to_string(repeats));
  program_.sections_.push_back({.repeats = repeats, .sharing = sharing, .steps = {}});
}

void ProgramBuilder::add(std::unique_ptr<const Step> step) {
  if (program_.sections_.empty()) section(1);
  for (const Access& access : step->accesses()) check(access, step->facts().kind);
  program_.sections_.back().steps.push_back(std::move(step));
}

Program ProgramBuilder::build() { return std::exchange(program_, {}); }

void ProgramBuilder::check(const Access& access, const std::string& kind) const {
  const auto& [buffer, offset, advance] = access.place;
  const ProgramBytes& bytes = program_.bytes_;
  const auto inputs = static_cast<int64_t>(bytes.inputs.size()), outputs = static_cast<int64_t>(bytes.outputs.size());
  const auto fail = [&](const std::string& rule) {
    throw std::invalid_argument("ProgramBuilder." + kind + ": " + rule + " Received: a place of " +
                                std::to_string(access.bytes) + " bytes at (" + std::to_string(buffer) + ", " +
                                std::to_string(offset) + ", " + std::to_string(advance) + ").");
  };
  if (buffer < 0 || buffer >= kOutside + inputs + outputs)
    fail("buffer must be less than " + std::to_string(kOutside + inputs + outputs) + ".");
  if (offset < 0 || advance < 0 || offset % kPlaceAlignment != 0 || advance % kPlaceAlignment != 0)
    fail("offset and advance must be multiples of 4, and not negative.");
  if (buffer == kArena && advance != 0) fail("advance must be 0 in the arena, which is every repeat's own.");
  const bool input = buffer >= kOutside && buffer < kOutside + inputs;
  if (access.write && input) fail("an input must not be written to.");
  const int64_t repeats = program_.sections_.back().repeats;
  if (access.write && buffer != kArena && repeats > 1 && advance < access.bytes)
    fail("repeats must not write to the same bytes.");
  const int64_t size = buffer == kArena  ? bytes.arena
                       : buffer == kKept ? bytes.kept
                                         : program_.outside_bytes_[static_cast<size_t>(buffer - kOutside)];
  int64_t end = 0;
  if (__builtin_mul_overflow(advance, repeats - 1, &end) || __builtin_add_overflow(end, offset, &end) ||
      __builtin_add_overflow(end, access.bytes, &end) || end > size)
    fail("places must end within their buffer, of " + std::to_string(size) + " bytes.");
}

}  // namespace pyconv
