// update.cpp: cuts an optimizer's step into parts for threads.
#include "update.h"

#include <algorithm>

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

template void update(const KernelTable&, UpdateRule, const UpdateArgs<float>&);
template void update(const KernelTable&, UpdateRule, const UpdateArgs<double>&);

}  // namespace pyconv
