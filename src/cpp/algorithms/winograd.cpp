// winograd.cpp: convolution of stride 1 by Winograd's F(4x4, 3x3), F(2x2, 3x3) and F(2x2, 5x5), forward and data
// gradient: 36 products for 16 results instead of 144, 16 for 4 instead of 36, 36 for 4 instead of 100. Kernels of one
// line, 1x3 or 3x1 and so on, by F(4, 3), F(4, 5) and F(2, 7): 6 products for 4 results instead of 12, 8 for 4 instead
// of 20, 8 for 2 instead of 14. Any padding; dilation as interleaved problems. And forward 3x3 of stride 2, undilated:
// 49 products for 9 results instead of 81. And the data gradient of 3x3 without padding by F(4x4, 3x3) transposed,
// whose tiles are those of the gradient it begins with. Float32 only.
//
// Blocks of patches of the source, which overlap, are transformed into V; each position of a patch is a matrix product
// with the transformed weights U; and the products M of a tile become its results:
//
//   V[position][tile][ic] = input transform of the tile's patch
//   M[point][tile][column] = sum over positions of the point, ic of V[position][tile][ic] *
//   U[panel][position][ic][column] produced pixels of a tile = epilogue of the output transform of M[.][tile] + bias
//
// ic here runs over the channels of the column's group.
//
// A point has one position with stride 1, and one of each phase that has it with stride 2.
//
// A block is small enough for V and M to stay in the L2 cache from one step to the next, so the memory sees the source
// and the result once.
#include <algorithm>
#include <numeric>
#include <type_traits>
#include <utility>

#include "../algorithms.h"
#include "../buffer.h"
#include "../parallel.h"
#include "cost.h"
#include "winograd_tiles.h"

namespace pyconv {
namespace {

// A thread that is done with its blocks takes over what is left of another's, see parallel.cpp: the last of four, as
// its thread takes three at once. Four took 1.02 times as long as one with two equal threads, and 0.82 times where one
// was 1.5 times as slow.
constexpr int64_t kBlocksPerThread = 4;

// The error of the transforms hardly grows with the number of products that a result sums, that of a plain sum with its
// root: with six points in two dimensions, at 180 products (20 channels) it is 2.15 to 2.35 times as large, at 144 up
// to 2.5, at 72 up to 3.1, all on normal numbers and over all instruction sets. Hence a Form's kMinProducts.

// The sizes of one run and the memory it works in.
template <class Form>
struct Work {
  static constexpr int64_t kPatch = Shape<Form>::kPatch, kPositions = Shape<Form>::kPositions;

  Work(const ConvProblem& problem, const Kernels<float>& table, int threads_asked, bool packs_panels = false)
      : shape(problem),
        kernels(table),
        transforms(table.*Form::kTransforms),
        depth(shape.ic / shape.groups),
        columns(shape.oc / shape.groups),
        kernel_panel(table.panel),
        panel(shape.groups > 1 ? kernel_panel : std::min(kMaxPanel, ceil_div(columns, kernel_panel) * kernel_panel)),
        panel_groups(std::clamp(panel / columns, int64_t{1}, shape.groups)),
        group_panels(ceil_div(columns, panel)),
        panels(ceil_div(shape.groups, panel_groups) * group_panels),
        threads(threads_asked),
        packs(packs_panels) {
    const int64_t fitting =
        std::max(Form::kMinBlock, fitting_tiles<Form>(shape.ic, panel) / table.tile_rows * table.tile_rows);
    if (Form::kTransposed) unit = shape.image_tiles();
    shared = packs || shape.tiles() < Form::kMinBlock * threads || units() < threads;
    if (shared) {
      run = panel_groups * depth;
      runs = panels / group_panels;
    }
    const int64_t share = ceil_div(shape.tiles(), threads);
    block = packs          ? std::min(kMaxBlock, shape.tiles())
            : shared       ? shape.tiles()
            : threads == 1 ? std::min(fitting, share)
                           : std::min({fitting, share, std::max(Form::kMinBlock, ceil_div(share, kBlocksPerThread))});
    block = std::max(int64_t{1}, block / unit) * unit;
  }

  // V is made by all threads together. Several runs of it are made one by one, each by the thread that multiplies it: a
  // part that few panels read is not worth fetching from another core.
  bool one_v() const { return shared && runs == 1; }

  // Panels that don't go evenly into the threads are cut into so many parts of the tiles, which do: of three panels one
  // of two threads had two, and that took 1.1 to 1.3 times as long. But not into less than the kernel's tiles, which
  // wait for U: as many tiles, of fewer pixels, took 1.2 times as long.
  int64_t parts() const {
    if (!one_v() || packs) return 1;
    const int64_t even = threads / std::gcd(panels, int64_t{threads});
    return std::max(int64_t{1}, std::min({even, units(), shape.tiles() / kernels.tile_rows}));
  }

  Channels channels(int64_t index) const { return {index * run, std::min(run, shape.ic - index * run)}; }

  int64_t units() const { return shape.tiles() / unit; }

  int64_t u_position() const { return position_size(depth, panel); }
  int64_t u_panel() const { return kPositions * u_position(); }
  int64_t v_position() const { return position_size(shared ? shape.tiles() : block, run); }
  int64_t m_position() const { return position_size(block, panel); }
  int64_t v_size() const { return kPositions * v_position(); }
  int64_t m_size() const { return Shape<Form>::kSums * m_position(); }
  int64_t patch_size() const { return align_up(kPositions * run * 4) / 4; }
  int64_t thread_size() const {
    return align_up((m_size() + patch_size() + (packs ? u_panel() : 0) + (one_v() ? 0 : v_size())) * 4) / 4;
  }
  int64_t bytes() const { return (align_up(one_v() ? v_size() * 4 : 0) / 4 + threads * thread_size()) * 4; }

  Shape<Form> shape;
  const Kernels<float>& kernels;
  const WinogradKernels<float>& transforms;
  int64_t depth, columns;  // source and produced channels of a group
  // Columns of a kernel's panel, and of what we call a panel here. Without groups that is several of them, each a
  // matrix of its own, if vectors are narrow: V is read less often, and the transform of the output takes more
  // channels.
  int64_t kernel_panel, panel;
  int64_t panel_groups, group_panels;  // groups that share a panel, panels of a group that fills one
  int64_t panels;
  int threads;
  bool packs;        // a panel of the weights before its products
  int64_t unit = 1;  // tiles that one thread must work on, one after the other, as they overlap: those of an image
  int64_t block;     // tiles at a time, whole units
  bool shared;       // too few tiles to share out: the threads share the panels
  // Source channels that V has side by side, and how often that is made anew: all once, or where panels are shared
  // those of the groups of a panel.
  int64_t run = shape.ic, runs = 1;
};

// Source and produced are src and dst, or dst and src for the data gradient. There is u, or weights if the run packs
// them.
struct Operands {
  const float* source;
  const float *u, *weights;
  const float* bias;
  Epilogue<float> epilogue;
  float* produced;
  bool forward;
};

// The channels of a panel: `columns` produced ones, from channel `channel` on, of each of some groups.
struct PanelChannels {
  template <class Form>
  PanelChannels(const Work<Form>& work, int64_t panel) {
    const int64_t first = panel % work.group_panels * work.panel;
    first_group = panel / work.group_panels * work.panel_groups;
    groups = std::min(work.panel_groups, work.shape.groups - first_group);
    channel = first_group * work.columns + first;
    columns = std::min(work.panel, work.columns - first);
  }
  int64_t first_group, groups, channel, columns;
};

// u[position][kernel panel][source channel of a group][column] of a panel, in which one group's columns follow
// another's.
template <class Form>
void pack_panel(const Work<Form>& work, const float* weights, bool forward, int64_t panel, float* u) {
  const Shape<Form>& s = work.shape;
  constexpr bool turned = !Form::kTransposed;  // for data gradients
  constexpr int64_t count = Shape<Form>::kKernelRows * Shape<Form>::kKernel;
  constexpr int64_t kSources = 16;  // at a time: data gradients read a cache line of each row of the weights
  const PanelChannels part(work, panel);
  for (int64_t first = 0; first < work.depth; first += kSources) {
    const int64_t sources = std::min(kSources, work.depth - first);
    float taps[kSources][count][kMaxPanel] = {};
    for (int64_t tap = 0; tap < count; ++tap) {
      if (forward)
        for (int64_t q = 0; q < sources; ++q)
          std::copy_n(weights + (tap * work.depth + first + q) * s.oc + part.channel, part.groups * part.columns,
                      taps[q][tap]);
      else
        for (int64_t j = 0; j < part.groups; ++j) {
          const int64_t row = (turned ? count - 1 - tap : tap) * work.columns + part.channel % work.columns;
          work.kernels.transpose({.src = weights + row * s.ic + (part.first_group + j) * work.depth + first,
                                  .src_row = s.ic,
                                  .dst = taps[0][tap] + j * part.columns,
                                  .dst_row = count * kMaxPanel,
                                  .rows = part.columns,
                                  .cols = sources});
        }
    }
    for (int64_t column = 0; column < work.panel; column += work.kernel_panel)
      for (int64_t q = 0; q < sources; ++q)
        work.transforms.weights({.src = taps[q][0] + column,
                                 .src_row = s.kKernel * kMaxPanel,
                                 .src_col = kMaxPanel,
                                 .dst = u + work.depth * column + (first + q) * work.kernel_panel,
                                 .dst_row = s.kPatch * work.u_position(),
                                 .dst_col = work.u_position(),
                                 .channels = work.kernel_panel});
  }
}

// The positions of point (row, col) among those of a patch, each as its number times step: how many there are. In one
// dimension a patch has the kPoints points of the first phase, then those of the second.
template <class Form>
int64_t positions_of(int64_t row, int64_t col, int64_t step, int64_t (&offsets)[Form::kStride * Form::kStride]) {
  using S = Shape<Form>;
  int64_t count = 0;
  for (int64_t r = row; r < S::kPatchRows; r += S::kPoints)
    for (int64_t c = col; c < S::kPatch; c += S::kPoints) offsets[count++] = (r * S::kPatch + c) * step;
  return count;
}

// The products of one panel, u, with tiles [0, tiles) of a block that starts at tile first, and their results.
template <class Form>
void multiply(const Work<Form>& work, const Operands& operands, const float* u, const float* v, int64_t first,
              int64_t tiles, int64_t panel, float* m) {
  const Shape<Form>& s = work.shape;
  const PanelChannels part(work, panel);
  for (int64_t point = 0; point < s.kSums; ++point) {
    int64_t in_v[Form::kStride * Form::kStride], in_u[Form::kStride * Form::kStride];
    const int64_t row = point / s.kPoints, col = point % s.kPoints;
    const int64_t count = positions_of<Form>(row, col, work.v_position(), in_v);
    positions_of<Form>(row, col, work.u_position(), in_u);
    for (int64_t j = 0; j < part.groups; ++j)
      work.kernels.brgemm({.a = v + (part.first_group + j) * work.depth % work.run,
                           .a_taps = in_v,
                           .a_row = work.run,
                           .b = u + j * part.columns,
                           .b_taps = in_u,
                           .b_k = work.kernel_panel,
                           .b_panel = work.depth * work.kernel_panel,
                           .taps = count,
                           .k = work.depth,
                           .c = m + point * work.m_position() + j * part.columns,
                           .c_row = work.panel,
                           .rows = tiles,
                           .cols = part.columns});
  }
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const Place<Form> place(s, first + tile);
    // A tile that isn't the first in its row or column adds to what the one before it has left.
    constexpr int64_t overlap = Form::kTransposed ? s.kKernel - 1 : 0;
    const int64_t produced_at = s.produced.at(place.image, place.y, place.x) + part.channel;
    work.transforms.output({.src = m + tile * work.panel,
                            .src_row = s.kPoints * work.m_position(),
                            .src_col = work.m_position(),
                            .dst = operands.produced + produced_at,
                            .dst_row = s.dh * s.produced.row,
                            .dst_col = s.dw * s.produced.col,
                            .channels = part.groups * part.columns,
                            .rows = inside(place.y, s.dh, s.kToRows, s.produced.height).second,
                            .cols = inside(place.x, s.dw, s.kTo, s.produced.width).second,
                            .added_rows = place.y < s.dh ? 0 : overlap,
                            .added_cols = place.x < s.dw ? 0 : overlap,
                            .bias = operands.bias ? operands.bias + part.channel : nullptr,
                            .epilogue = at_offset(operands.epilogue, produced_at)});
  }
}

template <class Form>
void run_shape(const Work<Form>& work, const Operands& operands, float* workspace) {
  const int64_t tiles = work.shape.tiles();
  float* scratch = workspace + (work.one_v() ? align_up(work.v_size() * 4) / 4 : 0);
  const auto memory_of = [&](int thread) { return scratch + thread * work.thread_size(); };
  const auto transform = [&](int64_t run, int64_t first, int64_t begin, int64_t end, float* v, float* patch) {
    transform_input(work.shape, work.transforms.input, operands.source, work.channels(run), work.run, first, begin, end,
                    work.v_position(), v, patch);
  };
  if (work.shared) {
    if (work.one_v())
      parallel_for(tiles, work.threads, [&](int64_t begin, int64_t end, int thread) {
        transform(0, 0, begin, end, workspace, memory_of(thread) + work.m_size());
      });
    const int64_t shares = work.one_v() ? work.panels : work.runs, panels_of_share = work.panels / shares;
    const int64_t parts = work.parts();
    parallel_for(shares * parts, work.threads, [&](int64_t begin, int64_t end, int thread) {
      float *m = memory_of(thread), *patch = m + work.m_size(), *packed = patch + work.patch_size();
      float* v = work.one_v() ? workspace : packed + (work.packs ? work.u_panel() : 0);
      while (begin < end) {  // the parts of a panel that this thread has, or all panels of a run
        const int64_t share = begin / parts, part = begin % parts, last_part = std::min(parts, part + end - begin);
        const int64_t last = work.units() * last_part / parts * work.unit;
        if (!work.one_v()) transform(share, 0, 0, tiles, v, patch);
        for (int64_t panel = share * panels_of_share; panel < (share + 1) * panels_of_share; ++panel) {
          if (work.packs) pack_panel(work, operands.weights, operands.forward, panel, packed);
          const float* u = work.packs ? packed : operands.u + panel * work.u_panel();
          for (int64_t first = work.units() * part / parts * work.unit; first < last; first += work.block)
            multiply(work, operands, u, v + first * work.run, first, std::min(work.block, last - first), panel, m);
        }
        begin += last_part - part;
      }
    });
    return;
  }
  const int64_t units = work.units();
  const int64_t blocks =
      ceil_div(ceil_div(tiles, work.block), work.threads) * work.threads;  // the same for each thread
  parallel_for(blocks, work.threads, [&](int64_t begin, int64_t end, int thread) {
    float *m = memory_of(thread), *patch = m + work.m_size(), *v = patch + work.patch_size();
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = units * block / blocks * work.unit;
      const int64_t count = units * (block + 1) / blocks * work.unit - first;
      transform(0, first, 0, count, v, patch);
      for (int64_t panel = 0; panel < work.panels; ++panel)
        multiply(work, operands, operands.u + panel * work.u_panel(), v, first, count, panel, m);
    }
  });
}

template <class Form>
std::string refuse(const ConvProblem& problem) {
  const Axis &d = problem.axes[kDepth], &h = problem.axes[kHeight], &w = problem.axes[kWidth];
  if (problem.direction == Direction::backward_weights) return "weight gradient not served";
  if (problem.dtype != DType::f32) return "float64 is asked for its accuracy";
  constexpr int64_t kRows = Shape<Form>::kKernelRows, kCols = Form::kKernel;
  const auto is = [&](int64_t rows, int64_t cols) { return h.k == rows && w.k == cols; };
  if (!(is(kRows, kCols) || is(kCols, kRows)) || h.s != Form::kStride || w.s != Form::kStride)
    return "not " + std::to_string(kRows) + "x" + std::to_string(kCols) + " with stride " +
           std::to_string(Form::kStride);
  if (Form::kStride > 1 && problem.direction != Direction::forward) return "forward only";
  if (Form::kStride > 1 && (h.d != 1 || w.d != 1)) return "dilated";
  if (Form::kTransposed) {
    if (problem.direction != Direction::backward_data) return "a data gradient only";
    if (h.pad_begin != 0 || h.pad_end != 0 || w.pad_begin != 0 || w.pad_end != 0) return "padded";
    if (problem.activation != Activation::linear) return "results are sums of parts, activated no sooner than complete";
  }
  if (d.k != 1 || d.s != 1 || d.pad_begin != 0 || d.pad_end != 0) return "the kernel has a depth";
  if (problem.precision == Precision::strict) return "precision is strict";
  if (problem.precision == Precision::automatic &&
      static_cast<double>(Shape<Form>(problem).ic / problem.g) * mean_taps(problem) < Form::kMinProducts)
    return "so few products a result that its error would be more than 2.5 times that of a plain sum";
  return "";
}

template <class Form>
std::string decline(const ConvProblem& problem, const KernelTable&) {
  const Shape<Form> s(problem);
  // With few tiles it waits for weights, 5.4 times as many as direct reads: at 9 tiles it took 1.6 times direct's time.
  if (Form::kStride > 1 && s.tiles() < Form::kMinBlock) return "too few tiles to read the weights for";
  const double mine = winograd_cycles<Form>(problem);
  if (Form::kTransposed && s.image_tiles() > kMaxBlock) return "more tiles an image than are worked on at a time";
  if (Form::kTransposed && mine > winograd_cycles<Large>(problem)) return "no fewer tiles than of the results";
  // Of few channels a group the estimates are no better than an eighth: 32 groups of 16 on 14 x 14 pixels, said to take
  // 0.88 times as long, took 0.84 to 1.17 times.
  const double least = problem.g > 1 ? 0.875 : 1;
  if (mine > least * plain_cycles(problem)) return "the transforms would cost more than they save";
  if ((std::is_same_v<Form, Large> || Form::kTransposed) && mine > winograd_cycles<Small>(problem))
    return "smaller tiles fit the image better";
  return "";
}

// With fewer tiles than produced channels, V of all tiles is smaller than U: it is kept, and a panel of U is packed
// just before its products, in and for the caches, if there are panels for all threads. That took 0.65 to 0.9 times as
// long with 512 and 256 channels.
template <class Form>
ConvMemory memory(const ConvProblem& problem, const KernelTable& table, int threads) {
  const Work<Form> work(problem, table.f32, threads);
  const bool few = work.shape.tiles() < work.columns && work.panels >= threads;
  return {.packed_bytes = work.panels * work.u_panel() * 4,
          .workspace_bytes = work.bytes(),
          .unpacked_bytes = few ? Work<Form>(problem, table.f32, threads, true).bytes() : 0};
}

// U[panel][position][source channel][column]
template <class Form>
void pack(const ConvProblem& problem, const KernelTable& table, int threads, const void* weights, std::byte* packed) {
  const Work<Form> work(problem, table.f32, threads);
  const bool forward = problem.direction == Direction::forward;
  parallel_for(work.panels, threads, [&](int64_t begin, int64_t end, int) {
    for (int64_t panel = begin; panel < end; ++panel)
      pack_panel(work, static_cast<const float*>(weights), forward, panel,
                 reinterpret_cast<float*>(packed) + panel * work.u_panel());
  });
}

template <class Form>
void run(const ConvProblem& problem, const KernelTable& table, int threads, const ConvTensors& tensors,
         const std::byte* packed, std::byte* workspace) {
  const Work<Form> work(problem, table.f32, threads, packed == nullptr);
  const bool forward = problem.direction == Direction::forward;
  float *src = static_cast<float*>(tensors.src), *dst = static_cast<float*>(tensors.dst);
  if (!forward) std::swap(src, dst);
  const Operands operands{.source = src,
                          .u = reinterpret_cast<const float*>(packed),
                          .weights = static_cast<const float*>(tensors.weights),
                          .bias = static_cast<const float*>(tensors.bias),
                          .epilogue = epilogue_of<float>(problem, tensors),
                          .produced = dst,
                          .forward = forward};
  run_shape(work, operands, reinterpret_cast<float*>(workspace));
}

template <class Form>
constexpr ConvAlgorithm kAlgorithm = {Form::kName,  false,      refuse<Form>, decline<Form>,
                                      memory<Form>, pack<Form>, run<Form>};

}  // namespace

const ConvAlgorithm kWinograd4Transposed = kAlgorithm<Transposed>;
const ConvAlgorithm kWinograd4 = kAlgorithm<Large>;
const ConvAlgorithm kWinograd2 = kAlgorithm<Small>;
const ConvAlgorithm kWinograd2For5x5 = kAlgorithm<FiveByFive>;
const ConvAlgorithm kWinograd3Stride2 = kAlgorithm<Strided>;
const ConvAlgorithm kWinograd4Line3 = kAlgorithm<LineOfThree>;
const ConvAlgorithm kWinograd4Line5 = kAlgorithm<LineOfFive>;
const ConvAlgorithm kWinograd2Line7 = kAlgorithm<LineOfSeven>;

}  // namespace pyconv
