// pad.cpp: constant padding for Python.
#include "../pad.h"

#include <pybind11/stl.h>

#include "arrays.h"

namespace pyconv {

void register_pad(py::module_& module) {
  module.def(
      "pad",
      [](const py::array& src, const Shape& before, const Shape& after, double value, const py::array& dst) {
        const Shape shape(src.shape(), src.shape() + src.ndim());
        const DType dtype = dtype_of(src);
        const PadProblem problem = make_pad_problem(dtype, shape, before, after);
        const void* in = data_of("src", src, dtype, shape, false);
        void* out = data_of("dst", dst, dtype, problem.dst, true);
        const Unlocked unlocked;
        pad(problem, in, value, out);
      },
      py::arg("src"), py::arg("before"), py::arg("after"), py::arg("value"), py::arg("dst"));
}

}  // namespace pyconv
