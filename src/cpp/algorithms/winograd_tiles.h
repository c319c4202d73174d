// winograd_tiles.h: the shapes of Winograd's algorithms, where their tiles lie, and the transform of patches of the
// source, which forward and both gradients begin with.
#pragma once

#include <algorithm>
#include <utility>

#include "../algorithms.h"
#include "../buffer.h"
#include "../taps.h"

namespace pyconv {

// Elements first, first + step, ... (count of them) of a side that lie in [0, size), as a half-open range.
inline std::pair<int64_t, int64_t> inside(int64_t first, int64_t step, int64_t count, int64_t size) {
  const int64_t begin = first < 0 ? std::min(count, ceil_div(-first, step)) : 0;
  const int64_t end = first < size ? std::min(count, ceil_div(size - first, step)) : 0;
  return {begin, std::max(begin, end)};
}

// Tiles that are transformed and multiplied at a time: more would gain nothing. A Form's kMinBlock says how few read a
// panel of U from the L3 cache too often.
constexpr int64_t kMaxBlock = 48;

// V and M of a block together: three quarters of an L2 cache of 1 MB, the rest is for U's panel and the source.
constexpr int64_t kBlockBytes = 768 * 1024;

// F(kTile x kTile, kKernel x kKernel), or F(kTile, kKernel) along one axis for a kernel with one line; the tiles at a
// time below which the weights are read too often; the products of a result below which its error would be more
// than 2.5 times that of a plain sum (see winograd.cpp); and the cycles that 16 channels of a tile take in the
// transforms of the input and of the output: measured at 48 and 33, 22 and 11, 48 and 16 ns at 3.7 GHz; the others' are
// estimates from those, by the vectors that they load and store.
//
// With a stride of 2 the even elements of the kernel only meet even pixels of the patch, and the odd ones odd pixels.
// Each phase is a convolution of stride 1 with a kernel of two elements or one; at the same points their products may
// be added before the transform of the output, which so is that of one phase.
//
// Transposed is the algorithm of Large backwards, a data gradient: its tiles lie on the source, side by side, and what
// they add to lies on the produced image, each kKernel - 1 pixels over the next. Without padding the image that is
// produced is the larger one, and is cut into more tiles than the source: of 13 x 13 pixels 16, of their 11 x 11
// results' gradients 9.
struct Usual {  // what most have in common
  static constexpr int64_t kStride = 1, kMinBlock = 16;
  static constexpr bool kLine = false, kTransposed = false;
};
struct Large : Usual {
  static constexpr const char* kName = "winograd4";
  static constexpr int64_t kTile = 4, kKernel = 3;
  static constexpr double kMinProducts = 180, kInputCycles = 180, kOutputCycles = 120;
  static constexpr auto kTransforms = &Kernels<float>::winograd4;
};
struct Transposed : Usual {
  static constexpr const char* kName = "winograd4_transposed";
  static constexpr int64_t kTile = 4, kKernel = 3;
  static constexpr bool kTransposed = true;
  static constexpr double kMinProducts = 180, kInputCycles = 100, kOutputCycles = 200;
  static constexpr auto kTransforms = &Kernels<float>::winograd4_transposed;
};
struct Small : Usual {
  static constexpr const char* kName = "winograd2";
  static constexpr int64_t kTile = 2, kKernel = 3;
  static constexpr double kMinProducts = 0, kInputCycles = 80, kOutputCycles = 40;
  static constexpr auto kTransforms = &Kernels<float>::winograd2;
};
struct FiveByFive : Usual {
  static constexpr const char* kName = "winograd2_5x5";
  static constexpr int64_t kTile = 2, kKernel = 5;
  static constexpr double kMinProducts = 180, kInputCycles = 180, kOutputCycles = 60;
  static constexpr auto kTransforms = &Kernels<float>::winograd2_5x5;
};
struct Strided : Usual {
  static constexpr const char* kName = "winograd3_stride2";
  // More than usual: a point reads up to four positions of U, and 28 made 288 to 384 channels 1.1 times as fast.
  static constexpr int64_t kTile = 3, kKernel = 3, kStride = 2, kMinBlock = 28;
  static constexpr double kMinProducts = 0, kInputCycles = 180, kOutputCycles = 50;
  static constexpr auto kTransforms = &Kernels<float>::winograd3_stride2;
};
struct LineOfThree : Usual {
  static constexpr const char* kName = "winograd4_line3";
  static constexpr int64_t kTile = 4, kKernel = 3;
  static constexpr bool kLine = true;
  static constexpr double kMinProducts = 24, kInputCycles = 50, kOutputCycles = 45;
  static constexpr auto kTransforms = &Kernels<float>::winograd4_line3;
};
struct LineOfFive : Usual {
  static constexpr const char* kName = "winograd4_line5";
  static constexpr int64_t kTile = 4, kKernel = 5;
  static constexpr bool kLine = true;
  static constexpr double kMinProducts = 240, kInputCycles = 90, kOutputCycles = 60;
  static constexpr auto kTransforms = &Kernels<float>::winograd4_line5;
};
struct LineOfSeven : Usual {
  static constexpr const char* kName = "winograd2_line7";
  static constexpr int64_t kTile = 2, kKernel = 7;
  static constexpr bool kLine = true;
  static constexpr double kMinProducts = 400, kInputCycles = 90, kOutputCycles = 50;
  static constexpr auto kTransforms = &Kernels<float>::winograd2_line7;
};

// An image's sides, and elements from one of its rows, columns or images to the next.
struct Image {
  Image() = default;
  // Upright: what lies one after the other in memory is a column.
  Image(int64_t height_, int64_t width_, int64_t pixel, bool upright)
      : height(height_),
        width(width_),
        row(pixel * (upright ? 1 : width)),
        col(pixel * (upright ? height : 1)),
        whole(pixel * height * width) {}

  int64_t at(int64_t image, int64_t y, int64_t x) const { return image * whole + y * row + x * col; }

  int64_t height = 0, width = 0, row = 0, col = 0, whole = 0;
};

// Forward, which the weight gradient follows, or data gradient as one shape, the produced image cut into tiles of
// kRows x kTile, or the source where kTransposed:
//   produced[y][x] = sum over t < kKernelRows, u < kKernel of
//                    source[y * s + t * dh - pad_h][x * s + u * dw - pad_w] * kernel[t][u]
//
// with s = kStride. A kernel of one line always lies along x here: rows and columns change places if it stands upright.
template <class Form>
struct Shape {
  static constexpr int64_t kTile = Form::kTile, kKernel = Form::kKernel, kStride = Form::kStride;
  static constexpr int64_t kRows = Form::kLine ? 1 : kTile, kKernelRows = Form::kLine ? 1 : kKernel;
  // Of a patch, which a tile of results is made of, and of the transformed patch and kernel. Their products are summed
  // at kSums points.
  static constexpr int64_t kPatch = (kTile - 1) * kStride + kKernel, kPatchRows = Form::kLine ? 1 : kPatch;
  static constexpr int64_t kPositions = kPatchRows * kPatch;
  static constexpr int64_t kPoints = (kPatch + kStride - 1) / kStride, kSums = (Form::kLine ? 1 : kPoints) * kPoints;
  // Of the pixels that a tile is transformed from, and of those it becomes.
  static constexpr int64_t kFromRows = Form::kTransposed ? kRows : kPatchRows,
                           kFrom = Form::kTransposed ? kTile : kPatch;
  static constexpr int64_t kToRows = Form::kTransposed ? kPatchRows : kRows, kTo = Form::kTransposed ? kPatch : kTile;

  explicit Shape(const ConvProblem& problem) {
    const bool upright = Form::kLine && problem.axes[kHeight].k > 1;
    const Axis &h = problem.axes[upright ? kWidth : kHeight], &w = problem.axes[upright ? kHeight : kWidth];
    forward = problem.direction != Direction::backward_data;
    groups = problem.g;
    images = problem.mb * problem.axes[kDepth].o;  // the depth is only a second batch axis here
    ic = forward ? problem.ic : problem.oc;
    oc = forward ? problem.oc : problem.ic;
    const Image src(h.i, w.i, problem.src_stride, upright), dst(h.o, w.o, problem.dst_stride, upright);
    source = forward ? src : dst;
    produced = forward ? dst : src;
    dh = Form::kLine ? 1 : h.d;
    dw = w.d;
    // Turned round, the kernel reaches as far to the other side.
    pad_h = Form::kTransposed ? 0 : forward ? h.pad_begin : (kKernelRows - 1) * dh - h.pad_begin;
    pad_w = Form::kTransposed ? 0 : forward ? w.pad_begin : (kKernel - 1) * dw - w.pad_begin;
    // Each phase of the dilation is an image of its own, every dh-th row and dw-th column; the first is the largest.
    const Image& cut = Form::kTransposed ? source : produced;
    tile_rows = ceil_div(ceil_div(cut.height, dh), kRows);
    tile_cols = ceil_div(ceil_div(cut.width, dw), kTile);
  }

  int64_t image_tiles() const { return dh * dw * tile_rows * tile_cols; }
  int64_t tiles() const { return images * image_tiles(); }

  bool forward;
  Image source, produced;
  int64_t groups, images, ic, oc, dh, dw, pad_h, pad_w, tile_rows, tile_cols;
};

// How many source channels are transformed at once where there are groups, which read none but their own: about
// kRunChannels, in runs of about as many. With all 512 or 1024 a block had so few tiles that it waited for the weights
// of all groups, and took 1.1 to 1.6 times as long; 32 took up to 1.15 times, for the short pieces of each pixel.
constexpr int64_t kRunChannels = 128;
inline int64_t run_of_groups(int64_t ic, int64_t groups) {
  return ceil_div(groups, ceil_div(ic, kRunChannels)) * (ic / groups);
}

// How many tiles of so many source channels a block has at most, whose M is as wide as a panel.
template <class Form>
int64_t fitting_tiles(int64_t ic, int64_t panel) {
  const int64_t bytes =
      (Shape<Form>::kPositions * ic + Shape<Form>::kSums * panel) * static_cast<int64_t>(sizeof(float));
  return std::clamp(kBlockBytes / bytes, Form::kMinBlock, kMaxBlock);
}

// Where a tile lies: its image, the first of its produced pixels, and the first pixel of its patch of the source.
// Phases along the width lie side by side in memory, so their tiles follow each other: lines dilated by 128 to 512 took
// up to 1.1 times as long when each phase came whole.
template <class Form>
struct Place {
  Place(const Shape<Form>& shape, int64_t tile) {
    const int64_t phase_w = tile % shape.dw, col = tile / shape.dw % shape.tile_cols;
    const int64_t rest = tile / (shape.dw * shape.tile_cols);
    const int64_t row = rest % shape.tile_rows, phase_h = rest / shape.tile_rows % shape.dh;
    image = rest / (shape.tile_rows * shape.dh);
    y = phase_h + row * shape.kRows * shape.dh;
    x = phase_w + col * shape.kTile * shape.dw;
    source_y = y * shape.kStride - shape.pad_h;
    source_x = x * shape.kStride - shape.pad_w;
  }
  int64_t image, y, x, source_y, source_x;
};

// Of the taps of a result, those that fall on the source rather than on padding, on average.
inline double mean_taps(const ConvProblem& problem) {
  const bool forward = problem.direction != Direction::backward_data;
  double product = 1;
  for (const Axis& axis : {problem.axes[kHeight], problem.axes[kWidth]}) {
    const int64_t produced = forward ? axis.o : axis.i;
    int64_t taps = 0;
    for (int64_t x = 0; x < produced; ++x) taps += (forward ? forward_taps(axis, x) : backward_taps(axis, x)).count;
    product *= static_cast<double>(taps) / static_cast<double>(produced);
  }
  return product;
}

// From a position of transformed tiles, or weights, to the next: a cache line more than its rows of channels take. Were
// it a multiple of 4 KB, as it would often be, all positions of a row would fall into one set of the L1 cache, and the
// transforms took twice as long.
inline int64_t position_size(int64_t rows, int64_t channels) {
  constexpr int64_t line = kAlignment / static_cast<int64_t>(sizeof(float));
  return rows * channels + line;
}

// Patches of kRows x kCols pixels become tiles [position][tile][channel] of as many positions.
struct Patches {
  const float* data;
  Image image;
  int64_t channels;
  int64_t step_h, step_w;  // from one pixel of a patch to the next

  // The patch whose first pixel is (y, x), which may lie outside: then a copy, with zeros where there is no image.
  template <int64_t kRows, int64_t kCols>
  TransformArgs<float> at(int64_t index, int64_t y, int64_t x, float* copy) const {
    const auto [top, bottom] = inside(y, step_h, kRows, image.height);
    const auto [left, right] = inside(x, step_w, kCols, image.width);
    const int64_t row = step_h * image.row, col = step_w * image.col;
    const float* corner = data + image.at(index, y, x);
    if (bottom - top == kRows && right - left == kCols)
      return {.src = corner, .src_row = row, .src_col = col, .channels = channels};
    std::fill_n(copy, kRows * kCols * channels, 0.0f);
    for (int64_t r = top; r < bottom; ++r)
      for (int64_t c = left; c < right; ++c)
        std::copy_n(corner + r * row + c * col, channels, copy + (r * kCols + c) * channels);
    return {.src = copy, .src_row = kCols * channels, .src_col = channels, .channels = channels};
  }
};

// Source channels first, first + 1, ... (count of them), which V has side by side.
struct Channels {
  int64_t first, count;
};

// V of some channels, [position][tile][row], and tiles [begin, end) of a block that starts at tile first.
template <class Form>
void transform_input(const Shape<Form>& shape, void (*transform)(const TransformArgs<float>&), const float* source,
                     const Channels& channels, int64_t row, int64_t first, int64_t begin, int64_t end,
                     int64_t v_position, float* v, float* copy) {
  using S = Shape<Form>;
  const Patches patches{source + channels.first, shape.source, channels.count, shape.dh, shape.dw};
  for (int64_t tile = begin; tile < end; ++tile) {
    const Place<Form> place(shape, first + tile);
    TransformArgs<float> args = patches.at<S::kFromRows, S::kFrom>(place.image, place.source_y, place.source_x, copy);
    args.dst = v + tile * row;
    args.dst_row = S::kPatch * v_position;
    args.dst_col = v_position;
    transform(args);
  }
}

}  // namespace pyconv
