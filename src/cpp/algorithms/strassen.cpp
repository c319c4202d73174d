// strassen.cpp: pointwise convolution, and so the product of matrices, by one level of Strassen's algorithm: 7 products
// of a quarter of the size instead of 8. Forward and data gradient, float32 only.
//
// Quarters of the source are pixels 2 p and 2 p + 1, and of each the first and the second half of its channels; of the
// results the same; of the weights the halves of both kinds of channels. What each product multiplies is summed
// beforehand, V from blocks of source and U when weights are packed, and results are sums of products M:
//
//   V[position][pair][q] = input transform of source[2 * pair .. + 1][q, ic / 2 + q]
//   M[position][pair][column] = sum over q < ic / 2 of V[position][pair][q] * U[panel][position][q][column]
//   produced[2 * pair .. + 1][column, oc / 2 + column] = epilogue of output transform of M[.][pair][column]
//
// As with Winograd, blocks of V and M stay in the L2 cache. How results round depends on no block and no thread, nor on
// other images of the batch: the last of an odd number of pixels is paired with itself.
#include <algorithm>
#include <utility>

#include "../algorithms.h"
#include "../buffer.h"
#include "../parallel.h"
#include "cost.h"

namespace pyconv {
namespace {

constexpr int64_t kPositions = 7;

// The products that both results of the second half of channels are sums of, and those of the first half: their sums
// begin with the bias.
constexpr int64_t kOfSecondHalf = 2, kOfFirstHalf = 3;

// V and M of a block together. Between 128 and 768 KB all took about as long.
constexpr int64_t kBlockBytes = 384 * 1024;

// Pairs of pixels below which the weights are read too often, and panels whose M is kept at a time.
constexpr int64_t kMinBlock = 24, kMostPanels = 4;

// The sizes of one run and the memory it works in.
struct Work {
  Work(const ConvProblem& problem, const Kernels<float>& table, int threads_asked)
      : kernels(table),
        forward(problem.direction == Direction::forward),
        half_ic((forward ? problem.ic : problem.oc) / 2),
        half_oc((forward ? problem.oc : problem.ic) / 2),
        source_stride(forward ? problem.src_stride : problem.dst_stride),
        produced_stride(forward ? problem.dst_stride : problem.src_stride),
        image_pixels(problem.src_pixels()),
        image_pairs(ceil_div(image_pixels, 2)),
        pairs(problem.mb * image_pairs),
        panel(table.panel),
        panels(ceil_div(half_oc, panel)),
        most_panels(std::min(kMostPanels, panels)),
        units(ceil_div(pairs, table.tile_rows)),
        threads(threads_asked),
        shared(threads > 1 && pairs < 2 * kMinBlock * threads) {
    const int64_t bytes_per_pair = kPositions * (half_ic + most_panels * panel) * 4;
    const int64_t wanted =
        shared ? ceil_div(threads, panels)
               : ceil_div(ceil_div(pairs, std::max(kMinBlock, kBlockBytes / bytes_per_pair)), threads) * threads;
    blocks = std::clamp(wanted, int64_t{1}, std::max(int64_t{1}, units));
    block = ceil_div(units, blocks) * table.tile_rows;
  }

  // The first pair of a block: whole tiles of the kernel's, but for the last block.
  int64_t first_pair(int64_t index) const { return std::min(pairs, units * index / blocks * kernels.tile_rows); }

  // Of a pair, the first pixel and how many there are.
  int64_t pixel(int64_t pair) const { return pair / image_pairs * image_pixels + pair % image_pairs * 2; }
  int64_t pixels(int64_t pair) const { return std::min(int64_t{2}, image_pixels - pair % image_pairs * 2); }

  // A cache line more than the channels take, lest rows a multiple of 4 KB apart fall into one set of the L1 cache.
  int64_t v_row() const { return position_size(1, half_ic); }
  int64_t v_position() const { return (shared ? pairs : block) * v_row(); }
  int64_t v_size() const { return kPositions * v_position(); }
  int64_t u_position() const { return position_size(half_ic, panel); }
  int64_t u_panel() const { return kPositions * u_position(); }
  int64_t m_row() const { return most_panels * panel; }
  int64_t m_position() const { return position_size(block, m_row()); }
  int64_t thread_size() const { return align_up((kPositions * m_position() + (shared ? 0 : v_size())) * 4) / 4; }
  int64_t bytes() const { return (threads * thread_size() + (shared ? v_size() : 0)) * 4; }

  const Kernels<float>& kernels;
  bool forward;
  int64_t half_ic, half_oc, source_stride, produced_stride, image_pixels, image_pairs, pairs;
  int64_t panel, panels, most_panels;
  int64_t units;  // tiles of the kernel's
  int threads;
  bool shared;            // too few pairs for a block a thread: the threads make one V together and share its products
  int64_t blocks, block;  // of pairs, and how many the largest has
};

// Source and produced are src and dst, or dst and src for the data gradient.
struct Operands {
  const float *source, *u, *bias;
  Epilogue<float> epilogue;
  float* produced;
};

// V of pairs [begin, end), the first of which is v's.
void transform_source(const Work& work, const float* source, int64_t begin, int64_t end, float* v) {
  for (int64_t pair = begin; pair < end; ++pair)
    work.kernels.strassen.input({.src = source + work.pixel(pair) * work.source_stride,
                                 .src_row = work.pixels(pair) == 2 ? work.source_stride : 0,
                                 .src_col = work.half_ic,
                                 .dst = v + (pair - begin) * work.v_row(),
                                 .dst_col = work.v_position(),
                                 .channels = work.half_ic});
}

// The results of pairs [first, last) in panels [begin, end) of both halves, at most most_panels; v is the first pair's.
void multiply(const Work& work, const Operands& operands, const float* v, int64_t first, int64_t last, int64_t begin,
              int64_t end, float* m) {
  const int64_t channel = begin * work.panel;
  for (int64_t position = 0; position < kPositions; ++position) {
    const float* bias = position == kOfFirstHalf    ? operands.bias
                        : position != kOfSecondHalf ? nullptr
                        : operands.bias             ? operands.bias + work.half_oc
                                                    : nullptr;
    for (int64_t panel = begin; panel < end; ++panel) {
      constexpr int64_t tap = 0;
      work.kernels.brgemm({.a = v + position * work.v_position(),
                           .a_taps = &tap,
                           .a_row = work.v_row(),
                           .b = operands.u + panel * work.u_panel() + position * work.u_position(),
                           .b_taps = &tap,
                           .b_k = work.panel,
                           .taps = 1,
                           .k = work.half_ic,
                           .c = m + position * work.m_position() + panel * work.panel - channel,
                           .c_row = work.m_row(),
                           .rows = last - first,
                           .cols = std::min(work.panel, work.half_oc - panel * work.panel),
                           .bias = bias ? bias + panel * work.panel : nullptr});
    }
  }
  for (int64_t pair = first; pair < last; ++pair) {
    const int64_t produced_at = work.pixel(pair) * work.produced_stride + channel;
    work.kernels.strassen.output({.src = m + (pair - first) * work.m_row(),
                                  .src_col = work.m_position(),
                                  .dst = operands.produced + produced_at,
                                  .dst_row = work.produced_stride,
                                  .dst_col = work.half_oc,
                                  .channels = std::min(end * work.panel, work.half_oc) - channel,
                                  .rows = work.pixels(pair),
                                  .cols = 2,
                                  .epilogue = at_offset(operands.epilogue, produced_at)});
  }
}

void run_shared(const Work& work, const Operands& operands, float* workspace) {
  float* v = workspace + work.threads * work.thread_size();
  parallel_for(work.pairs, work.threads, [&](int64_t begin, int64_t end, int) {
    transform_source(work, operands.source, begin, end, v + begin * work.v_row());
  });
  parallel_for(work.blocks * work.panels, work.threads, [&](int64_t begin, int64_t end, int thread) {
    while (begin < end) {  // panels of one block
      const int64_t block = begin / work.panels, panel = begin % work.panels;
      const int64_t panels = std::min({work.most_panels, work.panels - panel, end - begin});
      const int64_t first = work.first_pair(block);
      multiply(work, operands, v + first * work.v_row(), first, work.first_pair(block + 1), panel, panel + panels,
               workspace + thread * work.thread_size());
      begin += panels;
    }
  });
}

void run_blocks(const Work& work, const Operands& operands, float* workspace) {
  parallel_for(work.blocks, work.threads, [&](int64_t begin, int64_t end, int thread) {
    float *m = workspace + thread * work.thread_size(), *v = m + kPositions * work.m_position();
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = work.first_pair(block), last = work.first_pair(block + 1);
      transform_source(work, operands.source, first, last, v);
      for (int64_t panel = 0; panel < work.panels; panel += work.most_panels)
        multiply(work, operands, v, first, last, panel, std::min(work.panels, panel + work.most_panels), m);
    }
  });
}

std::string refuse(const ConvProblem& problem) {
  if (problem.direction == Direction::backward_weights) return "weight gradient not served";
  if (problem.dtype != DType::f32) return "float64 is asked for its accuracy";
  if (!is_matrix_product(problem)) return "not pointwise with stride 1 and without padding";
  if (problem.g != 1) return "grouped";
  if (problem.ic % 2 != 0 || problem.oc % 2 != 0) return "an odd number of channels has no halves";
  if (problem.precision == Precision::strict) return "precision is strict";
  // Its sums of sources and weights are rounded however few there are: beside that of a plain sum of 2 products the
  // error is 2.9 times as large, of 4 2.5 times, of 8 2.2 times, of 64 1.5 times.
  constexpr int64_t kMinChannels = 8;
  const int64_t source_channels = problem.direction == Direction::forward ? problem.ic : problem.oc;
  if (problem.precision == Precision::automatic && source_channels < kMinChannels)
    return "so few products a result that its error would be more than 2.5 times that of a plain sum";
  return "";
}

// In the cycles of cost.h. The transforms of a pair take what the caches do to move 4 vectors of the source and 7 of V,
// or 7 of M and 4 of results: measured at 30 cycles each within an L2 cache, and up to twice that for images beyond it,
// which direct reads and writes while it multiplies. A network's weights come from L3 or memory for each image, 0.75
// times more of them than direct's, in shorter runs: measured at 22 to 58 cycles a vector of those. Counted as
// 10, they let it serve single images of 10x10 to 28x28 pixels, with which ResNet-50, InceptionV3 and Xception
// take 1.01 to 1.06 times as long, though layers alone, whose weights stay in the cache, gain as much.
std::string decline(const ConvProblem& problem, const KernelTable&) {
  constexpr double kInputCycles = 40, kOutputCycles = 30, kBeyondL2 = 1.5;
  constexpr int64_t kL2Bytes = 1024 * 1024;
  constexpr double kMoreWeights = 0.75, kLoadCycles = 60;
  const bool forward = problem.direction == Direction::forward;
  const int64_t ic = forward ? problem.ic : problem.oc, oc = forward ? problem.oc : problem.ic;
  const int64_t pixels = problem.mb * problem.src_pixels();
  const auto pairs = static_cast<double>(problem.mb * ceil_div(problem.src_pixels(), 2));
  const auto moved = [&](int64_t channels, double cycles) {
    return pairs * vectors(channels / 2) * cycles * (pixels * channels * 4 > kL2Bytes ? kBeyondL2 : 1);
  };
  const auto multiplied = [](double rows, int64_t channels, double columns, double products) {
    const auto depth = static_cast<double>(channels);
    return products * product_cycles(rows, 1, depth, columns, products * depth * columns * 16);
  };
  const double more_weights = kMoreWeights * static_cast<double>(ic) * vectors(oc);
  const double mine = moved(ic, kInputCycles) + moved(oc, kOutputCycles) + kLoadCycles * more_weights +
                      multiplied(pairs, ic / 2, product_vectors(oc / 2), kPositions);
  const double direct = multiplied(static_cast<double>(pixels), ic, product_vectors(oc), 1);
  return mine > direct ? "its sums would cost about as much as they save" : "";
}

ConvMemory memory(const ConvProblem& problem, const KernelTable& table, int threads) {
  const Work work(problem, table.f32, threads);
  return {.packed_bytes = work.panels * work.u_panel() * 4, .workspace_bytes = work.bytes()};
}

// U[panel][position][q][column]
void pack(const ConvProblem& problem, const KernelTable& table, int threads, const void* weights, std::byte* packed) {
  const Work work(problem, table.f32, threads);
  const auto* given = static_cast<const float*>(weights);
  parallel_for(work.panels, threads, [&](int64_t begin, int64_t end, int) {
    for (int64_t panel = begin; panel < end; ++panel) {
      float* u = reinterpret_cast<float*>(packed) + panel * work.u_panel();
      const int64_t channel = panel * work.panel, columns = std::min(work.panel, work.half_oc - channel);
      if (columns < work.panel) std::fill_n(u, work.u_panel(), 0.0f);
      TransformArgs<float> args{.dst_col = work.u_position(), .channels = columns};
      if (work.forward) {
        args.src_row = work.half_ic * problem.oc;
        args.src_col = work.half_oc;
        for (int64_t q = 0; q < work.half_ic; ++q) {
          args.src = given + q * problem.oc + channel;
          args.dst = u + q * work.panel;
          work.kernels.strassen.weights(args);
        }
        continue;
      }
      constexpr int64_t kSources = 16;  // at a time: a cache line of each row of the weights
      float quarters[kSources][2][2][kMaxPanel];
      args.src_row = 2 * kMaxPanel;
      args.src_col = kMaxPanel;
      for (int64_t first = 0; first < work.half_ic; first += kSources) {
        const int64_t sources = std::min(kSources, work.half_ic - first);
        for (int64_t half = 0; half < 2; ++half)
          for (int64_t side = 0; side < 2; ++side)
            work.kernels.transpose(
                {.src = given + (side * work.half_oc + channel) * problem.oc + half * work.half_ic + first,
                 .src_row = problem.oc,
                 .dst = quarters[0][half][side],
                 .dst_row = 4 * kMaxPanel,
                 .rows = columns,
                 .cols = sources});
        for (int64_t q = 0; q < sources; ++q) {
          args.src = quarters[q][0][0];
          args.dst = u + (first + q) * work.panel;
          work.kernels.strassen.weights(args);
        }
      }
    }
  });
}

void run(const ConvProblem& problem, const KernelTable& table, int threads, const ConvTensors& tensors,
         const std::byte* packed, std::byte* workspace) {
  const Work work(problem, table.f32, threads);
  float *source = static_cast<float*>(tensors.src), *produced = static_cast<float*>(tensors.dst);
  if (!work.forward) std::swap(source, produced);
  const Operands operands{.source = source,
                          .u = reinterpret_cast<const float*>(packed),
                          .bias = static_cast<const float*>(tensors.bias),
                          .epilogue = epilogue_of<float>(problem, tensors),
                          .produced = produced};
  (work.shared ? run_shared : run_blocks)(work, operands, reinterpret_cast<float*>(workspace));
}

}  // namespace

const ConvAlgorithm kStrassen = {"strassen", false, refuse, decline, memory, pack, run};

}  // namespace pyconv
