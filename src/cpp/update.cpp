// update.cpp: cuts an optimizer's step, and what it asks of gradients, into parts for threads.
#include "update.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "buffer.h"
#include "parallel.h"

namespace pyconv {

template <class T>
void update(const KernelTable& table, UpdateRule rule, const UpdateArgs<T>& args) {
  const Kernels<T>& kernels = table.kernels<T>();
  const auto kernel = rule == UpdateRule::sgd    ? kernels.sgd_update
                      : rule == UpdateRule::adam ? kernels.adam_update
                                                 : kernels.rmsprop_update;
  // What memory or a cache brings of up to four arrays in the time of a number, see channel_statistics.cpp.
  constexpr int64_t kPerElement = 60;
  // Whole cache lines, so that no two threads write to one, and every number is in the same place of a vector.
  constexpr int64_t unit = kAlignment / static_cast<int64_t>(sizeof(T));
  const int64_t units = (args.count + unit - 1) / unit;
  parallel_for(units, threads_for(kPerElement * args.count), [&](int64_t begin, int64_t end, int) {
    UpdateArgs<T> part = args;
    const int64_t first = begin * unit;
    part.weights += first;
    part.gradients += first;
    for (T** kept : {&part.velocity, &part.mean, &part.square, &part.largest})
      if (*kept) *kept += first;
    part.count = std::min(end * unit, args.count) - first;
    kernel(part);
  });
}

template <class T>
double sum_of_squares(const KernelTable& table, const T* src, int64_t count) {
  // Parts of a size that doesn't depend on the threads, whose sums are added up in one order; a part is worth the call.
  constexpr int64_t kPart = 1 << 14, kPerElement = 15;
  const int64_t parts = (count + kPart - 1) / kPart;
  std::vector<double> sums(static_cast<size_t>(parts));
  parallel_for(parts, threads_for(kPerElement * count), [&](int64_t begin, int64_t end, int) {
    for (int64_t part = begin; part < end; ++part)
      sums[static_cast<size_t>(part)] =
          table.kernels<T>().sum_of_squares(src + part * kPart, std::min(kPart, count - part * kPart));
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

template void update(const KernelTable&, UpdateRule, const UpdateArgs<float>&);
template void update(const KernelTable&, UpdateRule, const UpdateArgs<double>&);
template double sum_of_squares(const KernelTable&, const float*, int64_t);
template double sum_of_squares(const KernelTable&, const double*, int64_t);

}  // namespace pyconv
