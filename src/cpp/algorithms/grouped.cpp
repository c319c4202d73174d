// grouped.cpp: convolution with a few channels a group, forward and data gradient; several filters a channel are such
// groups, too. A vector of results holds channels of several groups. Not the weight gradient.
#include <algorithm>
#include <utility>
#include <vector>

#include "../algorithms.h"
#include "../buffer.h"
#include "rectangles.h"

namespace pyconv {
namespace {

// What a tile of pixels reads of source and weights. They come from the L2 cache in the order in which they are read,
// and many multiply-adds follow each load: a quarter of this, which stays in the L1 cache but cuts the pixels into more
// blocks of channels, took 1.05 times as long, and 1.1 times with two threads.
constexpr int64_t kGroupedTileBytes = 64 * 1024;

// The first produced channel of each vector of results, and behind the last vector their number. A vector holds
// channels one after the other of whose groups' source channels one vector holds every depth-th: whole groups, or parts
// of groups where that makes fewer vectors.
std::vector<int64_t> cut_channels(int64_t groups, int64_t depth, int64_t columns, int64_t lanes) {
  const int64_t channels = groups * columns, groups_read = (lanes - 1) / depth + 1;
  const auto cut = [&](bool whole) {
    std::vector<int64_t> firsts{0};
    while (firsts.back() < channels) {
      const int64_t first = firsts.back(), group = first / columns;
      const int64_t end = std::min({channels, first + lanes, (group + groups_read) * columns});
      firsts.push_back(whole && end / columns > group ? end / columns * columns : end);
    }
    return firsts;
  };
  std::vector<int64_t> whole = cut(true), parts = cut(false);
  return parts.size() < whole.size() ? parts : whole;
}

// Which produced channels each vector holds, which source channels its lanes read, and where all that and the weights
// lie in packed memory:
//
//   first[vector] lanes[vector] offset[vector][source channel] lane[vector][source channel][lane]
//   weights[vector][source channel][tap][lane]
template <class T>
struct Layout {
  using Lane = typename GroupedArgs<T>::Lane;

  Layout(const ConvProblem& problem, const Kernels<T>& kernels)
      : gather(problem),
        taps(problem.taps()),
        depth(gather.source_channels() / problem.g),
        columns(gather.produced_channels() / problem.g),
        lanes(kernels.lanes),
        firsts(cut_channels(problem.g, depth, columns, lanes)),
        vectors(static_cast<int64_t>(firsts.size()) - 1) {}

  int64_t first(int64_t vector) const { return firsts[static_cast<size_t>(vector)]; }
  int64_t lanes_of(int64_t vector) const { return first(vector + 1) - first(vector); }

  // Where the vector begins that holds channel q of each group. If one holds all channels of the groups it is the same
  // for all of them, and aligned if it can be. It ends within the pixel.
  int64_t source(int64_t vector, int64_t q) const {
    const int64_t low = first(vector) / columns * depth, high = (first(vector + 1) - 1) / columns * depth;
    const int64_t aligned = low / lanes * lanes;
    const int64_t begin = high + depth <= aligned + lanes ? aligned : high + depth <= low + lanes ? low : low + q;
    return std::min(begin, gather.source_channels() - lanes);
  }

  // Offsets into packed memory.
  int64_t lanes_at() const { return align_up(vectors * 8); }
  int64_t offset_at() const { return 2 * lanes_at(); }
  int64_t lane_at() const { return offset_at() + align_up(vectors * depth * 8); }
  int64_t weights_at() const { return lane_at() + vectors * depth * lanes * static_cast<int64_t>(sizeof(T)); }
  int64_t bytes() const { return weights_at() + vectors * depth * taps * lanes * static_cast<int64_t>(sizeof(T)); }

  Gather gather;
  int64_t taps;
  int64_t depth;    // source channels of a group
  int64_t columns;  // produced channels of a group
  int64_t lanes;    // of this ISA's vectors
  std::vector<int64_t> firsts;
  int64_t vectors;
};

std::string refuse(const ConvProblem& problem) {
  if (problem.g == 1) return "one group";
  if (problem.direction == Direction::backward_weights) return "weight gradient not served";
  const int64_t source_channels = problem.direction == Direction::forward ? problem.ic : problem.oc;
  if (source_channels < widest_lanes(problem)) return "fewer source channels than a vector holds";
  return "";
}

// Direct convolution begins a vector of results for every group. Its tiles are two vectors wide, which broadcast a
// source element for both: a quarter of the vectors must be saved to do better.
std::string decline(const ConvProblem& problem, const KernelTable&) {
  const bool forward = problem.direction == Direction::forward;
  const int64_t columns = forward ? problem.group_oc() : problem.group_ic();
  const int64_t depth = forward ? problem.group_ic() : problem.group_oc();
  const int64_t lanes = widest_lanes(problem);
  const auto vectors = static_cast<int64_t>(cut_channels(problem.g, depth, columns, lanes).size()) - 1;
  if (4 * vectors > 3 * problem.g * ceil_div(columns, lanes)) return "groups share too few vectors";
  return "";
}

ConvMemory memory(const ConvProblem& problem, const KernelTable& table, int threads) {
  return with_dtype(problem.dtype, [&]<class T>() -> ConvMemory {
    return {.packed_bytes = Layout<T>(problem, table.kernels<T>()).bytes(),
            .workspace_bytes = tap_offset_bytes(problem, threads)};
  });
}

template <class T>
void pack_vector(const ConvProblem& problem, const Layout<T>& layout, int64_t vector, const T* weights,
                 std::byte* packed) {
  const int64_t first = layout.first(vector), count = layout.lanes_of(vector), lanes = layout.lanes;
  const int64_t depth = layout.depth, columns = layout.columns, taps = layout.taps;
  reinterpret_cast<int64_t*>(packed)[vector] = first;
  reinterpret_cast<int64_t*>(packed + layout.lanes_at())[vector] = count;
  for (int64_t q = 0; q < depth; ++q) {
    const int64_t at = vector * depth + q, begin = layout.source(vector, q);
    reinterpret_cast<int64_t*>(packed + layout.offset_at())[at] = begin;
    auto* lane = reinterpret_cast<typename Layout<T>::Lane*>(packed + layout.lane_at()) + at * lanes;
    T* out = reinterpret_cast<T*>(packed + layout.weights_at()) + at * taps * lanes;
    std::fill_n(lane, lanes, 0);
    std::fill_n(out, taps * lanes, T{0});
    for (int64_t i = 0; i < count; ++i) {
      const int64_t channel = first + i, group = channel / columns, source = group * depth + q;
      lane[i] = static_cast<typename Layout<T>::Lane>(source - begin);
      for (int64_t tap = 0; tap < taps; ++tap)  // the data gradient counts them from the last
        out[tap * lanes + i] = layout.gather.forward
                                   ? weights[(tap * depth + q) * problem.oc + channel]
                                   : weights[((taps - 1 - tap) * columns + channel % columns) * problem.oc + source];
    }
  }
}

void pack(const ConvProblem& problem, const KernelTable& table, int, const void* weights, std::byte* packed) {
  with_dtype(problem.dtype, [&]<class T>() {
    const Layout<T> layout(problem, table.kernels<T>());
    for (int64_t vector = 0; vector < layout.vectors; ++vector)
      pack_vector<T>(problem, layout, vector, static_cast<const T*>(weights), packed);
  });
}

template <class T>
void run_as(const ConvProblem& problem, const Kernels<T>& kernels, int threads, const T* source,
            const std::byte* packed, const T* bias, const Epilogue<T>& epilogue, T* produced, std::byte* workspace) {
  const Layout<T> layout(problem, kernels);
  const int64_t depth = layout.depth, weight_size = layout.taps * layout.lanes;
  const int64_t vector_bytes =
      tile_source_pixels(layout.gather, kernels) * kAlignment + depth * weight_size * static_cast<int64_t>(sizeof(T));
  const int64_t blocks = channel_blocks(layout.gather, threads, layout.vectors, vector_bytes, kGroupedTileBytes);
  const GatherTensors<T> tensors{.source = source,
                                 .weights = reinterpret_cast<const T*>(packed + layout.weights_at()),
                                 .weight_tap = layout.lanes,
                                 .produced = produced,
                                 .epilogue = epilogue};
  for_each_rectangle(layout.gather, blocks, threads, tensors, workspace, [&](int64_t block, DepthwiseArgs<T> args) {
    const int64_t begin = layout.vectors * block / blocks, end = layout.vectors * (block + 1) / blocks;
    args.weights += begin * depth * weight_size;
    args.bias = bias;
    kernels.grouped({.pixels = args,
                     .first = reinterpret_cast<const int64_t*>(packed) + begin,
                     .lanes = reinterpret_cast<const int64_t*>(packed + layout.lanes_at()) + begin,
                     .offset = reinterpret_cast<const int64_t*>(packed + layout.offset_at()) + begin * depth,
                     .lane = reinterpret_cast<const typename Layout<T>::Lane*>(packed + layout.lane_at()) +
                             begin * depth * layout.lanes,
                     .count = end - begin,
                     .depth = depth,
                     .weight_size = weight_size});
  });
}

void run(const ConvProblem& problem, const KernelTable& table, int threads, const ConvTensors& tensors,
         const std::byte* packed, std::byte* workspace) {
  with_dtype(problem.dtype, [&]<class T>() {
    const Kernels<T>& kernels = table.kernels<T>();
    T *src = static_cast<T*>(tensors.src), *dst = static_cast<T*>(tensors.dst);
    if (problem.direction == Direction::backward_data) std::swap(src, dst);
    run_as<T>(problem, kernels, threads, src, packed, static_cast<const T*>(tensors.bias),
              epilogue_of<T>(problem, tensors), dst, workspace);
  });
}

}  // namespace

const ConvAlgorithm kGrouped = {"grouped", true, refuse, decline, memory, pack, run};

}  // namespace pyconv
