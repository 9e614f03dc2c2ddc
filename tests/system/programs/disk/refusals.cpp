// Calls that the disk must refuse, and transfers at its end.
#include <user/process.h>

#include <cstring>
#include <vector>

#include "disk.h"

using namespace user;

namespace disk {

int be_wrong() {
  char some[1024] = {};
  check(must(read_at(bytes, some, 10), "reading at the end") == 0, "a read at the end returns 0");
  check(must(read_at(bytes - 7, some, 100), "reading across the end") == 7,
        "a read across the end returns 7 bytes");
  check(must(write_at(bytes - 7, some, 100), "writing across the end") == 7,
        "a write across the end writes 7 bytes");
  refused(write_at(bytes, some, 1), Errno::enospc, "writing at the end");
  refused(call<std::size_t>(Call::pread64, file, some, 10, -1L), Errno::einval,
          "a negative offset");
  refused(read_at(0, nullptr, 10), Errno::efault, "a null pointer");
  refused(write_at(0, nullptr, 10), Errno::efault, "a null pointer");
  refused(read_at(0, reinterpret_cast<void*>(0xffff'ffc0'8020'0000), 10), Errno::efault,
          "the kernel");
  refused(read_at(0, reinterpret_cast<void*>(&be_wrong), 10), Errno::efault, "code");

  auto* const pages = must(map_memory(2 * page_size, abi::prot_read | abi::prot_write), "pages");
  must(protect_memory(pages + page_size, page_size, abi::prot_none), "mprotect");
  check(must(read_at(3, pages + page_size - 100, 1'000), "half a buffer") == 100,
        "a read fills the mapped part of the buffer");
  check(must(write_at(3, pages + page_size - 100, 1'000), "half a buffer") == 100,
        "a write takes the mapped part of the buffer");
  check(must(read_at(0, some, 0), "nothing") == 0, "a read of 0 bytes returns 0");

  check(must(seek(file, 0, abi::seek_end), "seek") == static_cast<long>(bytes),
        "the end of the disk");
  check(must(read(file, std::span{some}), "reading at the end") == 0, "the end of the disk");
  refused(seek(file, 1, abi::seek_end), Errno::einval, "a position behind the end");
  check(must(seek(file, 100, abi::seek_set), "seek") == 100, "a position in the disk");
  check(must(read(file, std::span{some}), "reading") == sizeof some,
        "a read from there is complete");
  check(must(seek(file, 0, abi::seek_cur), "seek") == 100 + sizeof some,
        "the read moves the position");

  const auto stat = must(status(file), "fstat");
  check((stat.mode & abi::s_ifmt) == abi::s_ifblk && stat.size == 0, "a block device");
  std::uint64_t size = 0;
  must(call(Call::ioctl, file, abi::blk_get_size_64, &size), "BLKGETSIZE64");
  check(size == bytes, "{} bytes", size);
  refused(call(Call::ioctl, file, abi::tcgets, some), Errno::enotty, "not a terminal");
  refused(call(Call::ioctl, file, abi::blk_get_size_64, nullptr), Errno::efault, "null");
  constexpr int o_direct = abi::o_rdonly | abi::o_direct | abi::o_nonblock;
  const Fd direct = must(open("/dev/vda", o_direct), "O_DIRECT");
  check(must(read(direct, std::span{some}), "reading") == sizeof some, "O_DIRECT is accepted");
  refused(write(direct, "x"), Errno::ebadf, "a write to a read-only descriptor");
  return 0;
}

int be_refused() {
  char some[sector_bytes];
  refused(write_at(0, some, sizeof some), Errno::eperm, "a read-only disk");
  refused(write_at(1, some, 1), Errno::eperm, "a read-only disk");
  check(must(read_at(0, some, sizeof some), "reading") == sizeof some, "reading is allowed");
  int read_only = 0;
  must(call(Call::ioctl, file, abi::blk_read_only, &read_only), "BLKROGET");
  check(read_only == 1, "BLKROGET reports a read-only disk");
  return 0;
}

int meet_errors(std::size_t bad_offset) {
  char some[sector_bytes];
  refused(read_at(bad_offset, some, sizeof some), Errno::eio, "a bad sector");
  refused(write_at(bad_offset, some, sizeof some), Errno::eio, "a bad sector");
  refused(write_at(bad_offset + 3, some, 5), Errno::eio, "a part of a bad sector");
  check(must(read_at(bad_offset - sector_bytes, some, sizeof some), "the sector before") ==
            sizeof some,
        "the sector before is read");
  std::vector<char> much(256 * 1024);
  const auto count = must(read_at(0, much.data(), much.size()), "a read up to the bad sector");
  check(count > 0 && count <= bad_offset, "{} bytes were read", count);
  return 0;
}

}  // namespace disk
