// program_elements.cpp: steps of a program on elements and rows: chains, softmax, normalisation, other sizes.
#include <pybind11/stl.h>

#include "../dispatch.h"
#include "../steps/chain.h"
#include "../steps/last_axis.h"
#include "../steps/resample.h"
#include "places.h"

namespace pyconv {
namespace {

std::vector<float> numbers_of(const char* name, const std::optional<py::array>& array) {
  if (!array) return {};
  const Shape shape(array->shape(), array->shape() + array->ndim());
  const auto* data = static_cast<const float*>(data_of(name, *array, DType::f32, shape, false));
  return {data, data + array->size()};
}

void add_chain(ProgramBuilder& self, const std::shared_ptr<Chain>& chain, const PyPlace& src, const PyPlace& dst,
               const py::sequence& operands) {
  std::vector<ChainOperand> all;
  size_t given = 0;
  for (const Link& link : chain->problem().links) {
    ChainOperand operand;
    if (reads_array(link.operand) && given < operands.size()) {
      const py::object item = operands[given++];
      if (py::isinstance<py::array>(item))
        operand.numbers = numbers_of("operand", py::reinterpret_borrow<py::array>(item));
      else
        operand.place = place_of(item.cast<PyPlace>());
    }
    all.push_back(std::move(operand));
  }
  if (given < operands.size())
    throw std::invalid_argument("ProgramBuilder.chain: there must be " + std::to_string(given) +
                                " operands. Received: " + std::to_string(operands.size()));
  self.add(std::make_unique<ChainStep>(chain, place_of(src), std::move(all), place_of(dst)));
}

void add_softmax(ProgramBuilder& self, int64_t rows, int64_t channels, const PyPlace& src, const PyPlace& dst) {
  self.add(std::make_unique<LastAxisStep>(active_isa(), rows, channels, std::nullopt, place_of(src), place_of(dst)));
}

void add_row_normalize(ProgramBuilder& self, int64_t rows, int64_t channels, bool centred, double epsilon,
                       const std::optional<py::array>& scale, const std::optional<py::array>& shift, const PyPlace& src,
                       const PyPlace& dst) {
  self.add(std::make_unique<LastAxisStep>(
      active_isa(), rows, channels,
      LastAxisStep::Normalization{centred, epsilon, numbers_of("scale", scale), numbers_of("shift", shift)},
      place_of(src), place_of(dst)));
}

void add_resample(ProgramBuilder& self, const std::shared_ptr<Resampling>& plan, const PyPlace& src,
                  const PyPlace& dst) {
  self.add(std::make_unique<ResampleStep>(plan, place_of(src), place_of(dst)));
}

}  // namespace

void add_element_steps(py::class_<ProgramBuilder>& builder) {
  builder.def("chain", &add_chain, py::arg("chain"), py::arg("src"), py::arg("dst"), py::arg("operands") = py::tuple())
      .def("softmax", &add_softmax, py::arg("rows"), py::arg("channels"), py::arg("src"), py::arg("dst"))
      .def("row_normalize", &add_row_normalize, py::arg("rows"), py::arg("channels"), py::arg("centred"),
           py::arg("epsilon"), py::arg("scale").none(true), py::arg("shift").none(true), py::arg("src"), py::arg("dst"))
      .def("resample", &add_resample, py::arg("plan"), py::arg("src"), py::arg("dst"));
}

}  // namespace pyconv
