// bound_run.h: a plan bound to all but its input: what the call of a layer comes to when nothing has changed since the
// last one. Not another way to run a plan: what doesn't fit is sent back to be checked and told in words.
#pragma once

#include <functional>

#include "../dispatch.h"
#include "arrays.h"

namespace pyconv {

struct BoundRun {
  // The result for an x that is just what the plan reads; None for any other, for other kernels in use than the plan's,
  // and where weights have been dropped since.
  py::object operator()(const py::array& x) const {
    constexpr int kFlags = int{py::array::c_style} | int{py::detail::npy_api::NPY_ARRAY_ALIGNED_};
    const py::dtype expected = dtype == DType::f32 ? py::dtype::of<float>() : py::dtype::of<double>();
    if (!x.dtype().is(expected) || (x.flags() & kFlags) != kFlags || kernels != &active_isa() ||
        !std::equal(x.shape(), x.shape() + x.ndim(), shape.begin(), shape.end()))
      return py::none();
    return run(x);
  }

  DType dtype;
  Shape shape;
  const KernelTable* kernels;
  std::function<py::object(const py::array& x)> run;
};

}  // namespace pyconv
