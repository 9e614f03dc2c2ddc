// disk WHAT [NUMBER…]: runs one of the tests of disk.h. tests/system/disk.py prepares the disk and
// checks its contents afterwards.
#include <charconv>
#include <cstring>
#include <string_view>

#include "disk.h"

using namespace user;

namespace disk {

Fd file = -1;
std::size_t bytes = 0;

Result<std::size_t> read_at(std::size_t offset, void* to, std::size_t size) {
  return call<std::size_t>(Call::pread64, file, static_cast<std::byte*>(to), size, offset);
}
Result<std::size_t> write_at(std::size_t offset, const void* from, std::size_t size) {
  return call<std::size_t>(Call::pwrite64, file, static_cast<const std::byte*>(from), size, offset);
}

}  // namespace disk

namespace {

std::uint64_t number(int argc, char** argv, int at) {
  std::uint64_t value = 0;
  if (at < argc) std::from_chars(argv[at], argv[at] + std::strlen(argv[at]), value);
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const auto opened = open("/dev/vda", abi::o_rdwr);
  if (what == "none") {
    disk::refused(opened, Errno::enoent, "/dev/vda on a machine without a disk");
    return 0;
  }
  disk::file = must(opened, "/dev/vda");
  disk::bytes = static_cast<std::size_t>(must(seek(disk::file, 0, abi::seek_end), "seek"));
  const auto first = number(argc, argv, 2);
  if (what == "random") {
    return disk::write_at_random(first, static_cast<int>(number(argc, argv, 3)),
                                 static_cast<int>(number(argc, argv, 4)));
  }
  if (what == "joined") return disk::join(first);
  if (what == "joined-and-left") return disk::join_and_leave();
  if (what == "joined-bad") return disk::join_over(first);
  if (what == "wrong") return disk::be_wrong();
  if (what == "read-only") return disk::be_refused();
  if (what == "read-and-wait") return disk::read_and_wait();
  if (what == "killed") return disk::be_killed();
  if (what == "mapped") return disk::map();
  if (what == "mapped-bad") return disk::map_bad(first);
  if (what == "touch") return disk::touch(first);
  if (what == "left-to-others") return disk::leave_to_others();
  if (what == "ended-in-page-in") return disk::end_in_page_in();
  if (what == "interrupted") return disk::be_interrupted();
  if (what == "fork") return disk::fork_meanwhile();
  if (what == "execve") return disk::execute_meanwhile();
  if (what == "errors") return disk::meet_errors(first);
  if (what == "blocks") return disk::read_blocks(static_cast<int>(first));
  if (what == "leave-nothing") return disk::leave_nothing(static_cast<int>(first));
  fail("unknown test '{}'", what);
}
