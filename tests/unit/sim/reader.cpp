// Reads workload files, and reports the place of errors.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "workload.h"

using namespace async::sim;

namespace {

std::string error_of(std::string_view text) {
  const auto read = read_workload(text, nullptr);
  if (read) return "none";
  const WorkloadError& error = read.error();
  return std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.what;
}

std::expected<std::string, std::string> trace_file(const std::string& name) {
  return name == "times"  ? "1ms\n# a pause\n2.5ms\n"
         : name == "bad"  ? "1ms\n7\n"
         : name == "back" ? "5ms\n1ms\n"
         : name == "two"  ? "5ms 7ms\n"
                          : "";
}

}  // namespace

TEST_CASE("a workload file is read as classes, arrivals and steps") {
  const auto read = read_workload(R"(# web and batch
duration 2s
warm-up 100ms
harts 4
lock db
lock log no-inheritance
channel queue 8

class web                 # the important ones
  arrive poisson 500/s
  priority 3
  deadline 20ms
  weight 2048
  on 0 2
  run exp 1ms
  lock db
  run uniform 10us 20us
  unlock db
  send queue
class batch
  arrive closed 5 think either 0.25 1ms 1s
  reserve 2ms every 10ms
  repeat 3
    receive queue
    run pareto 1ms 1.5
    fork 2 child
  end
class child
  yield
  wait 5us
)",
                                  nullptr);
  REQUIRE(read);
  CHECK(read->summary == "web and batch");
  CHECK(read->duration_ns == 2'000'000'000);
  CHECK(read->warm_up_ns == 100'000'000);
  CHECK(read->harts == 4);
  CHECK(read->locks[0].inherits);
  CHECK_FALSE(read->locks[1].inherits);
  CHECK(read->channels[0].capacity == 8);
  const TaskClass& web = read->classes[0];
  CHECK(web.arrival.kind == Arrival::Kind::open);
  CHECK(web.arrival.between.a == 2e6);
  CHECK(web.priority == 3);
  CHECK(web.deadline_ns == 20'000'000);
  CHECK(web.weight == 2048);
  CHECK(web.harts == 5);
  CHECK(web.steps.size() == 5);
  CHECK(web.steps[2].time.kind == Distribution::Kind::uniform);
  const TaskClass& batch = read->classes[1];
  CHECK(batch.arrival.count == 5);
  CHECK(batch.arrival.between.share == 0.25);
  CHECK(batch.budget_ns == 2'000'000);
  CHECK(batch.period_ns == 10'000'000);
  CHECK(batch.steps[0].match == 4);
  CHECK(batch.steps[4].match == 0);
  CHECK(batch.steps[3].object == 2);
}

TEST_CASE("an error in a workload file is reported with its line and column") {
  CHECK(error_of("") == "1:1: the file has no class");
  CHECK(error_of("class a\n  rum 1ms") == "2:3: 'rum' is not a statement here");
  CHECK(error_of("class a\n  run 5") ==
        "2:7: expected a time such as 5ms (ns, us, ms or s), not '5'");
  CHECK(error_of("class a\n  run") == "2:6: a time such as 5ms (ns, us, ms or s) is missing");
  CHECK(error_of("class a\n  run 1ms 2ms") == "2:11: the line should end here");
  CHECK(error_of("class a\n  run -1ms").starts_with("2:7: "));
  CHECK(error_of("class a\n  run nanms").starts_with("2:7: "));
  CHECK(error_of("class a\n  run 1e9s").starts_with("2:7: "));
  CHECK(error_of("class a\n  lock x") == "2:8: no such lock");
  CHECK(error_of("lock x\nclass a\n  lock x") == "3:3: class a keeps x locked");
  CHECK(error_of("lock x\nclass a\n  unlock x") ==
        "3:3: class a unlocks x, which it has not locked");
  CHECK(error_of("lock x\nclass a\n  lock x\n  repeat 2\n    unlock x\n  end") ==
        "5:5: class a unlocks x again in the repeat's next pass");
  CHECK(error_of("lock x\nclass a\n  repeat 2\n    lock x\n  end\n  unlock x") ==
        "4:5: class a locks x again in the repeat's next pass");
  CHECK(error_of("lock x\nclass a\n  repeat 1\n    lock x\n  end\n  unlock x") == "none");
  CHECK(error_of("class a\n  repeat 9\n    repeat 9\n    end\n  end") ==
        "3:5: this repeat has no steps");
  CHECK(error_of("class a\n  arrive once\n  run 1ms\n  arrive once") ==
        "4:3: 'arrive' is given twice");
  CHECK(error_of("harts 1\nharts 2\nclass a\n  yield") == "2:1: 'harts' is given twice");
  for (const char* often : {"every 0.6ns", "every either 0 1s 0s", "poisson 2e9/s"}) {
    CHECK(error_of("class a\n  arrive " + std::string(often) + "\n  yield")
              .ends_with("arrivals must be at least 1 ns apart"));
  }
  CHECK(error_of("class a\n  repeat 2\n  run 1ms") == "1:1: class a has a repeat without an end");
  CHECK(error_of("class a\n  end") == "2:3: 'end' without 'repeat'");
  CHECK(error_of("class a\nclass b\n  run 1ms") == "1:1: class a has no steps");
  CHECK(error_of("class a\n  run 1ms\nclass a") == "3:7: this name is already used");
  CHECK(error_of("class a\n  fork 2 a") ==
        "2:10: a class may fork only classes that come after it");
  CHECK(error_of("class a\n  fork 2 z") == "2:10: no such class");
  CHECK(error_of("class a\n  arrive often") ==
        "2:3: expected every, poisson, closed, once or trace after 'arrive'");
  CHECK(error_of("class a\n  arrive poisson 5") == "2:18: expected a rate such as 800/s");
  CHECK(error_of("class a\n  priority 32").starts_with("2:12: expected a priority from 0 to 31"));
  CHECK(error_of("class a\n  reserve 2ms every 1ms\n  yield") ==
        "2:21: the period must not be shorter than the time reserved in it");
  CHECK(error_of("class a\n  reserve 1ms every 1ms\n  yield") == "none");
  CHECK(error_of("harts 1025\nclass a\n  yield")
            .starts_with("1:7: expected a number from 1 to 1024"));
}

TEST_CASE("classes without a task before the end are reported") {
  const auto read = read_workload(
      "class never\n  fork 1 by-it\nclass by-it\n  yield\nclass late\n  arrive once at 2s\n  "
      "yield\n"
      "class later\n  arrive every 1ms from 1s\n  yield\nclass a\n  arrive closed 1\n  fork 1 b\n"
      "class b\n  yield",
      nullptr);
  REQUIRE(read);
  CHECK(absent_classes(*read) == std::vector<std::string>{"never", "by-it", "late", "later"});
}

TEST_CASE("arrivals may come from a file, and its errors are reported, too") {
  const auto read = read_workload("class a\n  arrive trace times\n  yield", trace_file);
  REQUIRE(read);
  CHECK(read->classes[0].arrival.times == std::vector<std::uint64_t>{1'000'000, 2'500'000});
  const auto bad = read_workload("class a\n  arrive trace bad\n  yield", trace_file);
  REQUIRE_FALSE(bad);
  CHECK(bad.error().what.starts_with("line 2 of it: expected a time such as"));
  CHECK_FALSE(read_workload("class a\n  arrive trace none\n  yield", trace_file));
  const auto back = read_workload("class a\n  arrive trace back\n  yield", trace_file);
  CHECK(back.error().what == "line 2 of it: this time is before the one above it");
  const auto two = read_workload("class a\n  arrive trace two\n  yield", trace_file);
  CHECK(two.error().what == "line 1 of it: the line should end here");
}

TEST_CASE("every file is read as a workload or as an error with a place") {
  const std::string whole =
      "lock l\nchannel c 2\nclass a\n arrive every 2ms from 1ms\n run exp 1ms\n"
      " lock l\n run 1us\n unlock l\n repeat 2\n send c\n receive c\n end\n";
  REQUIRE(read_workload(whole, nullptr));
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char put : {'\0', ' ', '9', 'z', '\n', '#', '\xff'}) {
      std::string damaged = whole;
      damaged[at] = put;
      const auto read = read_workload(damaged, nullptr);
      if (read) continue;
      CHECK(read.error().line >= 1);
      CHECK(read.error().column >= 1);
      CHECK(read.error().what.size() > 5);
    }
    (void)read_workload(std::string_view(whole).substr(0, at), nullptr);
  }
}

TEST_CASE("the workloads of the project are read") {
  unsigned count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(COTRAP_WORKLOADS)) {
    if (entry.path().extension() != ".workload") continue;
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto read = read_workload(text, nullptr);
    INFO(entry.path());
    if (!read) FAIL(read.error().line << ":" << read.error().column << ": " << read.error().what);
    CHECK(!read->summary.empty());
    ++count;
  }
  CHECK(count >= 12);
}
