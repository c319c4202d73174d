// grouped.h: convolution with a few channels a group, forward and data gradient: depthwise.h's sums, but with source
// vectors permuted so that each lane meets its own group. Not for groups that fill a vector.
#pragma once

#include "../kernel_table.h"
#include "depthwise.h"
#include "epilogue.h"
#include "pixel_tiles.h"
#include "simd.h"

namespace pyconv::PYCONV_ISA_NAME {
namespace {

// Reads a source vector with its lanes rearranged.
template <class T>
struct Permuted {
  LaneVec<T> lanes;
  Vec<T> operator()(const T* p) const { return permute<T>(load(p), lanes); }
};

// Stores some lanes of the sums of `rows` pixels, with an epilogue.
template <class T>
[[gnu::noinline]] void store_sums(const DepthwiseArgs<T>& args, const Vec<T>* sums, int rows, T* dst, int64_t lanes) {
  const bool whole = lanes == kLanes<T>;
  for (int r = 0; r < rows; ++r, dst += args.dst_row) {
    Vec<T> sum = sums[r];
    if (const T* residual = args.epilogue.residual) {
      residual += dst - args.dst;
      sum += whole ? load(residual) : load_partial(residual, lanes);
    }
    sum = activate<T>(args.epilogue, sum);
    if (whole)
      store(dst, sum);
    else
      store_partial(dst, sum, lanes);
  }
}

// Whether a vector is stored in part by a single instruction.
constexpr bool kStoresMasked = kVectorBytes == 64;

// kRows pixels of a line, all vectors of channels.
template <class T, int kRows, int kAdvance>
void grouped_tile(const GroupedArgs<T>& arguments, const T* src, T* dst) {
  const GroupedArgs<T> args = arguments;  // a copy that no store to dst can change
  const DepthwiseArgs<T>& pixels = args.pixels;
  for (int64_t v = 0; v < args.count; ++v) {
    const int64_t first = args.first[v], lanes = args.lanes[v];
    const bool whole = lanes == kLanes<T>;
    Vec<T> start{};
    if (const T* bias = pixels.bias) start = whole ? load(bias + first) : load_partial(bias + first, lanes);
    Vec<T> acc[kRows];
    for (int r = 0; r < kRows; ++r) acc[r] = start;
    for (int64_t q = 0; q < args.depth; ++q) {
      const int64_t at = v * args.depth + q;
      Permuted<T> read;
      __builtin_memcpy(&read.lanes, args.lane + at * kLanes<T>, sizeof read.lanes);
      add_taps<T, kRows, kAdvance, 3>(acc, pixels, src + args.offset[at], pixels.weights + at * args.weight_size, read);
    }
    T* p = dst + first;
    const bool linear = !pixels.epilogue.residual && pixels.epilogue.activation == Activation::linear;
    if (linear && whole) {
      for (int r = 0; r < kRows; ++r, p += pixels.dst_row) store(p, acc[r]);
    } else if (linear && kStoresMasked) {
      for (int r = 0; r < kRows; ++r, p += pixels.dst_row) store_partial(p, acc[r], lanes);
    } else {
      Vec<T> sums[kRows];  // a copy: acc, were its address known elsewhere, would not stay in registers
      for (int r = 0; r < kRows; ++r) sums[r] = acc[r];
      store_sums(pixels, sums, kRows, p, lanes);
    }
  }
}

template <class T>
struct GroupedTiles {
  template <int kRows, int kAdvance>
  static void tile(const GroupedArgs<T>& args, const T* src, T* dst) {
    grouped_tile<T, kRows, kAdvance>(args, src, dst);
  }
};

template <class T>
void grouped(const GroupedArgs<T>& arguments) {
  GroupedArgs<T> args = arguments;
  const bool turned = turn_if_short(args.pixels);
  run_tiles<GroupedTiles<T>>(args, args.pixels, turned);
}

}  // namespace
}  // namespace pyconv::PYCONV_ISA_NAME
