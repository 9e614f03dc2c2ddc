// rm [-r] PATH…: removes files; with -r, folders and what is in them too.
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
  const bool folders = argc > 1 && std::string_view{argv[1]} == "-r";
  const int first = folders ? 2 : 1;
  if (first == argc) programs::wrong_usage("usage: rm [-r] PATH…");
  int code = 0;
  for (int i = first; i < argc; ++i) {
    if (const auto removed = remove(argv[i], folders); !removed) {
      complain("rm: {}: {}", argv[i], abi::description(removed.error()));
      code = 1;
    }
  }
  return code;
}
