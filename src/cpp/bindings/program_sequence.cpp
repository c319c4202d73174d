// program_sequence.cpp: sequences of programs for Python, and what a model's repeated call is bound to.
#include "../program_sequence.h"

#include <pybind11/stl.h>

#include <tuple>

#include "bound_run.h"

namespace pyconv {
namespace {

using PyPart = std::tuple<std::shared_ptr<Program>, int64_t, std::vector<int64_t>>;
using PyArray = std::tuple<int64_t, int64_t>;

ProgramSequence make(const std::vector<PyPart>& parts, const std::vector<PyArray>& arrays, int64_t between) {
  std::vector<SequencePart> made_parts;
  for (const auto& [program, rounds, numbers] : parts) made_parts.push_back({program, rounds, numbers});
  std::vector<SequenceArray> made_arrays;
  for (const auto& [bytes, offset] : arrays) made_arrays.push_back({bytes, offset});
  return {std::move(made_parts), std::move(made_arrays), between};
}

std::byte* memory_of(const ProgramSequence& self, int64_t number, const char* name, const py::array& array) {
  const Shape shape(array.shape(), array.shape() + array.ndim());
  if (array.nbytes() != self.bytes(number))
    throw std::invalid_argument("ProgramSequence.run: " + std::string(name) + " must have " +
                                std::to_string(self.bytes(number)) + " bytes. Received: shape " + text(shape));
  return static_cast<std::byte*>(data_of(name, array, DType::f32, shape, number == kSequenceOutput));
}

void run(const ProgramSequence& self, const py::array& x, const py::array& y) {
  std::byte* const input = memory_of(self, kSequenceInput, "x", x);
  std::byte* const output = memory_of(self, kSequenceOutput, "y", y);
  const Unlocked unlocked;
  self.run(input, output);
}

BoundRun bind(const std::shared_ptr<ProgramSequence>& self, const Shape& input, const Shape& output) {
  const auto fits = [&](int64_t number, const Shape& shape) {
    return size_of(DType::f32) * count_of(shape) == self->bytes(number);
  };
  if (!fits(kSequenceInput, input) || !fits(kSequenceOutput, output))
    throw std::invalid_argument(
        "ProgramSequence.bind: the shapes must have the bytes of input and output. Received: shapes " + text(input) +
        " and " + text(output));
  const auto run_all = [self, output](const py::array& x) -> py::object {
    const py::array y = aligned_array(DType::f32, output);
    {
      const Unlocked unlocked;
      self->run(static_cast<std::byte*>(const_cast<void*>(x.data())),
                static_cast<std::byte*>(const_cast<void*>(y.data())));
    }
    return y;
  };
  return {DType::f32, input, &active_isa(), run_all};
}

}  // namespace

void register_program_sequence(py::module_& module) {
  py::class_<ProgramSequence, std::shared_ptr<ProgramSequence>>(module, "ProgramSequence", py::is_final())
      .def(py::init(&make), py::arg("parts"), py::arg("arrays"), py::arg("between"))
      .def("run", &run, py::arg("x"), py::arg("y"))
      .def("bind", &bind, py::arg("input"), py::arg("output"));
}

}  // namespace pyconv
