// cpu_quota.h: how many CPUs the process's control groups (cgroups) pay for. What affinity allows is parallel.cpp's.
#pragma once

#include <string>

namespace pyconv {

// The smallest quota of the process's group and of those that it lies in, as CPUs, rounded up; 0 if none has one. The
// files are those of cgroups(7) below root.
int quota_cpus(const std::string& root = "");

}  // namespace pyconv
