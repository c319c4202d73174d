// training.cpp: what training does between convolutions, for Python: batch normalisation's sums, activations'
// gradients.
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

std::pair<py::array, py::array> products(const py::array& src, const py::array& centre, const py::array& other) {
  const ChannelRows size = rows_of(src);
  const void *in = read("src", src, size), *middle = read_channels("centre", centre, size);
  const void* factors = read("other", other, size);
  auto result = two_of(size);
  void *sums = result.first.mutable_data(), *dots = result.second.mutable_data();
  const Unlocked unlocked;
  channel_products(active_isa(), size, in, middle, factors, sums, dots);
  return result;
}

py::array normalize(const py::array& src, const py::array& centre, const py::array& scale, const py::array& shift,
                    const std::optional<py::array>& other, const std::optional<py::array>& factor) {
  const ChannelRows size = rows_of(src);
  if (other.has_value() != factor.has_value())
    throw std::invalid_argument("channel_normalize: other and factor must be given together.");
  py::array dst = aligned_array(size.dtype, {size.rows, size.channels});
  const Normalization arrays{.src = read("src", src, size),
                             .centre = read_channels("centre", centre, size),
                             .scale = read_channels("scale", scale, size),
                             .shift = read_channels("shift", shift, size),
                             .other = other ? read("other", *other, size) : nullptr,
                             .factor = factor ? read_channels("factor", *factor, size) : nullptr,
                             .dst = dst.mutable_data()};
  const Unlocked unlocked;
  channel_normalize(active_isa(), size, arrays);
  return dst;
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
  module.def("channel_products", &products, py::arg("src"), py::arg("centre"), py::arg("other"));
  module.def("channel_normalize", &normalize, py::arg("src"), py::arg("centre"), py::arg("scale"), py::arg("shift"),
             py::arg("other").none(true) = py::none(), py::arg("factor").none(true) = py::none());
  module.def("activation_backward", &backward, py::arg("activation"), py::arg("negative_slope"), py::arg("dst"),
             py::arg("diff_dst"));
}

}  // namespace pyconv
