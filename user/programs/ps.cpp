// ps [-s [PID]]: lists processes, or with -s the system calls that were counted (/proc/syscalls),
// of one process or of all. Prints /proc/processes (a line of column names, then a line per
// process, values separated by tabs) with aligned columns. Columns NAME_ns are nanoseconds; ps
// prints them in readable units.
#include <user/files.h>

#include "arguments.h"

using namespace user;

namespace {

using Row = std::vector<std::string>;

Row split(std::string_view line) {
  Row values;
  for (;;) {
    const auto value = line.substr(0, line.find('\t'));
    values.emplace_back(value);
    if (value.size() == line.size()) return values;
    line.remove_prefix(value.size() + 1);
  }
}

std::string seconds(std::string_view nanoseconds) {
  long value = 0;
  std::from_chars(nanoseconds.data(), nanoseconds.data() + nanoseconds.size(), value);
  return format("{}.{:03} s", value / 1'000'000'000, value / 1'000'000 % 1'000);
}

bool is_number(std::string_view value) {
  return !value.empty() && (value.front() == '-' || (value.front() >= '0' && value.front() <= '9'));
}

}  // namespace

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "ps [-s [PID]]"};
  const bool syscalls = arguments.take("-s");
  const auto words = arguments.words(0, syscalls ? 1 : 0);
  const std::string path = !syscalls       ? "/proc/processes"
                           : words.empty() ? "/proc/syscalls"
                                           : format("/proc/{}/syscalls", words[0]);
  const auto text = read_file(path.c_str());
  if (!text) {
    complain("ps: {}: {}", path, abi::description(text.error()));
    return 1;
  }
  std::vector<Row> rows;
  for (std::string_view rest = *text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    rows.push_back(split(line));
    rows.back().resize(rows.front().size());
  }
  if (rows.size() < 2) {
    if (syscalls) complain("ps: no system call was counted: `echo on > /proc/syscalls` begins");
    return 1;
  }

  std::vector<std::string> lines(rows.size());
  for (std::size_t column = 0; column < rows.front().size(); ++column) {
    auto& heading = rows.front()[column];
    if (heading.ends_with("_ns")) {
      heading.resize(heading.size() - 3);
      for (std::size_t i = 1; i < rows.size(); ++i) rows[i][column] = seconds(rows[i][column]);
    }
    std::size_t width = 0;
    for (const auto& row : rows) width = std::max(width, row[column].size());
    const bool to_the_right = is_number(rows[1][column]);
    const bool last = column + 1 == rows.front().size();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto& value = rows[i][column];
      const std::string gap(last ? 0 : width - value.size(), ' ');
      if (column > 0) lines[i] += "  ";
      lines[i] += to_the_right ? gap + value : value + gap;
    }
  }
  for (const auto& line : lines) println("{}", line);
  return 0;
}
