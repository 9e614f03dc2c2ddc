// Calls that the disk must refuse, and transfers at its end.
#include <user/process.h>

#include <cstring>
#include <vector>

#include "disk.h"

using namespace user;

namespace disk {

int be_wrong() {
  char some[1024] = {};
  check(must(read_at(bytes, some, 10), "reading at the end") == 0, "nothing at the end");
  check(must(read_at(bytes - 7, some, 100), "reading across the end") == 7, "7 bytes are left");
  check(must(write_at(bytes - 7, some, 100), "writing across the end") == 7, "7 fit");
  refused(write_at(bytes, some, 1), Errno::enospc, "writing at the end");
  refused(call<std::size_t>(Call::pread64, file, some, 10, -1L), Errno::einval, "a negative place");
  refused(read_at(0, nullptr, 10), Errno::efault, "a null pointer");
  refused(write_at(0, nullptr, 10), Errno::efault, "a null pointer");
  refused(read_at(0, reinterpret_cast<void*>(0xffff'ffc0'8020'0000), 10), Errno::efault,
          "the kernel");
  refused(read_at(0, reinterpret_cast<void*>(&be_wrong), 10), Errno::efault, "code");

  auto* const pages = must(map_memory(2 * page_size, abi::prot_read | abi::prot_write), "pages");
  must(protect_memory(pages + page_size, page_size, abi::prot_none), "mprotect");
  check(must(read_at(3, pages + page_size - 100, 1'000), "half a buffer") == 100,
        "as far as it goes");
  check(must(write_at(3, pages + page_size - 100, 1'000), "half a buffer") == 100, "the same");
  check(must(read_at(0, some, 0), "nothing") == 0, "nothing is nothing");

  check(must(seek(file, 0, abi::seek_end), "seek") == static_cast<long>(bytes), "the end");
  check(must(read(file, std::span{some}), "reading there") == 0, "the end");
  refused(seek(file, 1, abi::seek_end), Errno::einval, "a place behind the end");
  check(must(seek(file, 100, abi::seek_set), "seek") == 100, "back");
  check(must(read(file, std::span{some}), "reading") == sizeof some, "and on");
  check(must(seek(file, 0, abi::seek_cur), "seek") == 100 + sizeof some, "place");

  const auto stat = must(status(file), "fstat");
  check((stat.mode & abi::s_ifmt) == abi::s_ifblk && stat.size == 0, "a block device");
  std::uint64_t size = 0;
  must(call(Call::ioctl, file, abi::blk_get_size_64, &size), "BLKGETSIZE64");
  check(size == bytes, "{} bytes", size);
  refused(call(Call::ioctl, file, abi::tcgets, some), Errno::enotty, "not a terminal");
  refused(call(Call::ioctl, file, abi::blk_get_size_64, nullptr), Errno::efault, "null");
  constexpr int o_direct = abi::o_rdonly | abi::o_direct | abi::o_nonblock;
  const Fd direct = must(open("/dev/vda", o_direct), "O_DIRECT");
  check(must(read(direct, std::span{some}), "reading") == sizeof some,
        "O_NONBLOCK does not matter");
  refused(write(direct, "x"), Errno::ebadf, "not open for that");
  return 0;
}

int be_refused() {
  char some[sector_bytes];
  refused(write_at(0, some, sizeof some), Errno::eperm, "a read-only disk");
  refused(write_at(1, some, 1), Errno::eperm, "a read-only disk");
  check(must(read_at(0, some, sizeof some), "reading") == sizeof some, "reading is allowed");
  int read_only = 0;
  must(call(Call::ioctl, file, abi::blk_read_only, &read_only), "BLKROGET");
  check(read_only == 1, "it says so");
  return 0;
}

int meet_errors(std::size_t bad_offset) {
  char some[sector_bytes];
  refused(read_at(bad_offset, some, sizeof some), Errno::eio, "a bad sector");
  refused(write_at(bad_offset, some, sizeof some), Errno::eio, "a bad sector");
  refused(write_at(bad_offset + 3, some, 5), Errno::eio, "a part of one");
  check(
      must(read_at(bad_offset - sector_bytes, some, sizeof some), "the one before") == sizeof some,
      "read");
  std::vector<char> much(256 * 1024);
  const auto count = must(read_at(0, much.data(), much.size()), "up to it");
  check(count > 0 && count <= bad_offset, "{} bytes were read", count);
  return 0;
}

}  // namespace disk
