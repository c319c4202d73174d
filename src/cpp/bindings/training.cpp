// training.cpp: what training does between convolutions, for Python: batch normalisation and activations, and
// their gradients.
#include <pybind11/stl.h>

#include <array>

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

// A normalisation of arrays that have been checked, and are kept for as long as it may be asked for.
class PyNormalization {
 public:
  PyNormalization(const py::array& src, const py::array& centre, const py::array& scale, const py::array& shift,
                  const std::string& activation, double negative_slope)
      : kept_{src, centre, scale, shift},
        size_(rows_of(src)),
        of_{.src = read("src", src, size_),
            .centre = read_channels("centre", centre, size_),
            .scale = read_channels("scale", scale, size_),
            .shift = read_channels("shift", shift, size_),
            .activation = activation_of(activation),
            .negative_slope = negative_slope} {}

  py::array run(const std::optional<py::array>& residual) const {
    const void* added = residual ? read("residual", *residual, size_) : nullptr;
    py::array dst = aligned_array(size_.dtype, {size_.rows, size_.channels});
    void* out = dst.mutable_data();
    const Unlocked unlocked;
    channel_normalize(active_isa(), size_, of_, added, out);
    return dst;
  }

  std::pair<py::array, py::array> gradient_sums(const py::array& diff_dst) const {
    const void* gradient = read("diff_dst", diff_dst, size_);
    auto result = two_of(size_);
    void *sums = result.first.mutable_data(), *products = result.second.mutable_data();
    const Unlocked unlocked;
    channel_gradient_sums(active_isa(), size_, of_, gradient, sums, products);
    return result;
  }

  py::array gradient(const py::array& diff_dst, const py::array& slope, const py::array& lift) const {
    const void* given = read("diff_dst", diff_dst, size_);
    const void *slopes = read_channels("slope", slope, size_), *lifts = read_channels("lift", lift, size_);
    py::array diff_src = aligned_array(size_.dtype, {size_.rows, size_.channels});
    void* out = diff_src.mutable_data();
    const Unlocked unlocked;
    channel_normalize_backward(active_isa(), size_, of_, given, slopes, lifts, out);
    return diff_src;
  }

 private:
  std::array<py::array, 4> kept_;
  ChannelRows size_;
  Normalization of_;
};

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
  py::class_<PyNormalization>(module, "ChannelNormalization")
      .def(py::init<const py::array&, const py::array&, const py::array&, const py::array&, const std::string&,
                    double>(),
           py::arg("src"), py::arg("centre"), py::arg("scale"), py::arg("shift"), py::arg("activation") = "linear",
           py::arg("negative_slope") = 0.0)
      .def("run", &PyNormalization::run, py::arg("residual").none(true) = py::none())
      .def("gradient_sums", &PyNormalization::gradient_sums, py::arg("diff_dst"))
      .def("gradient", &PyNormalization::gradient, py::arg("diff_dst"), py::arg("slope"), py::arg("lift"));
  module.def("activation_backward", &backward, py::arg("activation"), py::arg("negative_slope"), py::arg("dst"),
             py::arg("diff_dst"));
}

}  // namespace pyconv
