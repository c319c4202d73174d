// pad.cpp: constant padding, one innermost run after the other.
#include "pad.h"

#include <algorithm>

#include "parallel.h"

namespace pyconv {
namespace {

template <class T>
void pad_as(const PadProblem& problem, const T* src, T value, T* dst) {
  const size_t rank = problem.dst.size();
  if (rank == 0) {
    *dst = *src;
    return;
  }
  const int64_t run = problem.dst[rank - 1], src_run = problem.src[rank - 1], before = problem.before[rank - 1];
  int64_t runs = 1;
  for (size_t index = 0; index + 1 < rank; ++index) runs *= problem.dst[index];

  parallel_for(runs, threads_for(runs * run), [&](int64_t begin, int64_t end, int) {
    for (int64_t index = begin; index < end; ++index) {
      // The source run, if every outer coordinate lies inside the source.
      int64_t rest = index, src_index = 0, scale = 1;
      bool inside = true;
      for (size_t axis = rank - 1; axis-- > 0;) {
        const int64_t at = rest % problem.dst[axis] - problem.before[axis];
        rest /= problem.dst[axis];
        inside &= at >= 0 && at < problem.src[axis];
        src_index += at * scale;
        scale *= problem.src[axis];
      }
      T* out = dst + index * run;
      if (!inside) {
        std::fill_n(out, run, value);
        continue;
      }
      std::fill_n(out, before, value);
      std::copy_n(src + src_index * src_run, src_run, out + before);
      std::fill_n(out + before + src_run, run - before - src_run, value);
    }
  });
}

}  // namespace

void pad(const PadProblem& problem, const void* src, double value, void* dst) {
  with_dtype(problem.dtype, [&]<class T>() {
    pad_as<T>(problem, static_cast<const T*>(src), static_cast<T>(value), static_cast<T*>(dst));
  });
}

}  // namespace pyconv
