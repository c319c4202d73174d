// last_axis.cpp: softmax and normalisation over the last axis, for Python.
#include "../last_axis.h"

#include <pybind11/stl.h>

#include "../dispatch.h"
#include "arrays.h"

namespace pyconv {
namespace {

// An array of any shape with an axis, read as rows along its last, and where the result goes.
struct RowArrays {
  RowArrays(const char* op, const py::array& array, const std::optional<py::array>& out) {
    if (array.ndim() == 0) throw std::invalid_argument(std::string(op) + ": src must have an axis. Received: 0.");
    const Shape shape(array.shape(), array.shape() + array.ndim());
    size.dtype = dtype_of(array);
    size.channels = shape.back();
    size.rows = size.channels == 0 ? 0 : array.size() / size.channels;
    src = data_of("src", array, size.dtype, shape, false);
    result = out ? *out : aligned_array(size.dtype, shape);
    dst = data_of("dst", result, size.dtype, shape, true);
  }
  Rows size;
  py::array result;
  const void* src;
  void* dst;
};

py::array softmax_of(const py::array& src, const std::optional<py::array>& dst) {
  const RowArrays arrays("softmax", src, dst);
  const Unlocked unlocked;
  softmax(active_isa(), arrays.size, arrays.src, arrays.dst);
  return arrays.result;
}

py::array row_normalize_of(const py::array& src, bool centred, double epsilon, const std::optional<py::array>& scale,
                           const std::optional<py::array>& shift, const std::optional<py::array>& dst) {
  const RowArrays arrays("row_normalize", src, dst);
  const Shape channels = {arrays.size.channels};
  const RowNormalization normalization{
      .centred = centred,
      .epsilon = epsilon,
      .scale = scale ? data_of("scale", *scale, arrays.size.dtype, channels, false) : nullptr,
      .shift = shift ? data_of("shift", *shift, arrays.size.dtype, channels, false) : nullptr};
  const Unlocked unlocked;
  row_normalize(active_isa(), arrays.size, normalization, arrays.src, arrays.dst);
  return arrays.result;
}

}  // namespace

void register_last_axis(py::module_& module) {
  module.def("softmax", &softmax_of, py::arg("src"), py::arg("dst").none(true) = py::none());
  module.def("row_normalize", &row_normalize_of, py::arg("src"), py::arg("centred"), py::arg("epsilon"),
             py::arg("scale").none(true) = py::none(), py::arg("shift").none(true) = py::none(),
             py::arg("dst").none(true) = py::none());
}

}  // namespace pyconv
