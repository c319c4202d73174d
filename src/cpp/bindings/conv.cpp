// conv.cpp: ConvPlan for Python.
#include <pybind11/stl.h>

#include <cstring>

#include "activations.h"
#include "bound_run.h"
#include "plans.h"

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

std::shared_ptr<PyPackedWeights> pack(const std::shared_ptr<PyConvPlan>& self, const py::array& weights) {
  if (self->makes_weights())
    throw std::invalid_argument("ConvPlan.pack: a plan must read weights. Received: direction=backward_weights.");
  const void* data = self->weights_of(weights);
  const int64_t bytes = self->plan.algorithm().pack ? self->plan.memory().packed_bytes : weights.nbytes();
  const Unlocked unlocked;
  if (self->plan.algorithm().pack) return std::make_shared<PyPackedWeights>(self, self->plan.pack(data), bytes);
  Buffer copy = make_buffer(bytes);
  std::memcpy(copy.get(), data, static_cast<size_t>(bytes));
  return std::make_shared<PyPackedWeights>(self, std::move(copy), bytes);
}

void run_packed(const PyConvPlan& self, ConvTensors tensors, const PyPackedWeights& packed) {
  if (packed.plan.get() != &self)
    throw std::invalid_argument(
        "ConvPlan.run: packed weights must come from the same plan's pack. Received: those of " +
        packed.plan->plan.describe() + ", for " + self.plan.describe() + ".");
  tensors.weights = packed.memory.get();  // read where the algorithm packs nothing
  const Unlocked unlocked;
  self.plan.run(tensors, packed.memory.get());
}

// weights: an array, packed for this run alone, or what pack returned. Returns dst, a new array if none is given, which
// is dense and so not for a plan whose dst isn't.
py::array run(const PyConvPlan& self, const py::array& src, const py::object& weights,
              const std::optional<py::array>& bias, const std::optional<py::array>& given,
              const std::optional<py::array>& residual) {
  py::array dst = given ? *given : aligned_array(self.problem().dtype, self.dst_shape);
  ConvTensors tensors = self.tensors(src, bias, dst, residual);
  if (py::isinstance<py::array>(weights)) {
    tensors.weights = self.weights_of(py::reinterpret_borrow<py::array>(weights));
    const Unlocked unlocked;
    self.plan.run(tensors);
    return dst;
  }
  if (!py::isinstance<PyPackedWeights>(weights))
    throw py::type_error("ConvPlan.run: weights must be an array or PackedWeights. Received: " +
                         py::str(py::type::of(weights)).cast<std::string>());
  run_packed(self, tensors, weights.cast<const PyPackedWeights&>());
  return dst;
}

// Doesn't hold the weights: a Variable drops those that it keeps when it changes, and their memory is free then. A data
// gradient reads dst and makes src. The rows of a matrix product may have a shape of several axes, or of one.
BoundRun bind(const std::shared_ptr<PyConvPlan>& self, const std::shared_ptr<PyPackedWeights>& weights,
              const std::optional<py::array>& bias, const std::optional<Shape>& rows) {
  const auto in_rows = [&rows](const Shape& shape) {
    Shape other = rows.value_or(shape);
    if (rows) other.push_back(shape.back());
    return other;
  };
  const Shape x_shape = in_rows(self->read_shape()), y_shape = in_rows(self->made_shape());
  if (count_of(x_shape) != count_of(self->read_shape()) || count_of(y_shape) != count_of(self->made_shape()))
    throw std::invalid_argument(
        "ConvPlan.bind: rows must be as many as the pixels of src and dst. Received: rows=" + text(*rows) + ".");
  const auto run_kept = [self, kept = std::weak_ptr(weights), bias, y_shape](const py::array& x) -> py::object {
    const std::shared_ptr<PyPackedWeights> packed = kept.lock();
    if (!packed) return py::none();
    const bool as_it_is = y_shape == self->made_shape();
    const py::array read = as_it_is ? x : py::array(x).reshape(self->read_shape());
    py::array made = aligned_array(self->problem().dtype, self->made_shape());
    const bool forward = self->problem().direction == Direction::forward;
    run_packed(*self, self->tensors(forward ? read : made, bias, forward ? made : read, std::nullopt), *packed);
    return as_it_is ? made : made.reshape(y_shape);
  };
  return {self->problem().dtype, x_shape, &self->plan.kernels(), run_kept};
}

}  // namespace

void register_conv(py::module_& module) {
  py::class_<BoundRun>(module, "BoundRun", py::is_final()).def("__call__", &BoundRun::operator(), py::arg("x"));

  py::class_<PyPackedWeights, std::shared_ptr<PyPackedWeights>>(module, "PackedWeights", py::is_final())
      .def_property_readonly("nbytes", [](const PyPackedWeights& self) { return self.bytes; });

  py::class_<PyConvPlan, std::shared_ptr<PyConvPlan>>(module, "ConvPlan", py::is_final())
      .def(py::init([](const std::string& op, const std::string& direction, const std::string& dtype, int64_t batch,
                       int64_t in_channels, int64_t out_channels, int64_t groups, const Shape& input_size,
                       const Shape& kernel_size, const Shape& strides, const Shape& dilation,
                       const std::vector<std::pair<int64_t, int64_t>>& pads, const std::string& algorithm,
                       const std::string& precision, const std::string& activation, double negative_slope,
                       int64_t src_stride, int64_t dst_stride) {
             ConvProblem problem =
                 make_conv_problem(op, direction_of(direction), dtype_of(dtype), batch, in_channels, out_channels,
                                   groups, {input_size, kernel_size, strides, dilation, pads});
             problem = with_pixel_strides(op, problem, src_stride, dst_stride);
             problem.precision = precision_of(precision);
             problem.activation = activation_of(activation);
             problem.negative_slope = negative_slope;
             if (problem.activation != Activation::linear && problem.direction == Direction::backward_weights)
               throw std::invalid_argument(
                   op + ": activation must be linear for backward_weights. Received: activation=" + activation);
             return std::make_shared<PyConvPlan>(ConvPlan(problem, active_isa(), algorithm), input_size.size());
           }),
           py::arg("op"), py::arg("direction"), py::arg("dtype"), py::arg("batch"), py::arg("in_channels"),
           py::arg("out_channels"), py::arg("groups"), py::arg("input_size"), py::arg("kernel_size"),
           py::arg("strides"), py::arg("dilation"), py::arg("pads"), py::arg("algorithm") = "",
           py::arg("precision") = "auto", py::arg("activation") = "linear", py::arg("negative_slope") = 0.0,
           py::arg("src_stride") = 0, py::arg("dst_stride") = 0)
      .def_property_readonly("algorithm", [](const PyConvPlan& self) { return self.plan.algorithm().name; })
      .def_property_readonly("plain_sums", [](const PyConvPlan& self) { return self.plan.algorithm().plain_sums; })
      .def_property_readonly("can_scale", [](const PyConvPlan& self) { return self.plan.can_scale(); })
      .def_property_readonly("output_size",
                             [](const PyConvPlan& self) {
                               return spatial_sizes(self.problem().axes, &Axis::o, self.src_shape.size() - 2);
                             })
      .def_property_readonly("src_shape", [](const PyConvPlan& self) { return tuple_of(self.src_shape); })
      .def_property_readonly("weights_shape", [](const PyConvPlan& self) { return tuple_of(self.weights_shape); })
      .def_property_readonly("dst_shape", [](const PyConvPlan& self) { return tuple_of(self.dst_shape); })
      .def_property_readonly("flops", [](const PyConvPlan& self) { return self.plan.problem().flops(); })
      .def_property_readonly("packed_bytes", [](const PyConvPlan& self) { return self.plan.memory().packed_bytes; })
      .def_property_readonly("workspace_bytes",
                             [](const PyConvPlan& self) { return self.plan.memory().workspace_bytes; })
      .def_property_readonly("workspace_bytes_alone",
                             [](const PyConvPlan& self) { return self.plan.memory_alone().workspace_bytes; })
      .def_property_readonly("refusals", [](const PyConvPlan& self) { return self.plan.refusals(); })
      .def("describe", [](const PyConvPlan& self) { return self.plan.describe(); })
      .def("pack", &pack, py::arg("weights"))
      .def("bind", &bind, py::arg("weights"), py::arg("bias").none(true), py::arg("rows").none(true) = py::none())
      .def("run", &run, py::arg("src"), py::arg("weights"), py::arg("bias").none(true),
           py::arg("dst").none(true) = py::none(), py::arg("residual").none(true) = py::none());

  module.def("conv_algorithms", [] {
    py::list names;
    for (const ConvAlgorithm* algorithm : conv_algorithms()) names.append(algorithm->name);
    return names;
  });
}

}  // namespace pyconv
