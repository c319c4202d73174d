// pool.cpp: PoolPlan for Python.
#include <pybind11/stl.h>

#include "bound_run.h"
#include "plans.h"

namespace pyconv {
namespace {

PoolKind kind_of(const std::string& name) {
  if (name == "max") return PoolKind::max;
  if (name == "average") return PoolKind::average;
  throw std::invalid_argument("kind must be max or average. Received: kind=" + name);
}

BoundRun bind(const std::shared_ptr<PyPoolPlan>& self, const std::optional<Shape>& shape) {
  if (shape && count_of(*shape) != count_of(self->dst_shape))
    throw std::invalid_argument(
        "PoolPlan.bind: shape must hold as many elements as dst. Received: shape=" + text(*shape) + ".");
  const auto run = [self, shape](const py::array& src) -> py::object {
    py::array dst = self->forward(src, std::nullopt);
    return shape ? dst.reshape(*shape) : dst;
  };
  return {self->plan.problem.dtype, self->src_shape, self->plan.table, run};
}

}  // namespace

void register_pool(py::module_& module) {
  py::class_<PyPoolPlan, std::shared_ptr<PyPoolPlan>>(module, "PoolPlan", py::is_final())
      .def(py::init([](const std::string& op, const std::string& kind, const std::string& dtype, int64_t batch,
                       int64_t channels, const Shape& input_size, const Shape& pool_size, const Shape& strides,
                       const Shape& dilation, const std::vector<std::pair<int64_t, int64_t>>& pads, int64_t src_stride,
                       int64_t dst_stride) {
             const PoolProblem problem = make_pool_problem(op, kind_of(kind), dtype_of(dtype), batch, channels,
                                                           {input_size, pool_size, strides, dilation, pads});
             return std::make_shared<PyPoolPlan>(with_pixel_strides(op, problem, src_stride, dst_stride),
                                                 input_size.size());
           }),
           py::arg("op"), py::arg("kind"), py::arg("dtype"), py::arg("batch"), py::arg("channels"),
           py::arg("input_size"), py::arg("pool_size"), py::arg("strides"), py::arg("dilation"), py::arg("pads"),
           py::arg("src_stride") = 0, py::arg("dst_stride") = 0)
      .def_property_readonly(
          "output_size",
          [](const PyPoolPlan& self) { return spatial_sizes(self.plan.problem.axes, &Axis::o, self.rank); })
      .def_property_readonly("scratch_bytes", [](const PyPoolPlan& self) { return self.plan.scratch_bytes(); })
      .def("bind", &bind, py::arg("shape").none(true) = py::none())
      .def("forward", &PyPoolPlan::forward, py::arg("src"), py::arg("dst").none(true) = py::none())
      .def("backward", &PyPoolPlan::backward, py::arg("src"), py::arg("diff_dst"), py::arg("diff_src"));
}

}  // namespace pyconv
