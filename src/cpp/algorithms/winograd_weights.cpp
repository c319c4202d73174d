// winograd_weights.cpp: the weight gradient of 3x3 convolution with stride 1 by Winograd's F(4x4, 3x3): 36 products for
// 16 pixels instead of 144. Any padding; dilation as interleaved problems. Float32 only. See winograd.cpp for forward
// and data gradient.
//
//   V[position][tile][ic] = input transform of the tile's patch of src
//   M[panel][position][tile][column] = transform of the tile's gradient of dst
//   U[panel][position][ic][column] = sum over tiles of V[position][tile][ic] * M[panel][position][tile][column]
//   diff_weights[.][ic][oc] = transform of U
//
// The tiles are the reduction: pass after pass some of them are transformed and multiplied. Where U is small, the tiles
// are cut into parts with a U each, as many for any number of threads, which are added up in one order. Where it is
// large, threads share the tiles of a transform and then the positions and panels of U. Either way every sum has one
// order.
#include <algorithm>

#include "../algorithms.h"
#include "../buffer.h"
#include "../parallel.h"
#include "column_sums.h"
#include "cost.h"
#include "winograd_tiles.h"

namespace pyconv {
namespace {

struct Form {
  static constexpr int64_t kTile = 4, kKernel = 3, kStride = 1;
  static constexpr bool kLine = false, kTransposed = false;
};
using Tiles = Shape<Form>;
constexpr int64_t kPatch = Tiles::kPatch, kPositions = Tiles::kPositions, kTile = Form::kTile;

// The error of the transforms hardly grows with the number of pixels that a weight's gradient sums, that of a plain sum
// with its root: at 160 pixels it was up to 2.7 times as large, at 1,400 0.7 times, on normal numbers.
constexpr double kMinPixels = 220;

// Parts that U may be kept for: enough for any machine's threads to have about equal shares, and of so many tiles that
// adding them up takes little beside the products.
constexpr int64_t kMostParts = 16, kTilesPerPart = 32;
// All of their U's together, as much as L3 caches have to spare.
constexpr int64_t kPartsBytes = 8 * 1024 * 1024;
// Fewer parts would leave threads without one.
constexpr int64_t kFewestParts = 8;

// V and M of a pass: half of an L2 cache of 1 MB, the rest is for a thread's part of U.
constexpr int64_t kPassBytes = 512 * 1024;

struct Work {
  Work(const ConvProblem& problem, const Kernels<float>& table, int threads_asked)
      : shape(problem),
        kernels(table),
        panel(table.panel),
        panels(ceil_div(shape.oc, panel)),
        threads(threads_asked),
        bias(problem.mb * problem.dst_pixels(), problem.oc) {
    // U is read and written once a pass. Where it doesn't fit the caches beside V and M, they are as large as U.
    const int64_t cached = kPassBytes / (kPositions * (shape.ic + shape.oc) * static_cast<int64_t>(sizeof(float)));
    const int64_t balanced = shape.ic * shape.oc / (shape.ic + shape.oc);
    pass = std::clamp(std::max(cached, balanced), int64_t{1}, shape.tiles());
    parts = std::min({kMostParts, shape.tiles() / kTilesPerPart, kPartsBytes / (u_size() * 4)});
    if (parts < kFewestParts) parts = 1;
  }

  int64_t v_position() const { return position_size(pass, shape.ic); }
  int64_t m_position() const { return position_size(pass, panel); }
  int64_t v_size() const { return kPositions * v_position(); }
  int64_t m_panel() const { return kPositions * m_position(); }
  int64_t u_position() const { return shape.ic * panel; }
  int64_t u_size() const { return panels * kPositions * u_position(); }
  int64_t copy_size() const { return std::max(kPositions * shape.ic, kTile * kTile * shape.oc); }
  int64_t all_u() const { return parts > 1 ? (parts + 1) * u_size() : u_size(); }  // the last is the total
  // Of one thread, or of all that share the tiles.
  int64_t scratch_size() const { return v_size() + panels * m_panel() + (parts > 1 ? 1 : threads) * copy_size(); }
  int64_t bytes() const { return bias.bytes() + (all_u() + (parts > 1 ? threads : 1) * scratch_size()) * 4; }

  Tiles shape;
  const Kernels<float>& kernels;
  int64_t panel, panels;
  int threads;
  int64_t pass;   // tiles at a time
  int64_t parts;  // of the tiles, with a U each; 1 if threads share one
  BiasGradient<float> bias;
};

// M of tiles [begin, end) of a pass that starts at tile first.
void transform_gradient(const Work& work, const float* diff_dst, int64_t first, int64_t begin, int64_t end, float* m,
                        float* copy) {
  const Tiles& s = work.shape;
  const Patches patches{diff_dst, s.produced, s.oc, s.dh, s.dw};
  for (int64_t tile = begin; tile < end; ++tile) {
    const Place<Form> place(s, first + tile);
    TransformArgs<float> args = patches.at<kTile, kTile>(place.image, place.y, place.x, copy);
    args.dst_row = kPatch * work.m_position();
    args.dst_col = work.m_position();
    for (int64_t panel = 0; panel < work.panels; ++panel, args.src += work.panel) {
      args.channels = std::min(work.panel, s.oc - panel * work.panel);
      args.dst = m + panel * work.m_panel() + tile * work.panel;
      work.kernels.winograd4_gradient.results(args);
    }
  }
}

// Adds the products of a pass to U, for positions and panels [begin, end) counted together.
void add_products(const Work& work, const float* v, const float* m, int64_t tiles, bool is_first, int64_t begin,
                  int64_t end, float* u) {
  constexpr int64_t no_offset = 0;
  for (int64_t task = begin; task < end; ++task) {
    const int64_t panel = task / kPositions, position = task % kPositions;
    float* sums = u + task * work.u_position();
    work.kernels.brgemm({.a = v + position * work.v_position(),
                         .a_taps = &no_offset,
                         .a_row = 1,
                         .a_k = work.shape.ic,
                         .b = m + panel * work.m_panel() + position * work.m_position(),
                         .b_taps = &no_offset,
                         .b_k = work.panel,
                         .taps = 1,
                         .k = tiles,
                         .c = sums,
                         .c_row = work.panel,
                         .rows = work.shape.ic,
                         .cols = std::min(work.panel, work.shape.oc - panel * work.panel),
                         .epilogue = {.residual = is_first ? nullptr : sums}});
  }
}

// U of tiles [first, last), pass after pass, by so many threads.
void sum_tiles(const Work& work, const float* src, const float* diff_dst, int64_t first, int64_t last, int threads,
               float* u, float* scratch) {
  float *v = scratch, *m = v + work.v_size(), *copies = m + work.panels * work.m_panel();
  for (int64_t tile = first; tile < last; tile += work.pass) {
    const int64_t count = std::min(work.pass, last - tile);
    parallel_for(count, threads, [&](int64_t begin, int64_t end, int thread) {
      float* copy = copies + thread * work.copy_size();
      transform_input(work.shape, work.kernels.winograd4.input, src, {0, work.shape.ic}, work.shape.ic, tile, begin,
                      end, work.v_position(), v, copy);
      transform_gradient(work, diff_dst, tile, begin, end, m, copy);
    });
    parallel_for(work.panels * kPositions, threads, [&](int64_t begin, int64_t end, int) {
      add_products(work, v, m, count, tile == first, begin, end, u);
    });
  }
}

// The weights of input channels and panels [begin, end) counted together, from U.
void transform_sums(const Work& work, const float* u, int64_t begin, int64_t end, float* diff_weights) {
  const Tiles& s = work.shape;
  for (int64_t task = begin; task < end; ++task) {
    const int64_t panel = task / s.ic, q = task % s.ic, channel = panel * work.panel;
    work.kernels.winograd4_gradient.weights({.src = u + panel * kPositions * work.u_position() + q * work.panel,
                                             .src_row = kPatch * work.u_position(),
                                             .src_col = work.u_position(),
                                             .dst = diff_weights + q * s.oc + channel,
                                             .dst_row = Form::kKernel * s.ic * s.oc,
                                             .dst_col = s.ic * s.oc,
                                             .channels = std::min(work.panel, s.oc - channel)});
  }
}

std::string refuse(const ConvProblem& problem) {
  const Axis &d = problem.axes[kDepth], &h = problem.axes[kHeight], &w = problem.axes[kWidth];
  if (problem.direction != Direction::backward_weights) return "a weight gradient only";
  if (problem.dtype != DType::f32) return "float64 is asked for its accuracy";
  if (h.k != Form::kKernel || w.k != Form::kKernel || h.s != 1 || w.s != 1) return "not 3x3 with stride 1";
  if (d.k != 1 || d.s != 1 || d.pad_begin != 0 || d.pad_end != 0) return "the kernel has a depth";
  if (problem.g != 1) return "grouped";
  if (problem.precision == Precision::strict) return "precision is strict";
  if (problem.mb == 0) return "no images";
  // Of the pixels that a weight meets, those that are not padding.
  const double pixels = static_cast<double>(problem.mb * problem.dst_pixels()) * mean_taps(problem) / 9;
  if (problem.precision == Precision::automatic && pixels < kMinPixels)
    return "so few pixels that its error would be more than 2.5 times that of a plain sum";
  return "";
}

// The cost model: cycles on a core that multiplies and adds one vector a cycle, for each vector of 16 output channels.
std::string decline(const ConvProblem& problem, const KernelTable&) {
  // Those that 16 channels of a tile take in the transforms of src and of diff_dst, and a vector of U in its transform.
  constexpr double kInput = 180, kGradient = 100, kWeights = 3;
  // A vector of U is read and written once a pass: cycles where all of them are in the L2 cache, the L3 cache or none.
  constexpr double kInL2 = 4, kInL3 = 12, kInMemory = 40;
  // The direct algorithm reaches 60 to 85 % of the core's peak.
  constexpr double kDirect = 1.3;
  const Tiles s(problem);
  const auto tiles = static_cast<double>(s.tiles()), ic = static_cast<double>(s.ic);
  const double u = kPositions * ic * vectors(s.oc) * 16;
  const double touch = u <= kL2Weights ? kInL2 : u <= kL3Weights ? kInL3 : kInMemory;
  const double passes = std::max(1.0, tiles / (ic * static_cast<double>(s.oc) / (ic + static_cast<double>(s.oc))));
  const double mine = tiles * (kInput * vectors(s.ic) + kGradient * vectors(s.oc)) +
                      kPositions * ic * product_vectors(s.oc) * (tiles + passes * touch + kWeights);
  const auto pixels = static_cast<double>(problem.mb * problem.dst_pixels());
  if (mine > kDirect * mean_taps(problem) * pixels * ic * product_vectors(s.oc))
    return "the transforms would cost more than they save";
  return "";
}

ConvMemory memory(const ConvProblem& problem, const KernelTable& table, int threads) {
  return {.workspace_bytes = Work(problem, table.f32, threads).bytes()};
}

void run(const ConvProblem& problem, const KernelTable& table, int threads, const ConvTensors& tensors,
         const std::byte*, std::byte* workspace) {
  const Work work(problem, table.f32, threads);
  const float *src = static_cast<const float*>(tensors.src), *diff_dst = static_cast<const float*>(tensors.dst);
  if (tensors.bias) work.bias.run(table.f32, threads, diff_dst, static_cast<float*>(tensors.bias), workspace);
  float* u = reinterpret_cast<float*>(workspace + work.bias.bytes());
  float* scratch = u + work.all_u();
  const int64_t tiles = work.shape.tiles();
  const float* total = u;
  if (work.parts == 1) {
    sum_tiles(work, src, diff_dst, 0, tiles, threads, u, scratch);
  } else {
    parallel_for(work.parts, threads, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t part = begin; part < end; ++part)
        sum_tiles(work, src, diff_dst, tiles * part / work.parts, tiles * (part + 1) / work.parts, 1,
                  u + part * work.u_size(), scratch + thread * work.scratch_size());
    });
    float* sum = u + work.parts * work.u_size();
    total = sum;
    parallel_for(work.panels * kPositions, threads, [&](int64_t begin, int64_t end, int) {
      const int64_t at = begin * work.u_position();
      add_up(table.f32, u + at, work.parts, work.u_size(), (end - begin) * work.u_position(), sum + at);
    });
  }
  parallel_for(work.panels * work.shape.ic, threads, [&](int64_t begin, int64_t end, int) {
    transform_sums(work, total, begin, end, static_cast<float*>(tensors.weights));
  });
}

}  // namespace

const ConvAlgorithm kWinograd4Weights = {"winograd4_weights", false, refuse, decline, memory, nullptr, run};

}  // namespace pyconv
