// test_cpu_quota.cpp: quotas of control groups, as files of either version tell them.
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "cpu_quota.h"

namespace {

namespace fs = std::filesystem;

// A file system of its own, for as long as the object lives.
struct Root {
  Root() { fs::create_directories(path); }
  ~Root() { fs::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text << '\n';
  }
  int cpus() const { return pyconv::quota_cpus(path.string()); }

  fs::path path = fs::temp_directory_path() / ("pyconv_quota_" + std::to_string(getpid()));
};

}  // namespace

TEST_CASE("without files or quotas there is no limit") {
  const Root root;
  CHECK(root.cpus() == 0);
  root.write("proc/self/cgroup", "0::/");
  CHECK(root.cpus() == 0);
  root.write("sys/fs/cgroup/cpu.max", "max 100000");
  CHECK(root.cpus() == 0);
}

TEST_CASE("version 2: the smallest quota from the group outwards, rounded up") {
  const Root root;
  root.write("proc/self/cgroup", "0::/user.slice/job.scope");
  root.write("sys/fs/cgroup/user.slice/job.scope/cpu.max", "max 100000");
  root.write("sys/fs/cgroup/user.slice/cpu.max", "250000 100000");
  CHECK(root.cpus() == 3);
  root.write("sys/fs/cgroup/user.slice/job.scope/cpu.max", "50000 100000");
  CHECK(root.cpus() == 1);
  root.write("sys/fs/cgroup/user.slice/job.scope/cpu.max", "800000 100000");
  CHECK(root.cpus() == 3);
}

TEST_CASE("version 1: the group of the controller cpu, or what a container sees of it") {
  const Root root;
  root.write("proc/self/cgroup", "5:cpuset:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/init.scope");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1");
  root.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  CHECK(root.cpus() == 0);
  root.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000");
  CHECK(root.cpus() == 2);
}
