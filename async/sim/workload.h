// Workload: the contents of a workload file (docs/workloads.md has the format). It lists the
// classes of tasks, how they arrive and what they do, and the locks and channels that they share.
// read_workload() parses it.
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

/// The position of a word in the file. Lines and columns count from 1, columns in bytes.
struct Place {
  unsigned line = 0;
  unsigned column = 0;
};

struct Step {
  enum class Kind : std::uint8_t {
    run,   // computes for `time`
    wait,  // sleeps for `time`
    yield,
    lock,  // takes the lock `object`
    unlock,
    send,  // sends a value into the channel `object`
    receive,
    fork,    // starts `count` tasks of the class `object`, and waits for their ends
    repeat,  // takes the steps up to its `end` `count` times in all
    end,
  };
  Kind kind;
  Distribution time;
  std::uint32_t object = 0;
  std::uint32_t count = 0;
  std::uint32_t match = 0;  // repeat: the index of its end; end: of its repeat
};

struct Arrival {
  enum class Kind : std::uint8_t {
    never,   // only forked by other classes
    open,    // tasks arrive `between` apart, whether or not earlier ones have ended
    closed,  // `count` tasks at the beginning; each arrives again `between` after its end
    trace,   // tasks arrive at `times`
  };
  Kind kind = Kind::never;
  Distribution between;
  std::uint64_t first_ns = 0;  // open: when the first task arrives; valid only if has_first
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
  std::uint64_t deadline_ns = 0;  // relative to the arrival; 0: none
  std::uint64_t budget_ns = 0;    // of the reservation; 0: none
  std::uint64_t period_ns = 0;
  HartMask harts = all_harts;
  Place place;        // of `class` in the file
  Place harts_place;  // of `on`, if the class has it
};

struct SharedLock {
  std::string name;
  bool inherits = true;  // its holder inherits the priority of its waiters
};

struct SharedChannel {
  std::string name;
  std::uint32_t capacity;
};

struct Workload {
  std::string summary;  // the first comment of the file
  std::uint64_t duration_ns = 1'000'000'000;
  std::uint64_t warm_up_ns = 0;  // earlier arrivals are not counted
  Place warm_up_place;
  unsigned harts = 1;  // the command may override it
  std::vector<TaskClass> classes;
  std::vector<SharedLock> locks;
  std::vector<SharedChannel> channels;
};

struct WorkloadError {
  unsigned line;    // from 1
  unsigned column;  // from 1, in bytes
  std::string what;
};

/// Returns the text of a file, or why it cannot be read.
using ReadFile = std::expected<std::string, std::string> (*)(const std::string& name);

/// `read_file` reads trace files of arrival times.
std::expected<Workload, WorkloadError> read_workload(std::string_view text, ReadFile read_file);

/// The names of the classes of which no task arrives before the end, whatever the seed.
std::vector<std::string> absent_classes(const Workload& workload);

}  // namespace async::sim
