// benchdnn.cpp: fields first, then benchdnn's rules for those left out.
#include "benchdnn.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <stdexcept>

namespace pyconv {
namespace {

using Fields = std::map<std::string, int64_t>;

int64_t get(const Fields& fields, const std::string& key, int64_t fallback) {
  const auto found = fields.find(key);
  return found == fields.end() ? fallback : found->second;
}

// One axis, described by the fields that end in letter. A missing output follows from the pads, a missing pad from the
// output; the pad at the end is what the output asks for.
void add_axis(const Fields& fields, const std::string& letter, Window& window) {
  const int64_t i = get(fields, "i" + letter, 0), k = get(fields, "k" + letter, 0);
  const int64_t s = get(fields, "s" + letter, 1), d = get(fields, "d" + letter, 0) + 1;
  const int64_t extent = (k - 1) * d + 1;
  int64_t o = get(fields, "o" + letter, 0), begin = get(fields, "p" + letter, -1);
  if (o == 0) o = (i - extent + 2 * std::max<int64_t>(begin, 0)) / s + 1;
  const int64_t total = std::max<int64_t>((o - 1) * s + extent - i, 0);
  if (begin < 0) begin = total / 2;
  window.input.push_back(i);
  window.kernel.push_back(k);
  window.strides.push_back(s);
  window.dilation.push_back(d);
  window.pads.emplace_back(begin, std::max<int64_t>(total - begin, 0));
}

// The letter that describes each axis: "hw" where both are given, "hh" for a square.
std::string axis_letters(const Fields& fields) {
  const bool d = fields.contains("id"), h = fields.contains("ih"), w = fields.contains("iw");
  if (d) return h ? "dhw" : "ddd";
  if (h) return w ? "hw" : "hh";
  return "w";
}

}  // namespace

NamedProblem parse_problem(const std::string& line, Direction direction, DType dtype) {
  static const std::regex field("^(mb|g|[io]c|[iokspd][dhw])([0-9]+)_*"), name("^n?\"?([^\"]*)\"?$");
  Fields fields;
  std::smatch match;
  std::string rest = line;
  while (std::regex_search(rest, match, field)) {
    fields[match[1]] = std::stoll(match[2]);
    rest = match.suffix();
  }
  if (!std::regex_search(rest, match, name) || !fields.contains("ic") || !fields.contains("oc"))
    throw std::invalid_argument("problem line must be a convolution in benchdnn's syntax. Received: " + line);
  Window window;
  for (char letter : axis_letters(fields)) add_axis(fields, std::string(1, letter), window);
  return {match[1], make_conv_problem(line, direction, dtype, get(fields, "mb", 2), fields["ic"], fields["oc"],
                                      get(fields, "g", 1), window)};
}

std::vector<NamedProblem> read_problems(const std::string& path, Direction direction, DType dtype) {
  std::ifstream file(path);
  if (!file) throw std::invalid_argument("problem file can't be read. Received: " + path);
  std::vector<NamedProblem> problems;
  for (std::string line; std::getline(file, line);) {
    line = line.substr(0, line.find('#'));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (!line.empty()) problems.push_back(parse_problem(line, direction, dtype));
  }
  return problems;
}

}  // namespace pyconv
