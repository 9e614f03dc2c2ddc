// What a workload file says (docs/workloads.md has the format): the classes of tasks, how they
// arrive and what they do, and the locks and channels that they share. read_workload() turns text
// into it.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "async/job.h"
#include "distribution.h"

namespace async::sim {

/// Of a word in the file, both from 1, in bytes.
struct Place {
  unsigned line = 0;
  unsigned column = 0;
};

struct Step {
  enum class Kind : std::uint8_t {
    run,   // computes for `time`
    wait,  // sleeps for `time`
    yield,
    lock,  // `object`
    unlock,
    send,  // a value into the channel `object`
    receive,
    fork,    // `count` tasks of the class `object`, and waits for their ends
    repeat,  // what follows up to its `end`, `count` times in all
    end,
  };
  Kind kind;
  Distribution time;
  std::uint32_t object = 0;
  std::uint32_t count = 0;
  std::uint32_t match = 0;  // repeat: where its end is; end: where it began
};

struct Arrival {
  enum class Kind : std::uint8_t {
    never,   // only by others' fork
    open,    // one after another, `between` them
    closed,  // `count` tasks at the beginning, each again and again, `between` its end and
             // beginning
    trace,   // at `times`
  };
  Kind kind = Kind::never;
  Distribution between;
  std::uint64_t first_ns = 0;  // open: the first one; else one drawn from `between`
  bool has_first = false;
  std::uint32_t count = 0;
  std::vector<std::uint64_t> times;
};

struct TaskClass {
  std::string name;
  Arrival arrival;
  std::vector<Step> steps;
  std::uint8_t priority = default_priority;
  std::uint32_t weight = 1024;
  std::uint64_t deadline_ns = 0;  // after its arrival; 0: none
  std::uint64_t budget_ns = 0;    // a reservation
  std::uint64_t period_ns = 0;
  HartMask harts = all_harts;
  Place place;        // where the file begins with it
  Place harts_place;  // … says its harts, if it does
};

struct SharedLock {
  std::string name;
  bool inherits = true;  // its owner runs with the priority of whoever waits for it
};

struct SharedChannel {
  std::string name;
  std::uint32_t capacity;
};

struct Workload {
  std::string summary;  // its first comment
  std::uint64_t duration_ns = 1'000'000'000;
  std::uint64_t warm_up_ns = 0;  // what arrives before is not counted
  Place warm_up_place;
  unsigned harts = 1;  // unless the command says otherwise
  std::vector<TaskClass> classes;
  std::vector<SharedLock> locks;
  std::vector<SharedChannel> channels;
};

struct WorkloadError {
  unsigned line;    // from 1
  unsigned column;  // from 1, in bytes
  std::string what;
};

/// The text of a file; an error: why there is none.
using ReadFile = std::expected<std::string, std::string> (*)(const std::string& name);

/// `read_file`: for arrivals from a trace file.
std::expected<Workload, WorkloadError> read_workload(std::string_view text, ReadFile read_file);

/// The classes of which no task comes before the end, whatever the seed.
std::vector<std::string> absent_classes(const Workload& workload);

}  // namespace async::sim
