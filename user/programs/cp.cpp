// cp FROM TO: copies a file; into TO if that is a folder.
#include <user/files.h>

#include "arguments.h"

using namespace user;

namespace {

std::string destination(std::string_view from, const char* to) {
  const auto stat = status(to);
  if (!stat || (stat->mode & abi::s_ifmt) != abi::s_ifdir) return to;
  return std::string{to} + "/" + std::string{from.substr(from.rfind('/') + 1)};
}

Result<void> copy(Fd from, Fd to) {
  static char buffer[16 * 1024];
  for (;;) {
    const auto count = read(from, std::span{buffer});
    if (!count) return std::unexpected{count.error()};
    if (*count == 0) return {};
    if (const auto written = write_all(to, {buffer, *count}); !written) return written;
  }
}

int complain_about(std::string_view path, Errno error) {
  complain("cp: {}: {}", path, abi::description(error));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  programs::Arguments arguments{argc, argv, "cp FROM TO"};
  const auto names = arguments.words(2, 2);
  const auto from = open(names[0]);
  if (!from) return complain_about(names[0], from.error());
  const auto path = destination(names[0], names[1]);
  const unsigned mode = status(*from).value_or(abi::Stat{.mode = 0666}).mode & 0777;
  const auto to = open(path.c_str(), abi::o_wronly | abi::o_creat | abi::o_trunc, mode | 0200);
  if (!to) return complain_about(path, to.error());
  const auto copied = copy(*from, *to);
  return copied ? 0 : complain_about(path, copied.error());
}
