// training.cpp: what training does between convolutions, for Python: batch normalisation and activations, and
// their gradients.
#include <pybind11/stl.h>

#include "../channel_statistics.h"
#include "../dispatch.h"
#include "activations.h"
#include "arrays.h"

namespace pyconv {
namespace {

ChannelRows rows_of(const py::array& src) {
  if (src.ndim() != 2) throw std::invalid_argument("src must have 2 axes. Received: " + std::to_string(src.ndim()));
  return {dtype_of(src), src.shape(0), src.shape(1)};
}

const void* read(const char* name, const py::array& array, const ChannelRows& size) {
  return data_of(name, array, size.dtype, {size.rows, size.channels}, false);
}

const void* read_channels(const char* name, const py::array& array, const ChannelRows& size) {
  return data_of(name, array, size.dtype, {size.channels}, false);
}

std::pair<py::array, py::array> two_of(const ChannelRows& size) {
  return {aligned_array(size.dtype, {size.channels}), aligned_array(size.dtype, {size.channels})};
}

std::pair<py::array, py::array> moments(const py::array& src) {
  const ChannelRows size = rows_of(src);
  if (size.rows == 0) throw std::invalid_argument("channel_moments: src must have rows. Received: 0.");
  const void* in = read("src", src, size);
  auto result = two_of(size);
  void *mean = result.first.mutable_data(), *variance = result.second.mutable_data();
  const Unlocked unlocked;
  channel_moments(active_isa(), size, in, mean, variance);
  return result;
}

// A normalisation's numbers, checked, and the arrays kept that hold them.
struct Given {
  Given(const py::array& src, const py::array& centre, const py::array& scale, const py::array& shift,
        const std::string& activation, double negative_slope)
      : size(rows_of(src)),
        of{.src = read("src", src, size),
           .centre = read_channels("centre", centre, size),
           .scale = read_channels("scale", scale, size),
           .shift = read_channels("shift", shift, size),
           .activation = activation_of(activation),
           .negative_slope = negative_slope} {}

  ChannelRows size;
  Normalization of;
};

py::array normalize(const py::array& src, const py::array& centre, const py::array& scale, const py::array& shift,
                    const std::string& activation, double negative_slope, const std::optional<py::array>& residual) {
  const Given given(src, centre, scale, shift, activation, negative_slope);
  const void* added = residual ? read("residual", *residual, given.size) : nullptr;
  py::array dst = aligned_array(given.size.dtype, {given.size.rows, given.size.channels});
  void* out = dst.mutable_data();
  const Unlocked unlocked;
  channel_normalize(active_isa(), given.size, given.of, added, out);
  return dst;
}

std::pair<py::array, py::array> gradient_sums(const py::array& src, const py::array& centre, const py::array& scale,
                                              const py::array& shift, const std::string& activation,
                                              double negative_slope, const py::array& diff_dst) {
  const Given given(src, centre, scale, shift, activation, negative_slope);
  const void* gradient = read("diff_dst", diff_dst, given.size);
  auto result = two_of(given.size);
  void *sums = result.first.mutable_data(), *products = result.second.mutable_data();
  const Unlocked unlocked;
  channel_gradient_sums(active_isa(), given.size, given.of, gradient, sums, products);
  return result;
}

py::array normalize_backward(const py::array& src, const py::array& centre, const py::array& scale,
                             const py::array& shift, const std::string& activation, double negative_slope,
                             const py::array& diff_dst, const py::array& slope, const py::array& lift) {
  const Given given(src, centre, scale, shift, activation, negative_slope);
  const void* gradient = read("diff_dst", diff_dst, given.size);
  const void *slopes = read_channels("slope", slope, given.size), *lifts = read_channels("lift", lift, given.size);
  py::array diff_src = aligned_array(given.size.dtype, {given.size.rows, given.size.channels});
  void* out = diff_src.mutable_data();
  const Unlocked unlocked;
  channel_normalize_backward(active_isa(), given.size, given.of, gradient, slopes, lifts, out);
  return diff_src;
}

py::array backward(const std::string& activation, double negative_slope, const py::array& dst,
                   const py::array& diff_dst) {
  const DType dtype = dtype_of(dst);
  const Shape shape(dst.shape(), dst.shape() + dst.ndim());
  const void *y = data_of("dst", dst, dtype, shape, false), *dy = data_of("diff_dst", diff_dst, dtype, shape, false);
  py::array diff_src = aligned_array(dtype, shape);
  void* dx = diff_src.mutable_data();
  const Activation kind = activation_of(activation);
  const Unlocked unlocked;
  activation_backward(active_isa(), dtype, kind, negative_slope, dst.size(), y, dy, dx);
  return diff_src;
}

}  // namespace

void register_training(py::module_& module) {
  module.def("channel_moments", &moments, py::arg("src"));
  module.def("channel_normalize", &normalize, py::arg("src"), py::arg("centre"), py::arg("scale"), py::arg("shift"),
             py::arg("activation"), py::arg("negative_slope"), py::arg("residual").none(true) = py::none());
  module.def("channel_gradient_sums", &gradient_sums, py::arg("src"), py::arg("centre"), py::arg("scale"),
             py::arg("shift"), py::arg("activation"), py::arg("negative_slope"), py::arg("diff_dst"));
  module.def("channel_normalize_backward", &normalize_backward, py::arg("src"), py::arg("centre"), py::arg("scale"),
             py::arg("shift"), py::arg("activation"), py::arg("negative_slope"), py::arg("diff_dst"), py::arg("slope"),
             py::arg("lift"));
  module.def("activation_backward", &backward, py::arg("activation"), py::arg("negative_slope"), py::arg("dst"),
             py::arg("diff_dst"));
}

}  // namespace pyconv
