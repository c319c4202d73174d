// arrays.h: NumPy arrays as the core's tensors: checked for dtype, layout and shape, never converted.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "../buffer.h"
#include "../problem.h"
#include "../result_memory.h"
#include "unlocked.h"

namespace pyconv {

namespace py = pybind11;

using Shape = std::vector<int64_t>;

inline DType dtype_of(const std::string& name) {
  if (name == "float32") return DType::f32;
  if (name == "float64") return DType::f64;
  throw std::invalid_argument("dtype must be float32 or float64. Received: dtype=" + name);
}

// That of an array whose memory data_of is then asked for, which refuses another byte order. By its number, for NumPy
// takes 4 us to write a dtype's name.
inline DType dtype_of(const py::array& array) {
  const int number = array.dtype().num();
  if (number == py::dtype::num_of<float>()) return DType::f32;
  if (number == py::dtype::num_of<double>()) return DType::f64;
  return dtype_of(py::str(array.dtype()).cast<std::string>());  // throws
}

inline int64_t count_of(const Shape& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

inline std::string text(const Shape& shape) {
  std::string result = "(";
  for (int64_t size : shape) result += (result.size() > 1 ? ", " : "") + std::to_string(size);
  return result + ")";
}

// ValueError or TypeError where the array isn't of this dtype and shape: what lies past its end would be read or
// written.
inline void check_array(const char* name, const py::array& array, DType dtype, const Shape& shape, bool write) {
  const py::dtype expected = dtype == DType::f32 ? py::dtype::of<float>() : py::dtype::of<double>();
  if (!array.dtype().is(expected) && !array.dtype().equal(expected))
    throw py::type_error(std::string(name) + " must have dtype " + py::str(expected).cast<std::string>() +
                         ". Received: " + py::str(array.dtype()).cast<std::string>());
  if (!std::equal(array.shape(), array.shape() + array.ndim(), shape.begin(), shape.end()))
    throw std::invalid_argument(std::string(name) + " must have shape " + text(shape) +
                                ". Received: " + text(Shape(array.shape(), array.shape() + array.ndim())));
  if (write && !array.writeable()) throw std::invalid_argument(std::string(name) + " must be writeable.");
}

// The array's memory if it is exactly what the core expects, else an error.
inline void* data_of(const char* name, const py::array& array, DType dtype, const Shape& shape, bool write) {
  check_array(name, array, dtype, shape, write);
  if (!(array.flags() & py::array::c_style)) throw std::invalid_argument(std::string(name) + " must be C-contiguous.");
  return const_cast<void*>(array.data());
}

// The same for images (mb, *spatial, c) whose pixels lie `pixel` elements apart: some channels of wider images.
inline void* image_of(const char* name, const py::array& array, DType dtype, const Shape& shape, int64_t pixel,
                      bool write) {
  if (pixel == shape.back()) return data_of(name, array, dtype, shape, write);
  check_array(name, array, dtype, shape, write);
  int64_t expected = size_of(dtype);
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] > 1 && array.strides(static_cast<py::ssize_t>(axis)) != expected)
      throw std::invalid_argument(std::string(name) + " must have pixels " + std::to_string(pixel) +
                                  " elements apart, one after the other.");
    expected = axis + 1 == shape.size() ? pixel * size_of(dtype) : expected * shape[axis];
  }
  return const_cast<void*>(array.data());
}

extern "C" {  // tracemalloc.c
void pyconv_track(const void* memory, size_t bytes);
void pyconv_untrack(const void* memory);
}

inline void give_back(void* block) {
  std::unique_ptr<ResultBlock> mine(static_cast<ResultBlock*>(block));
  pyconv_untrack(mine->memory.get());
  if (mine->bytes >= kMinResultBytes) give_back_result(std::move(mine));
}

// An uninitialised array that begins at a cache line, so that no vector of it is spread over two. NumPy's own begin
// anywhere.
inline py::array aligned_array(DType dtype, const Shape& shape) {
  const int64_t bytes = size_of(dtype) * count_of(shape);
  std::unique_ptr<ResultBlock> block =
      bytes >= kMinResultBytes ? take_result(bytes) : std::make_unique<ResultBlock>(make_buffer(bytes), bytes);
  const void* data = block->memory.get();
  const py::capsule owner(block.get(), give_back);
  block.release();
  pyconv_track(data, static_cast<size_t>(bytes));
  return py::array(dtype == DType::f32 ? py::dtype::of<float>() : py::dtype::of<double>(), shape, data, owner);
}

// (mb, *spatial, c), the spatial sizes being those the caller gave, one to three of them.
inline Shape image_shape(int64_t mb, const Axes& axes, int64_t Axis::* size, size_t rank, int64_t c) {
  Shape shape = {mb};
  for (size_t index = kSpatialAxes - rank; index < kSpatialAxes; ++index) shape.push_back(axes[index].*size);
  shape.push_back(c);
  return shape;
}

inline py::tuple tuple_of(const Shape& shape) {
  py::tuple sizes(shape.size());
  for (size_t index = 0; index < shape.size(); ++index) sizes[index] = shape[index];
  return sizes;
}

inline py::tuple spatial_sizes(const Axes& axes, int64_t Axis::* size, size_t rank) {
  py::tuple sizes(rank);
  for (size_t index = 0; index < rank; ++index) sizes[index] = axes[kSpatialAxes - rank + index].*size;
  return sizes;
}

void register_chain(py::module_& module);
void register_conv(py::module_& module);
void register_last_axis(py::module_& module);
void register_pool(py::module_& module);
void register_pad(py::module_& module);
void register_program(py::module_& module);
void register_program_sequence(py::module_& module);
void register_resample(py::module_& module);
void register_runtime(py::module_& module);
void register_training(py::module_& module);
void register_transpose(py::module_& module);
void register_update(py::module_& module);

}  // namespace pyconv
