// module.cpp: the extension module pyconv._core. Each concept registers itself.
#include "../dispatch.h"
#include "arrays.h"

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  module.doc() = "The C++ core of pyconv: plans that run on arrays, and the settings of the process.";
  module.attr("__version__") = PYCONV_VERSION;
  pyconv::active_isa();  // a wrong PYCONV_ISA is an error of the import, not of the first convolution
  pyconv::register_chain(module);
  pyconv::register_conv(module);
  pyconv::register_last_axis(module);
  pyconv::register_pool(module);
  pyconv::register_pad(module);
  pyconv::register_program(module);
  pyconv::register_program_sequence(module);
  pyconv::register_resample(module);
  pyconv::register_runtime(module);
  pyconv::register_training(module);
  pyconv::register_transpose(module);
  pyconv::register_update(module);
}
