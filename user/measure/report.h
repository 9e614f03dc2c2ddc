// What is measured, and how it is printed: a line for each figure,
//
//   name <TAB> value <TAB> unit <TAB> limit <TAB> ok|over
//
// The limit is what must hold now, `-` where nothing must. --goals compares with what Cotrap is
// for.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace measure {

inline constexpr double no_limit = -1;

struct Row {
  std::string_view name;
  std::string_view unit;  // all but "bytes" need exact counts
  double limit;
  double goal;
};

// Whether the figure is within `limit`.
bool report(const Row& row, double value, double limit);

// Prints what `row` would say, were there something to say it about.
void report_nothing(const Row& row, std::string_view why);

struct Measurement {
  Row row;
  // Nothing: this machine lacks what it takes.
  std::optional<double> (*measure)();
};

// By file: calls.cpp, devices.cpp, switching.cpp, lives.cpp, memory.cpp, time.cpp.
std::span<const Measurement> calls();
std::span<const Measurement> devices();
std::span<const Measurement> switching();
std::span<const Measurement> lives();
std::span<const Measurement> memory();
std::span<const Measurement> time();

// What a program may be started as by a measurement that needs two. Nothing: no such role.
std::optional<int> play_role(std::string_view role);

}  // namespace measure
