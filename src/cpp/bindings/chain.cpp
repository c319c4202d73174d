// chain.cpp: operations on each element for Python, alone and in chains.
#include "../chain.h"

#include <pybind11/stl.h>

#include "../dispatch.h"
#include "arrays.h"
#include "links.h"

namespace pyconv {
namespace {

Shape operand_shape(const ChainProblem& problem, Operand operand) {
  switch (operand) {
    case Operand::channels:
      return {problem.c};
    case Operand::image_channels:
      return {problem.mb, problem.c};
    case Operand::pixels:
      return {problem.mb, problem.pixels};
    default:
      return {problem.mb, problem.pixels, problem.c};
  }
}

py::array run(const Chain& self, const py::array& src, const std::vector<py::array>& operands,
              const std::optional<py::array>& dst) {
  const ChainProblem& problem = self.problem();
  const Shape shape = operand_shape(problem, Operand::tensor);
  if (problem.src_stride != problem.c || problem.dst_stride != problem.c)
    throw std::invalid_argument("Chain.run: pixels must lie side by side, other strides are for programs.");
  const void* in = data_of("src", src, problem.dtype, shape, false);
  std::vector<const void*> numbers;
  size_t given = 0;
  for (const Link& link : problem.links) {
    const bool reads = reads_array(link.operand);
    if (reads && given == operands.size())
      throw std::invalid_argument("Chain.run: there must be an operand for each link that reads one. Received: " +
                                  std::to_string(operands.size()));
    numbers.push_back(
        reads ? data_of("operand", operands[given++], problem.dtype, operand_shape(problem, link.operand), false)
              : nullptr);
  }
  if (given < operands.size())
    throw std::invalid_argument("Chain.run: there must be " + std::to_string(given) +
                                " operands. Received: " + std::to_string(operands.size()));
  py::array result = dst ? *dst : aligned_array(problem.dtype, shape);
  void* out = data_of("dst", result, problem.dtype, shape, true);
  const Unlocked unlocked;
  self.run(in, numbers.data(), out);
  return result;
}

py::array element(const std::string& op, const py::array& src, double alpha, double beta,
                  const std::optional<py::array>& dst) {
  const DType dtype = dtype_of(src);
  const Shape shape(src.shape(), src.shape() + src.ndim());
  const void* in = data_of("src", src, dtype, shape, false);
  const ElementOp kind = find_named(kElementOps, "op", op);
  const Operand operand = is_binary(kind) ? Operand::number : Operand::none;
  const Chain chain({.dtype = dtype, .c = src.size(), .links = {{kind, operand, alpha, beta}}}, active_isa());
  py::array result = dst ? *dst : aligned_array(dtype, shape);
  void* out = data_of("dst", result, dtype, shape, true);
  const Unlocked unlocked;
  chain.run(in, std::vector<const void*>{nullptr}.data(), out);
  return result;
}

}  // namespace

void register_chain(py::module_& module) {
  py::class_<Chain, std::shared_ptr<Chain>>(module, "Chain", py::is_final())
      .def(py::init([](const std::string& dtype, int64_t batch, int64_t pixels, int64_t channels,
                       const std::vector<PyLink>& links, int64_t src_stride, int64_t dst_stride) {
             return std::make_shared<Chain>(ChainProblem{.dtype = dtype_of(dtype),
                                                         .mb = batch,
                                                         .pixels = pixels,
                                                         .c = channels,
                                                         .links = links_of(links),
                                                         .src_stride = src_stride,
                                                         .dst_stride = dst_stride},
                                            active_isa());
           }),
           py::arg("dtype"), py::arg("batch"), py::arg("pixels"), py::arg("channels"), py::arg("links"),
           py::arg("src_stride") = 0, py::arg("dst_stride") = 0)
      .def("run", &run, py::arg("src"), py::arg("operands") = std::vector<py::array>{},
           py::arg("dst").none(true) = py::none());
  module.def("element", &element, py::arg("op"), py::arg("src"), py::arg("alpha") = 0.0, py::arg("beta") = 0.0,
             py::arg("dst").none(true) = py::none());
}

}  // namespace pyconv
