// channel_statistics.h: moments and normalisation of the channels of many pixels: batch normalisation in training.
#pragma once

#include "kernel_table.h"
#include "problem.h"

namespace pyconv {

// (rows, channels), dense.
struct ChannelRows {
  DType dtype = DType::f32;
  int64_t rows = 0, channels = 0;
};

// mean[j] and variance[j] of src[.][j], the mean squared distance from the mean; rows must not be 0. Like
// channel_products throws std::bad_alloc when there is no memory for its workspace.
void channel_moments(const KernelTable& table, const ChannelRows& size, const void* src, void* mean, void* variance);

// sums[j] = sum over r of other[r][j];  products[j] = sum over r of other[r][j] * (src[r][j] - centre[j])
void channel_products(const KernelTable& table, const ChannelRows& size, const void* src, const void* centre,
                      const void* other, void* sums, void* products);

// dst[r][j] = (src[r][j] - centre[j]) * scale[j] + shift[j] + other[r][j] * factor[j]      without other if it is null
struct Normalization {
  const void *src, *centre, *scale, *shift, *other, *factor;
  void* dst;
};
void channel_normalize(const KernelTable& table, const ChannelRows& size, const Normalization& arrays);

// diff_src[i] = diff_dst[i] times the derivative of an activation with the result dst[i]      i < count
void activation_backward(const KernelTable& table, DType dtype, Activation activation, double negative_slope,
                         int64_t count, const void* dst, const void* diff_dst, void* diff_src);

}  // namespace pyconv
