// runtime.cpp: threads, instruction sets and the facts of the build for Python.
#include <pybind11/stl.h>

#include "../dispatch.h"
#include "../fma_peak.h"
#include "../parallel.h"
#include "../result_memory.h"
#include "../workspace.h"
#include "arrays.h"

namespace pyconv {

void register_runtime(py::module_& module) {
  module.def("available_isas", [] {
    py::list names;
    for (const KernelTable* table : available_isas()) names.append(table->name);
    return names;
  });
  module.def("get_isa", [] { return active_isa().name; });
  module.def("set_isa", &set_active_isa, py::arg("name"));
  module.def("get_num_threads", &num_threads);
  module.def("set_num_threads", &set_num_threads, py::arg("count"));
  module.def("fma_peak", &fma_peak, py::arg("threads"), py::arg("seconds"), py::call_guard<Unlocked>());
  module.def(
      "empty", [](const std::string& dtype, const Shape& shape) { return aligned_array(dtype_of(dtype), shape); },
      py::arg("dtype"), py::arg("shape"));
  module.def("release_workspaces", [] {
    release_workspaces();
    release_results();
  });
  module.def("kept_workspace_bytes", &kept_workspace_bytes);
  module.def("kept_result_bytes", &kept_result_bytes);
  module.attr("min_result_bytes") = kMinResultBytes;
  module.def("build_config", [] {
    const KernelTable& table = active_isa();
    py::dict config;
    config["compiler"] = PYCONV_COMPILER;
    config["isa"] = table.name;
    config["tile_float32"] = py::make_tuple(table.f32.tile_rows, table.f32.panel);
    config["tile_float64"] = py::make_tuple(table.f64.tile_rows, table.f64.panel);
    return config;
  });
}

}  // namespace pyconv
