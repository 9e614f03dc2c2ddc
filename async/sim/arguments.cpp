#include "arguments.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <stdexcept>

#include "director.h"
#include "words.h"

namespace async::sim {

void give_up(const std::string& why) {
  fmt::print(stderr, "{}\n", why);
  std::exit(2);
}

namespace {

std::uint64_t number(std::string_view text, std::string_view of) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    throw std::runtime_error(fmt::format("{}: '{}' is not a number", of, text));
  }
  return value;
}

void read_policies(Arguments& arguments, std::string_view names) {
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    const async::policy::Kind* kind = find_directed(name);
    if (kind == nullptr) kind = async::policy::find(name);
    if (kind == nullptr) throw std::runtime_error(fmt::format("there is no policy '{}'", name));
    arguments.policies.push_back(kind);
  }
}

}  // namespace

void read_argument(Arguments& arguments, std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == word.npos)
    throw std::runtime_error(fmt::format("expected KEY=VALUE, not '{}'", word));
  const std::string_view key = word.substr(0, equals);
  const std::string_view value = word.substr(equals + 1);
  Costs& costs = arguments.machine.costs;
  if (key == "workload") {
    arguments.workload = value;
  } else if (key == "as") {
    arguments.known_as = value;
  } else if (key == "by") {
    arguments.by = value;
  } else if (key == "record") {
    arguments.record = value;
  } else if (key == "explore") {
    arguments.explore = number(value, key);
  } else if (key == "random") {
    arguments.depth = number(value, key);
  } else if (key == "jitter") {
    arguments.machine.jitter = async::Duration(number(value, key));
  } else if (key == "starving") {
    arguments.limits.starving_ns = number(value, key);
  } else if (key == "stalled") {
    arguments.limits.stalled_ns = number(value, key);
  } else if (key == "most") {
    arguments.most = number(value, key);
  } else if (key == "schedule") {
    if (const auto read = Director::of(value); !read) throw std::runtime_error(read.error());
    arguments.schedule = value;
  } else if (key == "faults") {
    const auto plan = FaultPlan::parse(value);
    if (!plan) throw std::runtime_error(fmt::format("faults={}: {}", value, plan.error()));
    arguments.machine.faults = *plan;
    arguments.faults = value;
  } else if (key == "policy") {
    read_policies(arguments, value);
  } else if (key == "seeds") {
    const std::size_t dots = value.find("..");
    arguments.first_seed = number(value.substr(0, dots), key);
    arguments.last_seed =
        dots == value.npos ? arguments.first_seed : number(value.substr(dots + 2), key);
  } else if (key == "harts") {
    arguments.harts = number(value, key);
    if (arguments.harts < 1 || arguments.harts > async::platform::max_harts) {
      throw std::runtime_error(fmt::format("harts must be 1 to {}", async::platform::max_harts));
    }
  } else if (key == "slice") {
    arguments.machine.slice = async::Duration(number(value, key));
    if (arguments.machine.slice.count() <= 0)
      throw std::runtime_error("slice must be longer than 0");
  } else if (key == "duration") {
    arguments.duration_ns = number(value, key);
    if (static_cast<double>(arguments.duration_ns) > longest_ns) {
      throw std::runtime_error("duration must be at most 11 days");
    }
  } else if (key == "buckets") {
    arguments.buckets = number(value, key) != 0;
  } else if (key == "plan") {
    arguments.plan = number(value, key) != 0;
  } else if (key == "timeline") {
    arguments.timeline = number(value, key);
  } else if (key == "change") {
    costs.change = number(value, key);
  } else if (key == "resume") {
    costs.resume = number(value, key);
  } else if (key == "migrate") {
    costs.migrate = number(value, key);
  } else if (key == "ipi") {
    costs.ipi = number(value, key);
  } else {
    throw std::runtime_error(fmt::format("unknown key '{}'", key));
  }
}

}  // namespace async::sim
