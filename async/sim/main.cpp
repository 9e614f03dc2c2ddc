// The simulator's own command, which `./cotrap sim` runs: one workload, every policy and seed that
// is asked for, and a line of JSON for each run. What is made of the lines is others' work.
//
//   cotrap_sim FILE policy=NAME[,NAME…] seeds=A..B [harts=N] [slice=NS] [change=NS] [resume=NS]
//              [migrate=NS] [ipi=NS] [buckets=1] [duration=NS]
//   cotrap_sim policies
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "report.h"
#include "run.h"

namespace {

using namespace async::sim;

std::string folder;  // of the workload, where its trace files are

std::string read_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
std::string read_beside(const std::string& name) {
  return read_file((std::filesystem::path(folder) / name).string());
}

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "{}\n", why);
  std::exit(2);
}

std::uint64_t number(std::string_view text, std::string_view of) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    give_up(fmt::format("{}: '{}' is not a number", of, text));
  }
  return value;
}

struct Arguments {
  std::vector<const async::policy::Kind*> policies;
  std::uint64_t first_seed = 1;
  std::uint64_t last_seed = 1;
  std::uint64_t harts = 0;
  std::uint64_t duration_ns = 0;
  bool buckets = false;
  Machine::Options machine;
};

void read_policies(Arguments& arguments, std::string_view names) {
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    const async::policy::Kind* const kind = async::policy::find(name);
    if (kind == nullptr) give_up(fmt::format("there is no policy '{}'", name));
    arguments.policies.push_back(kind);
  }
}

void read_argument(Arguments& arguments, std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == word.npos) give_up(fmt::format("'{}' is not KEY=VALUE", word));
  const std::string_view key = word.substr(0, equals);
  const std::string_view value = word.substr(equals + 1);
  Costs& costs = arguments.machine.costs;
  if (key == "policy") {
    read_policies(arguments, value);
  } else if (key == "seeds") {
    const std::size_t dots = value.find("..");
    arguments.first_seed = number(value.substr(0, dots), key);
    arguments.last_seed =
        dots == value.npos ? arguments.first_seed : number(value.substr(dots + 2), key);
  } else if (key == "harts") {
    arguments.harts = number(value, key);
    if (arguments.harts < 1 || arguments.harts > async::platform::max_harts) {
      give_up(fmt::format("harts: 1 to {}", async::platform::max_harts));
    }
  } else if (key == "slice") {
    arguments.machine.slice = async::Duration(number(value, key));
    if (arguments.machine.slice.count() <= 0) give_up("slice: longer than 0");
  } else if (key == "duration") {
    arguments.duration_ns = number(value, key);
  } else if (key == "buckets") {
    arguments.buckets = number(value, key) != 0;
  } else if (key == "change") {
    costs.change = number(value, key);
  } else if (key == "resume") {
    costs.resume = number(value, key);
  } else if (key == "migrate") {
    costs.migrate = number(value, key);
  } else if (key == "ipi") {
    costs.ipi = number(value, key);
  } else {
    give_up(fmt::format("'{}' is nothing to be said here", key));
  }
}

}  // namespace

int main(int count, char** words) {
  if (count < 2) give_up("which workload?");
  const std::string path = words[1];
  if (path == "policies") {
    for (const auto& kind : async::policy::kinds) fmt::print("{}\t{}\n", kind.name, kind.summary);
    return 0;
  }
  Arguments arguments;
  for (int i = 2; i < count; ++i) read_argument(arguments, words[i]);
  if (arguments.policies.empty()) give_up("which policy?");

  folder = std::filesystem::path(path).parent_path().string();
  if (!std::filesystem::is_regular_file(path)) give_up(path + ": there is no such file");
  auto workload = read_workload(read_file(path), read_beside);
  if (!workload) {
    const WorkloadError& error = workload.error();
    give_up(fmt::format("{}:{}:{}: {}", path, error.line, error.column, error.what));
  }
  if (arguments.duration_ns != 0) workload->duration_ns = arguments.duration_ns;
  arguments.machine.harts =
      arguments.harts != 0 ? static_cast<unsigned>(arguments.harts) : workload->harts;
  for (const auto* const policy : arguments.policies) {
    for (std::uint64_t seed = arguments.first_seed; seed <= arguments.last_seed; ++seed) {
      arguments.machine.policy = policy;
      arguments.machine.seed = seed;
      const Outcome outcome = simulate(*workload, {.machine = arguments.machine});
      fmt::print("{}\n", to_json(outcome, policy->name, seed, arguments.buckets));
    }
  }
}
