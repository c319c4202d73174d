// transpose.cpp: transposed matrices for Python.
#include "../transpose.h"

#include "../dispatch.h"
#include "arrays.h"

namespace pyconv {

void register_transpose(py::module_& module) {
  module.def(
      "transpose",
      [](const py::array& src, const py::array& dst) {
        if (src.ndim() != 3)
          throw std::invalid_argument("src must have 3 axes. Received: " + std::to_string(src.ndim()));
        const int64_t count = src.shape(0), rows = src.shape(1), cols = src.shape(2);
        const DType dtype = dtype_of(src);
        const void* in = data_of("src", src, dtype, {count, rows, cols}, false);
        void* out = data_of("dst", dst, dtype, {count, cols, rows}, true);
        const Unlocked unlocked;
        transpose(active_isa(), dtype, count, rows, cols, in, out);
      },
      py::arg("src"), py::arg("dst"));
}

}  // namespace pyconv
