// test_dispatch.cpp: the list of instruction sets and the choice among them.
#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

#include "dispatch.h"

using namespace pyconv;

TEST_CASE("the active table is one of those available and can be changed by name") {
  const std::string before = active_isa().name;
  REQUIRE_FALSE(available_isas().empty());
  for (const KernelTable* table : available_isas()) {
    set_active_isa(table->name);
    CHECK(&active_isa() == table);
    CHECK(table->f32.panel == 2 * table->f64.panel);
  }
  CHECK_THROWS_AS(set_active_isa("x86_64_v9"), std::invalid_argument);
  set_active_isa(before);
}
