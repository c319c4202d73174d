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
//   M[point][tile][column] = sum over positions of the point, ic of
//                            V[position][tile][ic] * U[panel][position][ic][column]
//   produced pixels of a tile = epilogue of the output transform of M[.][tile] + bias
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
#include "winograd_panels.h"

namespace pyconv {
namespace {

// A thread that is done with its blocks takes over what is left of another's, see parallel.cpp: the last of four, as
// its thread takes three at once. Four took 1.02 times as long as one with two equal threads, and 0.82 times where one
// was 1.5 times as slow.
constexpr int64_t kBlocksPerThread = 4;

// The error of the transforms hardly grows with the number of products that a result sums, that of a plain sum with its
// root: with six points in two dimensions, at 180 products (20 channels) it is 2.15 to 2.35 times as large, at 144 up
// to 2.5, at 72 up to 3.1, all on normal numbers and over all instruction sets. Hence a Form's kMinProducts.

// What the threads share, and the memory that they work in. V of some tiles is made and multiplied with the panels:
//
//   enough tiles   V of a block of tiles, each thread one of its own, with all panels
//   and in groups  the same with the panels of some groups, and V of the channels that these read
//   too few        V of all tiles, one for all threads, which make it together and then share the panels
//   and in groups  V of all tiles and of the channels that the groups of a panel read, each thread one of its own: what
//                  few panels read is not worth fetching from another core
//
// Tiles are too few where blocks of them would read the weights too often, or a thread would have none.
template <class Form>
struct Work {
  Work(const ConvProblem& problem, const Kernels<float>& table, int threads_asked, bool packs_panels = false)
      : shape(problem),
        kernels(table),
        transforms(table.*Form::kTransforms),
        panels(shape, table),
        threads(threads_asked),
        packs(packs_panels) {
    if (Form::kTransposed) unit = shape.image_tiles();
    if (packs || shape.tiles() < Form::kMinBlock * threads || units() < threads)
      share_panels();
    else
      share_tiles();
  }

  void share_tiles() {
    if (shape.groups > 1) share_groups(ceil_div(run_of_groups(shape.ic, shape.groups), panels.sharing * panels.depth));
    const int64_t tiles = shape.tiles(), share = ceil_div(tiles, threads), rows = kernels.tile_rows;
    const int64_t fitting = std::max(Form::kMinBlock, fitting_tiles<Form>(run, panels.width) / rows * rows);
    const int64_t blocks = threads > 1 ? ceil_div(kBlocksPerThread, runs) : 1;
    const int64_t several = std::max(Form::kMinBlock, ceil_div(share, blocks));
    v_tiles = block = whole_units(std::min({fitting, share, several}));
    cuts = ceil_div(ceil_div(tiles, block), threads) * threads;  // as many for each thread
  }

  // Panels that don't go evenly into the threads are cut into so many parts of the tiles, which do: of three panels one
  // of two threads had two, and that took 1.1 to 1.3 times as long. But not into less than the kernel's tiles, which
  // wait for U: as many tiles, of fewer pixels, took 1.2 times as long.
  void share_panels() {
    v_tiles = shape.tiles();
    block = whole_units(packs ? std::min(kMaxBlock, v_tiles) : v_tiles);
    share_groups(1);
    one_v = runs == 1;
    const int64_t even = threads / std::gcd(panels.count, int64_t{threads});
    if (one_v && !packs) cuts = std::max(int64_t{1}, std::min({even, units(), v_tiles / kernels.tile_rows}));
  }

  // Runs of so many panels of different groups, each with all panels of its groups.
  void share_groups(int64_t panels_at_once) {
    const int64_t all = panels.count / panels.per_group, at_once = std::min(all, panels_at_once);
    run = std::min(shape.ic, at_once * panels.sharing * panels.depth);
    runs = ceil_div(all, at_once);
    panels_of_run = at_once * panels.per_group;
  }

  int64_t units() const { return shape.tiles() / unit; }
  int64_t whole_units(int64_t tiles) const { return std::max(int64_t{1}, tiles / unit) * unit; }
  int64_t first_tile(int64_t cut) const { return units() * cut / cuts * unit; }

  Channels channels(int64_t index) const { return {index * run, std::min(run, shape.ic - index * run)}; }

  int64_t v_position() const { return position_size(v_tiles, run); }
  int64_t m_position() const { return position_size(block, panels.width); }

  // The memory: V if it is one, and for each thread M, a patch, U of a panel if it packs, and V if it has its own.
  int64_t v_size() const { return Shape<Form>::kPositions * v_position(); }
  int64_t m_size() const { return Shape<Form>::kSums * m_position(); }
  int64_t patch_size() const { return aligned(Shape<Form>::kPositions * run); }
  int64_t u_size() const { return packs ? panels.u_size() : 0; }
  int64_t common_size() const { return one_v ? aligned(v_size()) : 0; }
  int64_t thread_size() const { return aligned(m_size() + patch_size() + u_size() + (one_v ? 0 : v_size())); }
  int64_t bytes() const { return (common_size() + threads * thread_size()) * 4; }

  static int64_t aligned(int64_t floats) { return align_up(floats * 4) / 4; }

  Shape<Form> shape;
  const Kernels<float>& kernels;
  const WinogradKernels<float>& transforms;
  Panels<Form> panels;
  int threads;
  bool packs;                        // a panel of the weights before its products
  int64_t unit = 1;                  // tiles of one thread, one after the other, as they overlap: those of an image
  int64_t v_tiles, block;            // tiles of a V, and of them those multiplied at a time
  int64_t run = shape.ic, runs = 1;  // source channels of a V, and of how many such V consists
  int64_t panels_of_run = panels.count;
  bool one_v = false;  // for all threads
  int64_t cuts = 1;    // parts of the tiles that are shared
};

// Where a thread works.
struct Scratch {
  template <class Form>
  Scratch(const Work<Form>& work, float* workspace, int thread)
      : m(workspace + work.common_size() + thread * work.thread_size()),
        patch(m + work.m_size()),
        u(patch + work.patch_size()),
        v(work.one_v ? workspace : u + work.u_size()) {}

  float *m, *patch, *u, *v;
};

// Source and produced are src and dst, or dst and src for the data gradient. There is u, or weights if the run packs
// them.
struct Operands {
  const float* source;
  const float *u, *weights;
  const float* bias;
  Epilogue<float> epilogue;
  float* produced;
};

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

// The products of one panel, u, with tiles [first, last) of which v is the V, and their results.
template <class Form>
void multiply(const Work<Form>& work, const Operands& operands, const float* u, const float* v, int64_t first,
              int64_t last, int64_t panel, float* m) {
  const Shape<Form>& s = work.shape;
  const Panels<Form>& panels = work.panels;
  const PanelChannels part = panels.channels(panel);
  for (int64_t point = 0; point < s.kSums; ++point) {
    int64_t in_v[Form::kStride * Form::kStride], in_u[Form::kStride * Form::kStride];
    const int64_t row = point / s.kPoints, col = point % s.kPoints;
    const int64_t count = positions_of<Form>(row, col, work.v_position(), in_v);
    positions_of<Form>(row, col, panels.u_position(), in_u);
    for (int64_t j = 0; j < part.groups; ++j)
      work.kernels.brgemm({.a = v + (part.first_group + j) * panels.depth % work.run,
                           .a_taps = in_v,
                           .a_row = work.run,
                           .b = u + j * part.columns,
                           .b_taps = in_u,
                           .b_k = panels.kernel_panel,
                           .b_panel = panels.depth * panels.kernel_panel,
                           .taps = count,
                           .k = panels.depth,
                           .c = m + point * work.m_position() + j * part.columns,
                           .c_row = panels.width,
                           .rows = last - first,
                           .cols = part.columns});
  }
  for (int64_t tile = first; tile < last; ++tile) {
    const Place<Form> place(s, tile);
    // A tile that isn't the first in its row or column adds to what the one before it has left.
    constexpr int64_t overlap = Form::kTransposed ? s.kKernel - 1 : 0;
    const int64_t produced_at = s.produced.at(place.image, place.y, place.x) + part.channel;
    work.transforms.output({.src = m + (tile - first) * panels.width,
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

// The results of one panel for tiles [first, last), block by block; v is the V of the first.
template <class Form>
void produce(const Work<Form>& work, const Operands& operands, int64_t panel, int64_t first, int64_t last,
             const float* v, const Scratch& scratch) {
  if (work.packs) pack_panel(work.shape, work.panels, work.kernels, operands.weights, panel, scratch.u);
  const float* u = work.packs ? scratch.u : operands.u + panel * work.panels.u_size();
  for (int64_t tile = first; tile < last; tile += work.block)
    multiply(work, operands, u, v + (tile - first) * work.run, tile, std::min(tile + work.block, last), panel,
             scratch.m);
}

template <class Form>
void run_shape(const Work<Form>& work, const Operands& operands, float* workspace) {
  const int64_t cuts = work.cuts;
  const auto transform = [&](int64_t run, int64_t first, int64_t begin, int64_t end, const Scratch& scratch) {
    transform_input(work.shape, work.transforms.input, operands.source, work.channels(run), work.run, first, begin, end,
                    work.v_position(), scratch.v, scratch.patch);
  };
  if (!work.one_v) {
    parallel_for(work.runs * cuts, work.threads, [&](int64_t begin, int64_t end, int thread) {
      const Scratch scratch(work, workspace, thread);
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t run = piece / cuts, cut = piece % cuts;
        const int64_t first = work.first_tile(cut), last = work.first_tile(cut + 1);
        transform(run, first, 0, last - first, scratch);
        const int64_t begin_panel = run * work.panels_of_run;
        const int64_t end_panel = std::min(begin_panel + work.panels_of_run, work.panels.count);
        for (int64_t panel = begin_panel; panel < end_panel; ++panel)
          produce(work, operands, panel, first, last, scratch.v, scratch);
      }
    });
    return;
  }
  parallel_for(work.shape.tiles(), work.threads, [&](int64_t begin, int64_t end, int thread) {
    transform(0, 0, begin, end, Scratch(work, workspace, thread));
  });
  parallel_for(work.panels.count * cuts, work.threads, [&](int64_t begin, int64_t end, int thread) {
    const Scratch scratch(work, workspace, thread);
    while (begin < end) {  // the parts of a panel that this thread has, at once
      const int64_t panel = begin / cuts, cut = begin % cuts, last_cut = std::min(cuts, cut + end - begin);
      const int64_t first = work.first_tile(cut);
      produce(work, operands, panel, first, work.first_tile(last_cut), scratch.v + first * work.run, scratch);
      begin += last_cut - cut;
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
  // Of few channels a group the estimates are no better than a tenth: said to take 0.89 times as long, 16 a group took
  // 0.74 to 0.92 times; said to take 0.99 times, 18 took 0.99 to 1.11 times.
  const double least = problem.g > 1 ? 0.95 : 1;
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
  const Panels<Form>& panels = work.panels;
  const bool few = work.shape.tiles() < panels.columns && panels.count >= threads;
  return {.packed_bytes = panels.count * panels.u_size() * 4,
          .workspace_bytes = work.bytes(),
          .unpacked_bytes = few ? Work<Form>(problem, table.f32, threads, true).bytes() : 0};
}

template <class Form>
void pack(const ConvProblem& problem, const KernelTable& table, int threads, const void* weights, std::byte* packed) {
  const Shape<Form> shape(problem);
  const Panels<Form> panels(shape, table.f32);
  float* u = reinterpret_cast<float*>(packed);
  parallel_for(panels.count, threads, [&](int64_t begin, int64_t end, int) {
    for (int64_t panel = begin; panel < end; ++panel)
      pack_panel(shape, panels, table.f32, static_cast<const float*>(weights), panel, u + panel * panels.u_size());
  });
}

template <class Form>
void run(const ConvProblem& problem, const KernelTable& table, int threads, const ConvTensors& tensors,
         const std::byte* packed, std::byte* workspace) {
  const Work<Form> work(problem, table.f32, threads, packed == nullptr);
  float *src = static_cast<float*>(tensors.src), *dst = static_cast<float*>(tensors.dst);
  if (!work.shape.forward) std::swap(src, dst);
  const Operands operands{.source = src,
                          .u = reinterpret_cast<const float*>(packed),
                          .weights = static_cast<const float*>(tensors.weights),
                          .bias = static_cast<const float*>(tensors.bias),
                          .epilogue = epilogue_of<float>(problem, tensors),
                          .produced = dst};
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
