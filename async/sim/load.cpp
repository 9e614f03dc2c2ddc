#include "load.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace async::sim {

std::expected<std::string, std::string> read_file(const std::string& name) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(name, error)) {
    return std::unexpected(std::filesystem::exists(name, error) ? "not a regular file"
                                                                : "no such file");
  }
  std::ifstream file(name, std::ios::binary);
  if (!file) return std::unexpected("cannot be read");
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

namespace {

std::string folder;  // of the workload, where its trace files are

std::expected<std::string, std::string> read_beside(const std::string& name) {
  return read_file((std::filesystem::path(folder) / name).string());
}

/// Gives up because of an error at this place in the workload file.
[[noreturn]] void give_up_at(const Arguments& arguments, Place at, std::string_view why) {
  give_up(fmt::format("{}:{}:{}: {}", arguments.workload, at.line, at.column, why));
}

void use_workload(Arguments& arguments, Workload& workload) {
  if (arguments.duration_ns != 0) workload.duration_ns = arguments.duration_ns;
  if (workload.warm_up_ns >= workload.duration_ns) {
    give_up_at(arguments, workload.warm_up_place,
               fmt::format("the warm-up, {:g} s, must be shorter than the duration, {:g} s "
                           "(--duration)",
                           static_cast<double>(workload.warm_up_ns) / 1e9,
                           static_cast<double>(workload.duration_ns) / 1e9));
  }
  const unsigned harts =
      arguments.harts != 0 ? static_cast<unsigned>(arguments.harts) : workload.harts;
  arguments.machine.harts = harts;
  for (const auto& each : workload.classes) {
    if ((each.harts & async::harts_below(harts)) != 0) continue;
    const std::string there = harts == 1 ? "only hart 0" : fmt::format("harts 0 to {}", harts - 1);
    give_up_at(arguments, each.harts_place,
               fmt::format("class '{}' can run on no hart: the machine has {}; add harts with "
                           "`harts N` in the file, or with --harts",
                           each.name, there));
  }
}

Workload read(const std::string& path) {
  folder = std::filesystem::path(path).parent_path().string();
  const auto text = read_file(path);
  if (!text) give_up(path + ": " + text.error());
  auto workload = read_workload(*text, read_beside);
  if (workload) return std::move(*workload);
  const WorkloadError& error = workload.error();
  give_up(fmt::format("{}:{}:{}: {}", path, error.line, error.column, error.what));
}

}  // namespace

Workload load_workload(Arguments& arguments) {
  Workload workload = read(arguments.workload);
  use_workload(arguments, workload);
  return workload;
}

}  // namespace async::sim
