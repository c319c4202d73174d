// resample.cpp: images at other sizes for Python.
#include "../resample.h"

#include <pybind11/stl.h>

#include "../dispatch.h"
#include "arrays.h"

namespace pyconv {
namespace {

using Elements = py::array_t<int64_t, py::array::c_style | py::array::forcecast>;
using Weights = py::array_t<double, py::array::c_style | py::array::forcecast>;

// Elements and weights of one axis, both (results, taps).
AxisTaps taps_of(const std::pair<Elements, Weights>& taps) {
  const auto& [elements, weights] = taps;
  if (elements.ndim() != 2 || weights.ndim() != 2 || elements.shape(1) != weights.shape(1) ||
      elements.shape(0) != weights.shape(0) || elements.shape(1) == 0)
    throw std::invalid_argument("Resampling: elements and weights must both have the shape (results, taps).");
  return {.taps = elements.shape(1),
          .elements = {elements.data(), elements.data() + elements.size()},
          .weights = {weights.data(), weights.data() + weights.size()}};
}

py::array run(const Resampling& self, const py::array& src, const std::optional<py::array>& dst) {
  const Shape shape = {self.mb(), self.oh(), self.ow(), self.c()};
  const void* in = data_of("src", src, self.dtype(), {self.mb(), self.ih(), self.iw(), self.c()}, false);
  py::array result = dst ? *dst : aligned_array(self.dtype(), shape);
  void* out = data_of("dst", result, self.dtype(), shape, true);
  const Unlocked unlocked;
  self.run(in, out);
  return result;
}

}  // namespace

void register_resample(py::module_& module) {
  py::class_<Resampling, std::shared_ptr<Resampling>>(module, "Resampling", py::is_final())
      .def(py::init([](const std::string& dtype, int64_t batch, int64_t height, int64_t width, int64_t channels,
                       const std::pair<Elements, Weights>& rows, const std::pair<Elements, Weights>& cols) {
             return std::make_shared<Resampling>(dtype_of(dtype), batch, height, width, channels, taps_of(rows),
                                                 taps_of(cols), active_isa());
           }),
           py::arg("dtype"), py::arg("batch"), py::arg("height"), py::arg("width"), py::arg("channels"),
           py::arg("rows"), py::arg("cols"))
      .def_property_readonly("scratch_bytes", &Resampling::scratch_bytes)
      .def("run", &run, py::arg("src"), py::arg("dst").none(true) = py::none());
}

}  // namespace pyconv
