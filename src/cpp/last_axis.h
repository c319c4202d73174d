// last_axis.h: operations along the last axis of dense rows: softmax, and normalisation by a row's mean and variance.
#pragma once

#include "kernel_table.h"
#include "problem.h"

namespace pyconv {

struct Rows {
  DType dtype = DType::f32;
  int64_t rows = 0, channels = 0;
};

// The equations are those of RowArgs. dst may be src.
void softmax(const KernelTable& table, const Rows& size, const void* src, void* dst);

// centred: whether the mean is taken away. scale and shift, a number a channel, may be null.
struct RowNormalization {
  bool centred = true;
  double epsilon = 0;
  const void *scale = nullptr, *shift = nullptr;
};
void row_normalize(const KernelTable& table, const Rows& size, const RowNormalization& normalization, const void* src,
                   void* dst);

}  // namespace pyconv
