// micro.cpp: GFLOP/s of every convolution in problem files, and its share of the FMA peak measured in the same run.
//
//   pyconv_micro [Google Benchmark's options] [--dir=FWD_B,BWD_D,BWD_WB] [--threads=1,2] [--isa=NAME] FILE...
#include <benchmark/benchmark.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <sstream>

#include "benchdnn.h"
#include "buffer.h"
#include "dispatch.h"
#include "fma_peak.h"
#include "parallel.h"
#include "plan.h"

namespace pyconv {
namespace {

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Measured once for each number of threads: as long as it takes on a busy machine for some run to be undisturbed.
double known_fma_peak(int threads) {
  static std::map<int, double> known;
  double& peak = known[threads];
  if (peak == 0) peak = fma_peak(threads, 0.1);
  return peak;
}

// As the library's own results lie: from a cache line on. Small whole numbers: no subnormals, no overflow, not all
// equal.
class Tensor {
 public:
  explicit Tensor(int64_t size) : memory_(make_buffer(size * static_cast<int64_t>(sizeof(float)))) {
    for (int64_t i = 0; i < size; ++i) data()[i] = static_cast<float>(i * 7 % 11 - 5);
  }
  float* data() const { return reinterpret_cast<float*>(memory_.get()); }

 private:
  Buffer memory_;
};

// The plan runs with packed weights, as a layer does between two updates.
void run_problem(benchmark::State& state, const ConvProblem& problem, int threads) {
  set_num_threads(threads);
  const ConvPlan plan(problem, active_isa());
  const Tensor src(problem.mb * problem.src_pixels() * problem.ic);
  const Tensor weights(problem.taps() * problem.group_ic() * problem.oc);
  const Tensor bias(problem.oc), dst(problem.mb * problem.dst_pixels() * problem.oc);
  const Buffer packed = plan.pack(weights.data());
  const bool transposed = problem.direction == Direction::backward_data;  // a gradient has no bias
  const ConvTensors tensors{src.data(), weights.data(), transposed ? nullptr : bias.data(), dst.data()};
  double best = 1e300;
  for (auto _ : state) {
    const double start = seconds();
    plan.run(tensors, packed.get());
    best = std::min(best, seconds() - start);
  }
  const double flops = static_cast<double>(problem.flops());
  state.counters["GFLOP/s"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["best_GFLOP/s"] = flops / best * 1e-9;
  state.counters["best_%peak"] = 100 * flops / best / known_fma_peak(threads);
  state.SetLabel(plan.algorithm().name);
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) parts.push_back(part);
  return parts;
}

Direction direction_of(const std::string& name) {
  if (name == "FWD_B") return Direction::forward;
  if (name == "BWD_D") return Direction::backward_data;
  if (name == "BWD_WB") return Direction::backward_weights;
  throw std::invalid_argument("--dir must be FWD_B, BWD_D or BWD_WB. Received: " + name);
}

void run_all(int argc, char** argv) {
  std::vector<std::string> directions = {"FWD_B"}, threads = {"1"}, files;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("--dir="))
      directions = split(argument.substr(6));
    else if (argument.starts_with("--threads="))
      threads = split(argument.substr(10));
    else if (argument.starts_with("--isa="))
      set_active_isa(argument.substr(6));
    else
      files.push_back(argument);
  }
  for (const std::string& count : threads) {
    set_num_threads(std::atoi(count.c_str()));
    std::printf("FMA peak, %s, %d thread(s): %.1f GFLOP/s\n", active_isa().name, num_threads(),
                known_fma_peak(num_threads()) * 1e-9);
    for (const std::string& direction : directions)
      for (const std::string& file : files)
        for (const NamedProblem& named : read_problems(file, direction_of(direction), DType::f32))
          benchmark::RegisterBenchmark((named.name + "/" + direction + "/threads:" + count).c_str(),
                                       [problem = named.problem, team = num_threads()](benchmark::State& state) {
                                         run_problem(state, problem, team);
                                       })
              ->UseRealTime()
              ->Unit(benchmark::kMicrosecond);
  }
  benchmark::RunSpecifiedBenchmarks();
}

}  // namespace
}  // namespace pyconv

int main(int argc, char** argv) {
  try {
    benchmark::Initialize(&argc, argv);
    pyconv::run_all(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pyconv_micro: %s\n", error.what());
    return 2;
  }
}
