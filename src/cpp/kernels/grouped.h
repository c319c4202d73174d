// grouped.h: convolution with a few channels a group, forward and data gradient: depthwise.h's tiles of pixels, but
// with source vectors permuted so that each lane meets its own group. Not for groups that fill a vector.
#pragma once

#include "../kernel_table.h"
#include "depthwise.h"
#include "epilogue.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Reads a source vector with its lanes rearranged.
template <class T>
struct Permuted {
  LaneVec<T> lanes;
  Vec<T> operator()(const T* p) const { return permute<T>(load(p), lanes); }
};

// kRows pixels of a line, all vectors of channels.
template <class T, int kRows, int kAdvance>
void grouped_tile(const GroupedArgs<T>& arguments, const T* src, T* dst) {
  const GroupedArgs<T> args = arguments;  // a copy that no store to dst can change
  const DepthwiseArgs<T>& pixels = args.pixels;
  for (int64_t v = 0; v < args.count; ++v) {
    const int64_t first = args.first[v], lanes = args.lanes[v];
    const bool whole = lanes == kLanes<T>;
    const auto load_some = [&](const T* p) { return whole ? load(p) : load_partial(p, lanes); };
    const Vec<T> start = pixels.bias ? load_some(pixels.bias + first) : Vec<T>{};
    Vec<T> acc[kRows];
    for (int r = 0; r < kRows; ++r) acc[r] = start;
    for (int64_t q = 0; q < args.depth; ++q) {
      const int64_t at = v * args.depth + q;
      Permuted<T> read;
      __builtin_memcpy(&read.lanes, args.lane + at * kLanes<T>, sizeof read.lanes);
      add_taps<T, kRows, kAdvance>(acc, pixels, src + args.offset[at], pixels.weights + at * args.weight_size, read);
    }
    const Epilogue<T>& epilogue = pixels.epilogue;
    T* p = dst + first;
    if (epilogue.residual)
      for (int r = 0; r < kRows; ++r) acc[r] += load_some(epilogue.residual + (p - pixels.dst) + r * pixels.dst_row);
    if (epilogue.activation != Activation::linear)
      for (int r = 0; r < kRows; ++r) acc[r] = activate<T>(epilogue, acc[r]);
    for (int r = 0; r < kRows; ++r, p += pixels.dst_row) {
      if (whole)
        store(p, acc[r]);
      else
        store_partial(p, acc[r], lanes);
    }
  }
}

template <class T>
using GroupedTile = void (*)(const GroupedArgs<T>&, const T* src, T* dst);

template <class T, int kAdvance, int kRows = kDepthwiseRows>
GroupedTile<T> pick_grouped_tile(int64_t rows) {
  if (rows == kRows) return grouped_tile<T, kRows, kAdvance>;
  if constexpr (kRows > 1)
    return pick_grouped_tile<T, kAdvance, kRows - 1>(rows);
  else
    return nullptr;
}

template <class T>
void grouped(const GroupedArgs<T>& args) {
  const auto pick = args.pixels.src_row == args.pixels.src_step ? pick_grouped_tile<T, 1> : pick_grouped_tile<T, 0>;
  for_each_tile(args.pixels, kDepthwiseRows, [&](int64_t rows, const T* src, T* dst) { pick(rows)(args, src, dst); });
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
