// ls [-l] [PATH…]: lists folders.
#include <user/files.h>

#include "arguments.h"

using namespace user;

namespace {

char kind(unsigned mode) {
  switch (mode & abi::s_ifmt) {
    case abi::s_ifdir: return 'd';
    case abi::s_ifblk: return 'b';
    case abi::s_ifchr: return 'c';
    case abi::s_iflnk: return 'l';
    case abi::s_ififo: return 'p';
    default: return '-';
  }
}

void print_item(std::string_view name, const char* path, bool long_form) {
  const auto stat = long_form ? status(path) : Result<abi::Stat>{abi::Stat{}};
  if (!long_form) {
    println("{}", name);
  } else if (stat) {
    println("{}{:04o} {:>10} {}", kind(stat->mode), stat->mode & 07777, stat->size, name);
  } else {
    println("?     {:>10} {}", "?", name);
  }
}

bool list(const char* path, bool long_form) {
  const auto stat = status(path);
  if (!stat) {
    complain("ls: {}: {}", path, abi::description(stat.error()));
    return false;
  }
  if ((stat->mode & abi::s_ifmt) != abi::s_ifdir) {
    print_item(path, path, long_form);
    return true;
  }
  const auto items = list_directory(path);
  if (!items) {
    complain("ls: {}: {}", path, abi::description(items.error()));
    return false;
  }
  for (const auto& item : *items) {
    const auto full = std::string{path} + "/" + item.name;
    print_item(item.type == abi::dt_dir ? item.name + "/" : item.name, full.c_str(), long_form);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "ls [-l] [PATH…]"};
  const bool long_form = arguments.take("-l");
  auto paths = arguments.paths();
  if (paths.empty()) paths.push_back(".");
  bool well = true;
  for (const char* path : paths) {
    if (paths.size() > 1) println("{}:", path);
    well &= list(path, long_form);
  }
  return well ? 0 : 1;
}
