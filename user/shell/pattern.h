// Patterns of file names: * ? [a-z] [!a-z], and \x, which is x itself.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace shell {

struct FolderItem {
  std::string name;
  bool is_folder = false;
};
// Lists a folder without `.` and `..`. Empty, too, if it cannot be read.
using ListFolder = std::function<std::vector<FolderItem>(const std::string& folder)>;

// Takes time that is at most the product of the lengths.
bool matches(std::string_view pattern, std::string_view text);

// Whether the pattern has a * ? or [ that is not quoted.
bool has_wildcards(std::string_view pattern);

// Quotes the characters that are special in patterns.
std::string quoted_for_pattern(std::string_view text);

// The paths that match, sorted. A name that begins with a dot needs a dot in the pattern. Empty: no
// path matches.
std::vector<std::string> matching_paths(std::string_view pattern, const ListFolder& list);

}  // namespace shell
