// ps: what runs. The kernel's /proc/processes, columns aligned.
#include <user/files.h>
#include <user/print.h>

#include <array>
#include <string_view>

using namespace user;

namespace {

std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const auto word = line.substr(0, line.find_first_of(" \t"));
    line.remove_prefix(std::min(line.size(), word.size() + 1));
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

bool is_number(std::string_view word) {
  return !word.empty() && word.find_first_not_of("-.0123456789") == word.npos;
}

}  // namespace

int main() {
  const auto text = read_file("/proc/processes");
  if (!text) {
    complain("ps: /proc/processes: {}", abi::description(text.error()));
    return 1;
  }
  std::vector<std::vector<std::string>> rows;
  for (std::string_view rest = *text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    rows.push_back(split(line));
  }
  std::array<std::size_t, 16> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      // A column of numbers stands to the right, heading included.
      const bool right = is_number(rows.back()[std::min(i, rows.back().size() - 1)]);
      const std::string gap(widths[i] - row[i].size(), ' ');
      line += (line.empty() ? "" : "  ") + (right ? gap + row[i] : row[i] + gap);
    }
    println("{}", line);
  }
  return 0;
}
