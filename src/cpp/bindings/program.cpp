// program.cpp: programs for Python: the builder, a method a step, and runs on arrays.
#include "../program.h"

#include <pybind11/stl.h>

#include "../steps/conv.h"
#include "../steps/copy.h"
#include "../steps/pad.h"
#include "../steps/pool.h"
#include "../steps/row_blocks.h"
#include "links.h"
#include "places.h"
#include "plans.h"

namespace pyconv {
namespace {

Sharing sharing_of(const std::string& name) {
  if (name == "auto") return Sharing::automatic;
  if (name == "steps") return Sharing::steps;
  if (name == "repeats") return Sharing::repeats;
  throw std::invalid_argument("ProgramBuilder.section: share must be auto, steps or repeats. Received: share=" + name);
}

void add_conv(ProgramBuilder& self, const std::shared_ptr<PyConvPlan>& plan, const PyPlace& src,
              const std::shared_ptr<PyPackedWeights>& packed, const std::optional<py::array>& bias, const PyPlace& dst,
              const std::optional<PyPlace>& residual, const std::optional<PyPlace>& factors) {
  if (packed->plan != plan)
    throw std::invalid_argument("ProgramBuilder.conv: packed weights must come from the same plan's pack.");
  const ConvProblem& problem = plan->problem();
  const void* numbers = bias ? data_of("bias", *bias, problem.dtype, {problem.produced_channels()}, false) : nullptr;
  self.add(std::make_unique<ConvStep>(std::shared_ptr<const ConvPlan>(plan, &plan->plan),
                                      std::shared_ptr<const std::byte>(packed, packed->memory.get()), packed->bytes,
                                      numbers, place_of(src), place_of(dst),
                                      residual ? std::optional(place_of(*residual)) : std::nullopt,
                                      factors ? std::optional(place_of(*factors)) : std::nullopt));
}

using PyRowConv = std::tuple<std::shared_ptr<PyConvPlan>, std::shared_ptr<PyPackedWeights>, std::optional<py::array>,
                             std::vector<PyLink>>;

void add_row_blocks(ProgramBuilder& self, const std::vector<PyRowConv>& given, int64_t blocks, const PyPlace& src,
                    const PyPlace& dst, const std::optional<PyPlace>& residual) {
  std::vector<RowConv> convs;
  for (const auto& [plan, packed, bias, links] : given) {
    if (packed->plan != plan)
      throw std::invalid_argument("ProgramBuilder.row_blocks: packed weights must come from the same plan's pack.");
    RowConv conv{.plan = {plan, &plan->plan},
                 .packed = {packed, packed->memory.get()},
                 .packed_bytes = packed->bytes,
                 .bias = {},
                 .links = links_of(links)};
    if (bias) {
      const auto* numbers = static_cast<const float*>(data_of("bias", *bias, DType::f32, {plan->problem().oc}, false));
      conv.bias.assign(numbers, numbers + plan->problem().oc);
    }
    convs.push_back(std::move(conv));
  }
  self.add(std::make_unique<RowBlocksStep>(std::move(convs), blocks, place_of(src), place_of(dst),
                                           residual ? std::optional(place_of(*residual)) : std::nullopt));
}

int64_t row_blocks_workspace(const std::vector<std::shared_ptr<PyConvPlan>>& plans, int64_t blocks) {
  std::vector<RowConv> convs(plans.size());
  for (size_t index = 0; index < plans.size(); ++index) convs[index].plan = {plans[index], &plans[index]->plan};
  return RowBlocksStep(std::move(convs), blocks, {}, {}, std::nullopt).facts().workspace_bytes;
}

void add_pool(ProgramBuilder& self, const std::shared_ptr<PyPoolPlan>& plan, const PyPlace& src, const PyPlace& dst) {
  self.add(
      std::make_unique<PoolStep>(std::shared_ptr<const PoolPlan>(plan, &plan->plan), place_of(src), place_of(dst)));
}

void add_copy(ProgramBuilder& self, const PyPlace& src, const PyPlace& dst, const Shape& shape,
              const Shape& src_strides, const Shape& dst_strides) {
  self.add(std::make_unique<CopyStep>(CopyProblem{shape, src_strides, dst_strides}, place_of(src), place_of(dst),
                                      active_isa()));
}

void add_pad(ProgramBuilder& self, const PyPlace& src, const PyPlace& dst, const Shape& shape, const Shape& before,
             const Shape& after, double value) {
  const PadProblem problem = make_pad_problem(DType::f32, shape, before, after);
  self.add(std::make_unique<PadStep>(problem, value, place_of(src), place_of(dst)));
}

// Where the arrays begin, each as long as so many rounds of its buffer.
void add_data(std::vector<std::byte*>& data, const char* name, const py::sequence& arrays,
              const std::vector<int64_t>& bytes, int64_t rounds, bool write) {
  if (arrays.size() != bytes.size())
    throw std::invalid_argument("Program.run: " + std::string(name) + " must be " + std::to_string(bytes.size()) +
                                " arrays. Received: " + std::to_string(arrays.size()));
  for (size_t index = 0; index < bytes.size(); ++index) {
    const py::object item = arrays[index];
    if (!py::isinstance<py::array>(item))
      throw py::type_error("Program.run: " + std::string(name) +
                           " must be arrays. Received: " + py::str(py::type::of(item)).cast<std::string>());
    const auto array = py::reinterpret_borrow<py::array>(item);
    const Shape shape(array.shape(), array.shape() + array.ndim());
    data.push_back(static_cast<std::byte*>(data_of(name, array, DType::f32, shape, write)));
    if (array.nbytes() != bytes[index] * rounds)
      throw std::invalid_argument("Program.run: " + std::string(name) + "[" + std::to_string(index) + "] must have " +
                                  std::to_string(bytes[index]) + " bytes for each of " + std::to_string(rounds) +
                                  " rounds. Received: shape " + text(shape));
  }
}

void run(const Program& self, const py::sequence& inputs, const py::sequence& outputs, int64_t rounds,
         double* seconds) {
  if (rounds < 0)
    throw std::invalid_argument("Program.run: rounds must not be negative. Received: " + std::to_string(rounds));
  std::vector<std::byte*> data;
  data.reserve(self.bytes().inputs.size() + self.bytes().outputs.size());
  add_data(data, "inputs", inputs, self.bytes().inputs, rounds, false);
  add_data(data, "outputs", outputs, self.bytes().outputs, rounds, true);
  const Unlocked unlocked;
  self.run(data, rounds, seconds);
}

py::list steps(const Program& self) {
  py::list all;
  for (const Section& section : self.sections())
    for (const auto& step : section.steps) {
      const StepFacts facts = step->facts();
      int64_t read = facts.weights_bytes, written = 0;
      for (const Access& access : step->accesses()) (access.write ? written : read) += access.bytes;
      py::dict line;
      line["kind"] = facts.kind;
      line["algorithm"] = facts.algorithm;
      line["repeats"] = section.repeats;
      line["flops"] = facts.flops;
      line["bytes_read"] = read;
      line["bytes_written"] = written;
      line["weights_bytes"] = facts.weights_bytes;
      line["workspace_bytes"] = facts.workspace_bytes;
      all.append(std::move(line));
    }
  return all;
}

}  // namespace

void register_program(py::module_& module) {
  py::class_<Program, std::shared_ptr<Program>>(module, "Program", py::is_final())
      .def(
          "run",
          [](const Program& self, const py::sequence& inputs, const py::sequence& outputs, int64_t rounds) {
            run(self, inputs, outputs, rounds, nullptr);
          },
          py::arg("inputs"), py::arg("outputs"), py::arg("rounds") = 1)
      .def(
          "profile",
          [](const Program& self, const py::sequence& inputs, const py::sequence& outputs, int64_t rounds) {
            std::vector<double> seconds(static_cast<size_t>(self.steps()));
            run(self, inputs, outputs, rounds, seconds.data());
            return seconds;
          },
          py::arg("inputs"), py::arg("outputs"), py::arg("rounds") = 1)
      .def("steps", &steps);

  py::class_<ProgramBuilder> builder(module, "ProgramBuilder", py::is_final());
  builder
      .def(py::init([](const Shape& inputs, const Shape& outputs, int64_t arena, int64_t kept) {
             return ProgramBuilder({.arena = arena, .kept = kept, .inputs = inputs, .outputs = outputs});
           }),
           py::arg("inputs"), py::arg("outputs"), py::arg("arena"), py::arg("kept") = 0)
      .def(
          "section",
          [](ProgramBuilder& self, int64_t repeats, const std::string& share) {
            self.section(repeats, sharing_of(share));
          },
          py::arg("repeats"), py::arg("share") = "auto")
      .def("conv", &add_conv, py::arg("plan"), py::arg("src"), py::arg("packed"), py::arg("bias").none(true),
           py::arg("dst"), py::arg("residual").none(true) = py::none(), py::arg("factors").none(true) = py::none())
      .def("row_blocks", &add_row_blocks, py::arg("convs"), py::arg("blocks"), py::arg("src"), py::arg("dst"),
           py::arg("residual").none(true) = py::none())
      .def("pool", &add_pool, py::arg("plan"), py::arg("src"), py::arg("dst"))
      .def("copy", &add_copy, py::arg("src"), py::arg("dst"), py::arg("shape"), py::arg("src_strides"),
           py::arg("dst_strides"))
      .def("pad", &add_pad, py::arg("src"), py::arg("dst"), py::arg("shape"), py::arg("before"), py::arg("after"),
           py::arg("value"))
      .def("build", &ProgramBuilder::build);
  add_element_steps(builder);
  module.def("row_blocks_workspace", &row_blocks_workspace, py::arg("plans"), py::arg("blocks"));
}

}  // namespace pyconv
