# find_package(pyconv): the library pyconv::pyconv, installed without Python.
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include("${CMAKE_CURRENT_LIST_DIR}/pyconv-targets.cmake")
