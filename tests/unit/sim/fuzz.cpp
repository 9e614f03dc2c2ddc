// Damaged workloads and recordings: reading and simulating them ends, with a result or an error
// message. The seeds are fixed; COTRAP_FUZZ=N tries N files of each kind.
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "record.h"
#include "run.h"

using namespace async::sim;

namespace {

std::size_t tries() {
  const char* const asked = std::getenv("COTRAP_FUZZ");
  return asked == nullptr ? 400 : std::strtoul(asked, nullptr, 10);
}

std::vector<std::string> workloads() {
  std::vector<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(COTRAP_WORKLOADS)) {
    std::ifstream file(entry.path());
    all.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  std::ranges::sort(all);
  return all;
}

/// Makes one to four changes: bytes, numbers, and lines that are removed, doubled or taken from
/// another file.
std::string damaged(std::string text, const std::vector<std::string>& others, Random& random) {
  const auto below = [&random](std::size_t limit) {
    return limit == 0 ? 0 : random.next() % limit;
  };
  const auto line_of = [&](const std::string& of) {
    const std::size_t begin = of.rfind('\n', below(of.size())) + 1;
    return std::pair(begin, std::min(of.find('\n', begin), of.size() - 1) + 1 - begin);
  };
  static constexpr const char* words[] = {
      "0",      "1", "-1", "0.4",    "1e15", "1e308", "inf", "ns",     "s",  "end", "repeat ",
      "fork 9", "#", " ",  "closed", "exp",  "lock ", "=",   "999999", "\n", ""};
  for (std::size_t changes = 1 + below(4); changes != 0 && !text.empty(); --changes) {
    const auto [begin, length] = line_of(text);
    switch (below(5)) {
      case 0: text[below(text.size())] = static_cast<char>(random.next()); break;
      case 1: text.replace(below(text.size()), below(4), words[below(std::size(words))]); break;
      case 2: text.erase(begin, length); break;
      case 3: text.insert(begin, text.substr(begin, length)); break;
      default: {
        const std::string& other = others[below(others.size())];
        const auto [from, size] = line_of(other);
        text.insert(begin, other.substr(from, size));
      }
    }
  }
  return text;
}

}  // namespace

TEST_CASE("a damaged workload is simulated, or its error has a place") {
  const auto all = workloads();
  Random random(1);
  std::size_t simulated = 0;
  for (std::size_t i = 0; i < tries(); ++i) {
    const std::string text = damaged(all[i % all.size()], all, random);
    INFO(text);
    auto read = read_workload(text, nullptr);
    if (!read) {
      REQUIRE(read.error().line >= 1);
      REQUIRE(read.error().what.size() > 5);
      continue;
    }
    read->duration_ns = 10'000'000;
    try {
      (void)simulate(*read, {.machine = {.harts = read->harts, .most_at_once = 10'000}});
      ++simulated;
    } catch (const std::runtime_error& error) {
      REQUIRE(std::string_view(error.what()).contains("tasks at once"));
    }
  }
  CHECK(simulated > tries() / 10);
}

TEST_CASE("a damaged recording is read, or its error has a line") {
  std::vector<std::string> all;
  for (const char* workload : {"web", "policy=fifo"}) {
    Recording recording{.arguments = {"workload=web", workload, "seeds=7"}};
    for (std::uint64_t i = 0; i < 20; ++i)
      recording.decisions.push_back({i, 0, i, "a", {i, i + 1}});
    all.push_back(recording.to_file());
  }
  Random random(2);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < tries(); ++i) {
    const std::string text = damaged(all[i % all.size()], all, random);
    INFO(text);
    try {
      (void)Recording::of_file(text);
    } catch (const std::runtime_error& error) {
      ++wrong;
      REQUIRE(std::strtoul(error.what(), nullptr, 10) >= 1);
    }
  }
  CHECK(wrong > tries() / 2);
}
