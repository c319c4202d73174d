// few_channels.cpp: dense convolution that produces few channels, forward and data gradient: direct.cpp's products over
// rows of pixels, but with source channels in the lanes of vectors, which few produced ones would leave mostly empty.
// Not the weight gradient, and no groups.
#include "cost.h"
#include "gather_run.h"

namespace pyconv {
namespace {

std::string refuse(const ConvProblem& problem) {
  if (problem.direction == Direction::backward_weights) return "weight gradient not served";
  if (problem.g != 1) return "several groups";
  if (problem.produced_channels() > kAlignment / size_of(problem.dtype)) return "more channels than a vector holds";
  return "";
}

// As of many images, or of a matrix of many rows, however many there are: one by one they are summed up in the same
// order then as all at once.
std::string decline(const ConvProblem& problem, const KernelTable& table) {
  constexpr int64_t kImages = 64, kRows = 1024;
  ConvProblem many = problem;
  many.mb = kImages;
  if (is_matrix_product(problem)) {
    many = flattened(many);
    many.axes[kWidth].i = many.axes[kWidth].o = kRows;
  }
  return with_dtype(problem.dtype, [&]<class T>() -> std::string {
    const Kernels<T>& kernels = table.kernels<T>();
    if (few_channels_cycles(many, kernels.lanes, kernels.dot_sums) > direct_cycles(many, kernels.lanes))
      return "vectors of source channels would take longer";
    return "";
  });
}

// Each produced channel's weights lie as its sums read them. A run of pixels is not one reduction, as it is to direct:
// it would sum up in another order where pixels do not lie side by side.
template <class T>
DirectLayout<T> layout_of(const ConvProblem& problem) {
  return {flattened(problem), 1, false};
}

ConvMemory memory(const ConvProblem& problem, const KernelTable&, int threads) {
  return with_dtype(problem.dtype, [&]<class T>() -> ConvMemory {
    const DirectLayout<T> layout = layout_of<T>(problem);
    return {.packed_bytes = layout.packed_size() * static_cast<int64_t>(sizeof(T)),
            .workspace_bytes = SegmentTaps<T>::bytes(layout, threads)};
  });
}

void pack(const ConvProblem& problem, const KernelTable& table, int threads, const void* weights, std::byte* packed) {
  with_dtype(problem.dtype, [&]<class T>() {
    pack_weights<T>(problem, layout_of<T>(problem), table.kernels<T>(), threads, static_cast<const T*>(weights),
                    reinterpret_cast<T*>(packed));
  });
}

void scale(const ConvProblem& problem, const KernelTable&, int threads, const std::byte* packed, const void* factors,
           std::byte* scaled) {
  with_dtype(problem.dtype, [&]<class T>() {
    scale_weights<T>(layout_of<T>(problem), threads, reinterpret_cast<const T*>(packed), static_cast<const T*>(factors),
                     reinterpret_cast<T*>(scaled));
  });
}

void run(const ConvProblem& problem, const KernelTable& table, int threads, const ConvTensors& tensors,
         const std::byte* packed, std::byte* workspace) {
  with_dtype(problem.dtype, [&]<class T>() {
    const Kernels<T>& kernels = table.kernels<T>();
    const int64_t tile_rows = std::max(int64_t{1}, kernels.dot_sums / problem.produced_channels());
    run_products<T>(problem, layout_of<T>(problem), {kernels.dots, tile_rows}, threads, tensors, packed, workspace);
  });
}

}  // namespace

const ConvAlgorithm kFewChannels = {"few_channels", true, refuse, decline, memory, pack, run, scale};

}  // namespace pyconv
