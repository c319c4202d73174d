// npy.h: dense float32 arrays in NumPy's .npy files, versions 1 to 3. No other dtypes, no Fortran order.
// The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

struct Array {
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

inline std::int64_t size_of(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

// The numbers between the brackets that follow 'shape': in the header, a Python dictionary.
inline std::vector<std::int64_t> shape_in(const std::string& header) {
  std::vector<std::int64_t> shape;
  std::size_t at = header.find('(', header.find("'shape'")) + 1;
  for (const std::size_t end = header.find(')', at); at < end; at = header.find_first_of(",)", at) + 1)
    if (const std::size_t digit = header.find_first_of("0123456789", at); digit < end)
      shape.push_back(std::stoll(header.substr(digit)));
  return shape;
}

inline Array read_npy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char magic[8];
  if (!file.read(magic, 8) || std::string(magic, 6) != "\x93NUMPY")
    throw std::runtime_error(path + ": not a .npy file");
  std::uint32_t header_bytes = 0;  // little-endian, as are the processors that pyconv runs on; 2 bytes in version 1
  file.read(reinterpret_cast<char*>(&header_bytes), magic[6] == 1 ? 2 : 4);
  std::string header(header_bytes, ' ');
  file.read(header.data(), header_bytes);
  if (header.find("'<f4'") == header.npos || header.find("'fortran_order': False") == header.npos)
    throw std::runtime_error(path + ": must hold float32 in C order");
  Array array{shape_in(header), {}};
  array.values.resize(static_cast<std::size_t>(size_of(array.shape)));
  if (!file.read(reinterpret_cast<char*>(array.values.data()), static_cast<std::streamsize>(array.values.size() * 4)))
    throw std::runtime_error(path + ": ends too early");
  return array;
}

inline void write_npy(const std::string& path, const Array& array) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (";
  for (const std::int64_t size : array.shape) header += std::to_string(size) + ",";
  header += ")}";
  header.resize((header.size() + 1 + 10 + 63) / 64 * 64 - 10 - 1, ' ');  // the data begin at a multiple of 64
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  file.write("\x93NUMPY\x01\x00", 8).put(static_cast<char>(header.size() % 256));
  file.put(static_cast<char>(header.size() / 256)) << header;
  file.write(reinterpret_cast<const char*>(array.values.data()), static_cast<std::streamsize>(array.values.size() * 4));
  if (!file) throw std::runtime_error(path + ": could not be written");
}
