// dispatch.cpp: asks the CPU once which tables of isa.def it runs. Compiled for the oldest CPU of the build.
#include "dispatch.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace pyconv {

#define PYCONV_ISA(isa, supported) \
  namespace isa {                  \
  extern const KernelTable table;  \
  }
#include "isa.def"
#undef PYCONV_ISA

namespace {

const std::vector<const KernelTable*>& tables() {
  static const std::vector<const KernelTable*> found = [] {
    std::vector<const KernelTable*> result;
#define PYCONV_ISA(isa, supported) \
  if (supported) result.push_back(&isa::table);
#include "isa.def"
#undef PYCONV_ISA
    return result;
  }();
  return found;
}

const KernelTable* find(const std::string& source, const std::string& name) {
  std::string names;
  for (const KernelTable* table : tables()) {
    if (name == table->name) return table;
    names += (names.empty() ? "" : ", ") + std::string(table->name);
  }
  throw std::invalid_argument(source + " must be one of the instruction sets that this CPU runs, " + names +
                              ". Received: " + name);
}

std::atomic<const KernelTable*>& active() {
  static std::atomic<const KernelTable*> table = [] {
    if (const char* name = std::getenv("PYCONV_ISA"); name != nullptr && *name != '\0') return find("PYCONV_ISA", name);
    if (tables().empty()) throw std::runtime_error("pyconv: this CPU runs none of the instruction sets of this build.");
    return tables().front();
  }();
  return table;
}

}  // namespace

std::span<const KernelTable* const> available_isas() { return tables(); }

const KernelTable& active_isa() { return *active(); }

void set_active_isa(const std::string& name) { active() = find("set_isa: name", name); }

}  // namespace pyconv
