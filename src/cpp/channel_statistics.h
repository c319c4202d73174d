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
// channel_gradient_sums throws std::bad_alloc when there is no memory for its workspace.
void channel_moments(const KernelTable& table, const ChannelRows& size, const void* src, void* mean, void* variance);

// z[r][j] = (src[r][j] - centre[j]) * scale[j] + shift[j], and an activation of that.
struct Normalization {
  const void *src, *centre, *scale, *shift;
  Activation activation = Activation::linear;
  double negative_slope = 0;
};

// dst = activation(z + residual); residual, like dst, is 0 if it is null.
void channel_normalize(const KernelTable& table, const ChannelRows& size, const Normalization& of, const void* residual,
                       void* dst);

// Without residual, d[r][j] = diff_dst[r][j] times the activation's derivative at z[r][j], and for each channel:
//
//   sums[j] = sum over r of d[r][j];  products[j] = sum over r of d[r][j] * (src[r][j] - centre[j])
void channel_gradient_sums(const KernelTable& table, const ChannelRows& size, const Normalization& of,
                           const void* diff_dst, void* sums, void* products);

// diff_src[r][j] = d[r][j] * scale[j] + (src[r][j] - centre[j]) * slope[j] + lift[j], where centre and scale are of src
// too, and so slope and lift what they owe to it.
void channel_normalize_backward(const KernelTable& table, const ChannelRows& size, const Normalization& of,
                                const void* diff_dst, const void* slope, const void* lift, void* diff_src);

// diff_src[i] = diff_dst[i] times the derivative of an activation with the result dst[i]      i < count
void activation_backward(const KernelTable& table, DType dtype, Activation activation, double negative_slope,
                         int64_t count, const void* dst, const void* diff_dst, void* diff_src);

}  // namespace pyconv
