// The cost of a system call through a ring, alone and in batches.
#include <user/files.h>
#include <user/ring.h>

#include <cstddef>
#include <optional>
#include <span>

#include "benchmark.h"

namespace bench {
namespace {

constexpr unsigned most = 64;
constexpr unsigned block = 64;

/// `most` blocks that fill a page of their own. In the program's data, the linker could place them
/// in two pages, or in a page that shares a line of the kernel's TLB with the ring.
class Blocks {
 public:
  Blocks() : page_{user::map_memory(bytes, abi::prot_read | abi::prot_write)} {}
  Blocks(const Blocks&) = delete;
  ~Blocks() {
    if (page_) static_cast<void>(user::unmap_memory(*page_, bytes));
  }
  explicit operator bool() const { return page_.has_value(); }
  std::span<std::byte> operator[](unsigned i) const { return {*page_ + i * block, block}; }

 private:
  static constexpr std::size_t bytes = most * block;
  static_assert(bytes == user::page_size);
  user::Result<std::byte*> page_;
};

/// Measures batches of `size` submissions: adds a batch, enters the kernel, takes the completions.
/// Calls submission(i, blocks).
template <unsigned size, class Submission>
Outcome in_batches(Submission&& submission) {
  auto ring = user::Ring::make({.submissions = size});
  const Blocks blocks;
  if (!ring || !blocks) return {};
  auto samples = sample({.size = 64 * static_cast<int>(most) / static_cast<int>(size)}, [&] {
    for (unsigned i = 0; i < size; ++i) ring->add(submission(i, blocks));
    static_cast<void>(ring->enter(size));
    while (ring->take()) {
    }
  });
  samples.operations *= size;
  return samples;
}

template <unsigned size>
Outcome nops() {
  return in_batches<size>([](unsigned i, const Blocks&) { return user::nop(i); });
}

struct File {
  std::optional<user::Fd> fd;
  File() {
    if (const auto opened = user::open(user::program_path())) fd = *opened;
  }
  ~File() {
    if (fd) static_cast<void>(user::close(*fd));
  }
};

/// Reads adjacent blocks of a file into adjacent buffers or, if `apart`, into buffers in reverse
/// order.
template <unsigned size, bool apart = false>
Outcome reads() {
  const File file;
  if (!file.fd) return {};
  return in_batches<size>([&](unsigned i, const Blocks& blocks) {
    return user::read_at(*file.fd, blocks[apart ? most - 1 - i : i], i * block, i);
  });
}

/// Writes bytes into a pipe and reads them; a write and a read count as one operation.
Outcome pipe_in_batch() {
  const auto pipe = user::make_pipe();
  if (!pipe) return {};
  auto samples = in_batches<2 * most>([&](unsigned i, const Blocks& blocks) {
    const auto byte = blocks[0].subspan(i % most, 1);
    return i < most ? user::write_next(pipe->write_end, byte, i)
                    : user::read_next(pipe->read_end, byte, i);
  });
  static_cast<void>(user::close(pipe->read_end));
  static_cast<void>(user::close(pipe->write_end));
  if (samples) samples->operations /= 2;
  return samples;
}

// The read of reads(), as a plain system call.
Outcome read_call() {
  const File file;
  const Blocks blocks;
  if (!file.fd || !blocks) return {};
  return sample({},
                [&] { user::syscall(user::Call::pread64, *file.fd, blocks[0].data(), block, 0); });
}

constexpr Benchmark table[] = {
    {"syscall.ring@1", Unit::cost, nops<1>},
    {"syscall.ring@8", Unit::cost, nops<8>},
    {"syscall.ring@64", Unit::cost, nops<64>},
    {"pread.call", Unit::cost, read_call},
    {"pread.ring@1", Unit::cost, reads<1>},
    {"pread.ring@64", Unit::cost, reads<64>},
    {"pread.ring.apart@64", Unit::cost, reads<64, true>},
    {"pipe.ring@64", Unit::cost, pipe_in_batch},
};

}  // namespace

std::span<const Benchmark> rings() {
  return table;
}

}  // namespace bench
