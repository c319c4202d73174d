// spread.h: copies of source pixels in which every produced channel finds one source channel of its group, so that
// grouped convolution becomes a depthwise one. No convolution itself.
#pragma once

#include <algorithm>
#include <vector>

#include "../kernel_table.h"
#include "../problem.h"

namespace pyconv {

// out[pixel][c] = src[pixel][c / columns * depth + q], for groups of depth source and columns produced channels: what
// the kernel of grouped convolution does with a single weight of 1. At least a vector of source channels.
template <class T>
class Spread {
 public:
  Spread(const ConvProblem& problem, const Kernels<T>& kernels)
      : kernels_(kernels), ic_(problem.ic), oc_(problem.oc), ones_(static_cast<size_t>(kernels.lanes), T{1}) {
    const int64_t depth = problem.group_ic(), columns = problem.group_oc();
    const auto source = [=](int64_t channel) { return channel / columns * depth; };
    // As many produced channels as a vector holds, and of whose source channels one vector holds those wanted.
    for (int64_t first = 0; first < oc_; first += lanes_.back()) {
      int64_t end = first + 1;
      while (end < std::min(oc_, first + kernels.lanes) && source(end) - source(first) < kernels.lanes) ++end;
      first_.push_back(first);
      lanes_.push_back(end - first);
    }
    for (int64_t q = 0; q < depth; ++q)
      for (size_t v = 0; v < first_.size(); ++v) {
        offset_.push_back(std::min(source(first_[v]) + q, ic_ - kernels.lanes));
        for (int64_t i = 0; i < kernels.lanes; ++i)
          lane_.push_back(i < lanes_[v] ? static_cast<Lane>(source(first_[v] + i) + q - offset_.back()) : Lane{0});
      }
  }

  void run(int64_t q, const T* src, int64_t pixels, T* out) const {
    constexpr int64_t no_offset = 0;
    const auto vectors = static_cast<int64_t>(first_.size());
    kernels_.grouped({.pixels = {.src = src,
                                 .src_taps = &no_offset,
                                 .src_row = ic_,
                                 .weights = ones_.data(),
                                 .weight_taps = &no_offset,
                                 .taps = 1,
                                 .run = 1,
                                 .dst = out,
                                 .dst_row = oc_,
                                 .lines = 1,
                                 .rows = pixels},
                      .first = first_.data(),
                      .lanes = lanes_.data(),
                      .offset = offset_.data() + q * vectors,
                      .lane = lane_.data() + q * vectors * kernels_.lanes,
                      .count = vectors,
                      .depth = 1});
  }

 private:
  using Lane = typename GroupedArgs<T>::Lane;

  const Kernels<T>& kernels_;
  int64_t ic_, oc_;
  std::vector<T> ones_;
  std::vector<int64_t> first_, lanes_;  // of each vector of produced channels
  std::vector<int64_t> offset_;         // [q][vector]
  std::vector<Lane> lane_;              // [q][vector][lane]
};

}  // namespace pyconv
