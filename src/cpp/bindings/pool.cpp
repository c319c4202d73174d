// pool.cpp: PoolPlan for Python.
#include "../pool.h"

#include <pybind11/stl.h>

#include "../dispatch.h"
#include "arrays.h"

namespace pyconv {
namespace {

PoolKind kind_of(const std::string& name) {
  if (name == "max") return PoolKind::max;
  if (name == "average") return PoolKind::average;
  throw std::invalid_argument("kind must be max or average. Received: kind=" + name);
}

// A plan with the shapes of the arrays it runs on.
struct PyPoolPlan {
  PyPoolPlan(const PoolProblem& made, size_t spatial_rank)
      : plan(made, active_isa()),
        rank(spatial_rank),
        src_shape(image_shape(made.mb, made.axes, &Axis::i, rank, made.c)),
        dst_shape(image_shape(made.mb, made.axes, &Axis::o, rank, made.c)) {}

  // Returns dst, a new array if none is given, which is dense and so not for a plan whose dst isn't.
  py::array forward(const py::array& src, const std::optional<py::array>& given) const {
    const PoolProblem& p = plan.problem;
    const void* in = image_of("src", src, p.dtype, src_shape, p.src_stride, false);
    py::array dst = given ? *given : aligned_array(p.dtype, dst_shape);
    void* out = image_of("dst", dst, p.dtype, dst_shape, p.dst_stride, true);
    const py::gil_scoped_release unlocked;
    pool_forward(plan, in, out);
    return dst;
  }

  void backward(const py::array& src, const py::array& diff_dst, const py::array& diff_src) const {
    if (!plan.problem.is_dense())
      throw std::invalid_argument("PoolPlan.backward: src_stride and dst_stride must be 0.");
    const void* in = data_of("src", src, plan.problem.dtype, src_shape, false);
    const void* gradient = data_of("diff_dst", diff_dst, plan.problem.dtype, dst_shape, false);
    void* out = data_of("diff_src", diff_src, plan.problem.dtype, src_shape, true);
    const py::gil_scoped_release unlocked;
    pool_backward(plan, in, gradient, out);
  }

  PoolPlan plan;
  size_t rank;
  Shape src_shape, dst_shape;
};

}  // namespace

void register_pool(py::module_& module) {
  py::class_<PyPoolPlan>(module, "PoolPlan", py::is_final())
      .def(py::init([](const std::string& op, const std::string& kind, const std::string& dtype, int64_t batch,
                       int64_t channels, const Shape& input_size, const Shape& pool_size, const Shape& strides,
                       const Shape& dilation, const std::vector<std::pair<int64_t, int64_t>>& pads, int64_t src_stride,
                       int64_t dst_stride) {
             const PoolProblem problem = make_pool_problem(op, kind_of(kind), dtype_of(dtype), batch, channels,
                                                           {input_size, pool_size, strides, dilation, pads});
             return PyPoolPlan(with_pixel_strides(op, problem, src_stride, dst_stride), input_size.size());
           }),
           py::arg("op"), py::arg("kind"), py::arg("dtype"), py::arg("batch"), py::arg("channels"),
           py::arg("input_size"), py::arg("pool_size"), py::arg("strides"), py::arg("dilation"), py::arg("pads"),
           py::arg("src_stride") = 0, py::arg("dst_stride") = 0)
      .def_property_readonly(
          "output_size",
          [](const PyPoolPlan& self) { return spatial_sizes(self.plan.problem.axes, &Axis::o, self.rank); })
      .def("forward", &PyPoolPlan::forward, py::arg("src"), py::arg("dst").none(true) = py::none())
      .def("backward", &PyPoolPlan::backward, py::arg("src"), py::arg("diff_dst"), py::arg("diff_src"));
}

}  // namespace pyconv
