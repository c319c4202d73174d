// update.cpp: the steps of optimizers for Python.
#include "../update.h"

#include <pybind11/stl.h>

#include <limits>

#include "../dispatch.h"
#include "arrays.h"

namespace pyconv {
namespace {

using Kept = std::optional<py::array>;

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

// The dtype and shape that all arrays of a step have.
struct Common {
  explicit Common(const py::array& weights)
      : dtype(weights.dtype().num() == py::dtype::num_of<double>() ? DType::f64 : DType::f32),
        shape(weights.shape(), weights.shape() + weights.ndim()) {}

  template <class T>
  T* written(const char* name, const Kept& array) const {
    return array ? static_cast<T*>(data_of(name, *array, dtype, shape, true)) : nullptr;
  }
  template <class T>
  const T* read(const char* name, const py::array& array) const {
    return static_cast<const T*>(data_of(name, array, dtype, shape, false));
  }

  DType dtype;
  Shape shape;
};

void run_sgd(const py::array& weights, const py::array& gradients, double keep, double rate, double momentum,
             bool nesterov, const Kept& velocity, double factor, double limit) {
  const Common common(weights);
  with_dtype(common.dtype, [&]<class T>() {
    const UpdateArgs<T> args{.weights = common.written<T>("weights", weights),
                             .gradients = common.read<T>("gradients", gradients),
                             .velocity = common.written<T>("velocity", velocity),
                             .keep = static_cast<T>(keep),
                             .rate = static_cast<T>(rate),
                             .momentum = static_cast<T>(momentum),
                             .factor = static_cast<T>(factor),
                             .limit = static_cast<T>(limit),
                             .nesterov = nesterov,
                             .count = weights.size()};
    const Unlocked unlocked;
    update(active_isa(), UpdateRule::sgd, args);
  });
}

void run_adam(const py::array& weights, const py::array& gradients, double keep, double rate, double mean_share,
              double square_share, double epsilon, const py::array& mean, const py::array& square, const Kept& largest,
              double factor, double limit) {
  const Common common(weights);
  with_dtype(common.dtype, [&]<class T>() {
    const UpdateArgs<T> args{.weights = common.written<T>("weights", weights),
                             .gradients = common.read<T>("gradients", gradients),
                             .mean = common.written<T>("mean", mean),
                             .square = common.written<T>("square", square),
                             .largest = common.written<T>("largest", largest),
                             .keep = static_cast<T>(keep),
                             .rate = static_cast<T>(rate),
                             .mean_share = static_cast<T>(mean_share),
                             .square_share = static_cast<T>(square_share),
                             .epsilon = static_cast<T>(epsilon),
                             .factor = static_cast<T>(factor),
                             .limit = static_cast<T>(limit),
                             .count = weights.size()};
    const Unlocked unlocked;
    update(active_isa(), UpdateRule::adam, args);
  });
}

void run_rmsprop(const py::array& weights, const py::array& gradients, double keep, double rate, double square_keep,
                 double square_share, double epsilon, const py::array& square, double momentum, const Kept& velocity,
                 double mean_share, const Kept& mean, double factor, double limit) {
  const Common common(weights);
  with_dtype(common.dtype, [&]<class T>() {
    const UpdateArgs<T> args{.weights = common.written<T>("weights", weights),
                             .gradients = common.read<T>("gradients", gradients),
                             .velocity = common.written<T>("velocity", velocity),
                             .mean = common.written<T>("mean", mean),
                             .square = common.written<T>("square", square),
                             .keep = static_cast<T>(keep),
                             .rate = static_cast<T>(rate),
                             .momentum = static_cast<T>(momentum),
                             .mean_share = static_cast<T>(mean_share),
                             .square_share = static_cast<T>(square_share),
                             .square_keep = static_cast<T>(square_keep),
                             .epsilon = static_cast<T>(epsilon),
                             .factor = static_cast<T>(factor),
                             .limit = static_cast<T>(limit),
                             .count = weights.size()};
    const Unlocked unlocked;
    update(active_isa(), UpdateRule::rmsprop, args);
  });
}

double sum_of_squares_of(const py::array& src) {
  const Common common(src);
  double sum = 0;
  with_dtype(common.dtype, [&]<class T>() {
    const T* numbers = common.read<T>("src", src);
    const int64_t count = src.size();
    const Unlocked unlocked;
    sum = sum_of_squares(active_isa(), numbers, count);
  });
  return sum;
}

}  // namespace

void register_update(py::module_& module) {
  module.def("sgd_update", &run_sgd, py::arg("weights"), py::arg("gradients"), py::arg("keep"), py::arg("rate"),
             py::arg("momentum") = 0.0, py::arg("nesterov") = false, py::arg("velocity").none(true) = py::none(),
             py::arg("factor") = 1.0, py::arg("limit") = kNoLimit);
  module.def("adam_update", &run_adam, py::arg("weights"), py::arg("gradients"), py::arg("keep"), py::arg("rate"),
             py::arg("mean_share"), py::arg("square_share"), py::arg("epsilon"), py::arg("mean"), py::arg("square"),
             py::arg("largest").none(true) = py::none(), py::arg("factor") = 1.0, py::arg("limit") = kNoLimit);
  module.def("rmsprop_update", &run_rmsprop, py::arg("weights"), py::arg("gradients"), py::arg("keep"), py::arg("rate"),
             py::arg("square_keep"), py::arg("square_share"), py::arg("epsilon"), py::arg("square"),
             py::arg("momentum") = 0.0, py::arg("velocity").none(true) = py::none(), py::arg("mean_share") = 0.0,
             py::arg("mean").none(true) = py::none(), py::arg("factor") = 1.0, py::arg("limit") = kNoLimit);
  module.def("sum_of_squares", &sum_of_squares_of, py::arg("src"));
}

}  // namespace pyconv
