// cpu_quota.cpp: reads the files of both versions of control groups.
#include "cpu_quota.h"

#include <algorithm>
#include <cmath>
#include <fstream>

namespace pyconv {
namespace {

// How much of a CPU's time a group may use; 0 without a quota.
double quota_of(const std::string& directory) {
  double quota = 0, period = 0;
  std::ifstream both(directory + "/cpu.max");  // of version 2; "max 100000" is no quota
  if (!(both >> quota >> period)) {
    std::ifstream(directory + "/cpu.cfs_quota_us") >> quota;  // of version 1; -1 is none
    std::ifstream(directory + "/cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

}  // namespace

int quota_cpus(const std::string& root) {
  double least = 0;
  std::ifstream groups(root + "/proc/self/cgroup");
  // number:controllers:group, where the one without controllers is version 2's.
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    const bool is_version_2 = controllers == ",,";
    if (!is_version_2 && controllers.find(",cpu,") == std::string::npos) continue;
    const std::string top = root + "/sys/fs/cgroup" + (is_version_2 ? "" : "/cpu");
    // From the group outwards; a container may see the outermost alone.
    std::string group = line.substr(second + 1);
    while (true) {
      const double quota = quota_of(top + group);
      if (quota > 0) least = least > 0 ? std::min(least, quota) : quota;
      if (group.empty()) break;
      group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
    }
  }
  return static_cast<int>(std::ceil(least));
}

}  // namespace pyconv
