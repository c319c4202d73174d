// benchdnn.h: reads convolution problems in the line syntax of oneDNN's benchdnn, as tests/problems.py does in Python.
#pragma once

#include <string>
#include <vector>

#include "problem.h"

namespace pyconv {

struct NamedProblem {
  std::string name;
  ConvProblem problem;
};

// One line, such as mb1_ic64ih56oc64oh56kh3ph1n"name"; throws std::invalid_argument that quotes it.
NamedProblem parse_problem(const std::string& line, Direction direction, DType dtype);

// All problems of a file; # starts a comment. Throws std::invalid_argument when the file can't be read.
std::vector<NamedProblem> read_problems(const std::string& path, Direction direction, DType dtype);

}  // namespace pyconv
