// Workloads of the tests.
#pragma once

#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "workload.h"

namespace sim_test {

inline async::sim::Workload workload(const std::string& text) {
  auto read = async::sim::read_workload(text, nullptr);
  if (!read) FAIL(read.error().line << ": " << read.error().what);
  return std::move(*read);
}

/// The workload `name` of async/sim/workloads.
inline async::sim::Workload stored_workload(const std::string& name) {
  std::ifstream file(COTRAP_WORKLOADS "/" + name + ".workload");
  return workload({std::istreambuf_iterator<char>(file), {}});
}

}  // namespace sim_test
