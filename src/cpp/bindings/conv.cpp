// conv.cpp: ConvPlan for Python.
#include <pybind11/stl.h>

#include "../dispatch.h"
#include "../plan.h"
#include "arrays.h"

namespace pyconv {
namespace {

Direction direction_of(const std::string& name) {
  if (name == "forward") return Direction::forward;
  if (name == "backward_data") return Direction::backward_data;
  if (name == "backward_weights") return Direction::backward_weights;
  throw std::invalid_argument("direction must be forward, backward_data or backward_weights. Received: direction=" +
                              name);
}

Precision precision_of(const std::string& name) {
  if (name == "strict") return Precision::strict;
  if (name == "auto") return Precision::automatic;
  if (name == "fast") return Precision::fast;
  throw std::invalid_argument("precision must be strict, auto or fast. Received: precision=" + name);
}

struct PyConvPlan {
  ConvPlan plan;
  size_t rank;

  void run(const py::array& src, const py::array& weights, const std::optional<py::array>& bias,
           const py::array& dst) const {
    const ConvProblem& p = plan.problem();
    Shape weights_shape = image_shape(0, p.axes, &Axis::k, rank, p.group_ic());
    weights_shape.erase(weights_shape.begin());
    weights_shape.push_back(p.oc);
    const bool weight_gradient = p.direction == Direction::backward_weights;
    const ConvTensors tensors{.src = data_of("src", src, p.dtype, image_shape(p.mb, p.axes, &Axis::i, rank, p.ic),
                                             p.direction == Direction::backward_data),
                              .weights = data_of("weights", weights, p.dtype, weights_shape, weight_gradient),
                              .bias = bias ? data_of("bias", *bias, p.dtype, {p.oc}, weight_gradient) : nullptr,
                              .dst = data_of("dst", dst, p.dtype, image_shape(p.mb, p.axes, &Axis::o, rank, p.oc),
                                             p.direction == Direction::forward)};
    const py::gil_scoped_release unlocked;
    plan.run(tensors, plan.pack(tensors.weights).get());
  }
};

}  // namespace

void register_conv(py::module_& module) {
  py::class_<PyConvPlan>(module, "ConvPlan", py::is_final())
      .def(py::init([](const std::string& op, const std::string& direction, const std::string& dtype, int64_t batch,
                       int64_t in_channels, int64_t out_channels, int64_t groups, const Shape& input_size,
                       const Shape& kernel_size, const Shape& strides, const Shape& dilation,
                       const std::vector<std::pair<int64_t, int64_t>>& pads, const std::string& algorithm,
                       const std::string& precision) {
             ConvProblem problem =
                 make_conv_problem(op, direction_of(direction), dtype_of(dtype), batch, in_channels, out_channels,
                                   groups, {input_size, kernel_size, strides, dilation, pads});
             problem.precision = precision_of(precision);
             return PyConvPlan{ConvPlan(problem, active_isa(), algorithm), input_size.size()};
           }),
           py::arg("op"), py::arg("direction"), py::arg("dtype"), py::arg("batch"), py::arg("in_channels"),
           py::arg("out_channels"), py::arg("groups"), py::arg("input_size"), py::arg("kernel_size"),
           py::arg("strides"), py::arg("dilation"), py::arg("pads"), py::arg("algorithm") = "",
           py::arg("precision") = "auto")
      .def_property_readonly("algorithm", [](const PyConvPlan& self) { return self.plan.algorithm().name; })
      .def_property_readonly("plain_sums", [](const PyConvPlan& self) { return self.plan.algorithm().plain_sums; })
      .def_property_readonly(
          "output_size",
          [](const PyConvPlan& self) { return spatial_sizes(self.plan.problem().axes, &Axis::o, self.rank); })
      .def_property_readonly("flops", [](const PyConvPlan& self) { return self.plan.problem().flops(); })
      .def_property_readonly("workspace_bytes",
                             [](const PyConvPlan& self) {
                               const ConvMemory memory = self.plan.memory();
                               return memory.packed_bytes + memory.workspace_bytes;
                             })
      .def("describe", [](const PyConvPlan& self) { return self.plan.describe(); })
      .def("run", &PyConvPlan::run, py::arg("src"), py::arg("weights"), py::arg("bias").none(true), py::arg("dst"));

  module.def("conv_algorithms", [] {
    py::list names;
    for (const ConvAlgorithm* algorithm : conv_algorithms()) names.append(algorithm->name);
    return names;
  });
}

}  // namespace pyconv
