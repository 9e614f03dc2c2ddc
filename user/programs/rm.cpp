// rm [-r] PATH…: removes files; with -r, folders and their contents too.
#include <user/files.h>

#include "arguments.h"

using namespace user;

namespace {

Result<void> remove(const std::string& path, bool folders) {
  const auto removed = remove_file(path.c_str());
  if (removed || removed.error() != Errno::eisdir || !folders) return removed;
  const auto items = list_directory(path.c_str());
  if (!items) return std::unexpected{items.error()};
  for (const auto& item : *items) {
    if (const auto gone = remove(path + "/" + item.name, folders); !gone) return gone;
  }
  return remove_directory(path.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "rm [-r] PATH…"};
  const bool folders = arguments.take("-r");
  int code = 0;
  for (const char* path : arguments.words(1)) {
    if (const auto removed = remove(path, folders); !removed) {
      complain("rm: {}: {}", path, abi::description(removed.error()));
      code = 1;
    }
  }
  return code;
}
