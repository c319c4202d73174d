// lines.cpp: a network that lines.py trained, run without Python: convolutions, a pooling, a dense layer.
//
//     lines FOLDER
//
// reads FOLDER's images.npy, kernel0.npy, bias0.npy ... and writes scores.npy: is the line in an image upright or
// level?
#include <pyconv/pyconv.h>

#include <exception>
#include <iostream>
#include <string>

#include "npy.h"

namespace {

// A layer's results; layer is anything with dst_shape() and run().
template <class Layer>
Array run(const Layer& layer, const Array& src) {
  Array dst{layer.dst_shape(), {}};
  dst.values.resize(static_cast<std::size_t>(size_of(dst.shape)));
  layer.run(src.values.data(), dst.values.data());
  return dst;
}

// Layer number index of FOLDER, for images like src.
pyconv::Convolution convolution(const std::string& folder, int index, const Array& src,
                                const pyconv::ConvolutionOptions& options = {}) {
  const Array kernel = read_npy(folder + "/kernel" + std::to_string(index) + ".npy");
  const Array bias = read_npy(folder + "/bias" + std::to_string(index) + ".npy");
  return {src.shape, kernel.shape, kernel.values.data(), bias.values.data(), options};
}

void classify(const std::string& folder) {
  const pyconv::ConvolutionOptions relu{.activation = pyconv::ConvolutionOptions::Activation::relu};
  const Array images = read_npy(folder + "/images.npy");  // (batch, height, width, 1)

  const Array edges = run(convolution(folder, 0, images, relu), images);
  const Array smaller = run(pyconv::Pooling(pyconv::Pool::max, edges.shape, {2, 2}), edges);
  const Array lines = run(convolution(folder, 1, smaller, relu), smaller);
  const Array strongest =  // of the whole map: a global pooling
      run(pyconv::Pooling(pyconv::Pool::max, lines.shape, {lines.shape[1], lines.shape[2]}), lines);
  const Array scores = run(convolution(folder, 2, strongest), strongest);  // a dense layer, as a kernel of one element

  write_npy(folder + "/scores.npy", scores);
  std::cout << scores.shape[0] << " images classified by " << pyconv::num_threads() << " threads\n";
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 2) throw std::runtime_error("usage: lines FOLDER");
  classify(arguments[1]);
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
