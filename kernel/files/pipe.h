// A pipe: bytes written at one end come out at the other, in order (pipe(7)).
//
//            write_position_            read_position_
//                 ▼                          ▼
//   ── page 3 ── page 2 ────── page 1 ────── page 0 ──▶      a ring of 16 slots
//
// Pages are taken when the writer reaches them and given back when the reader has left them; an
// empty pipe keeps one. A write of up to `atomic_size` bytes goes in as a whole or not at all, and
// of a longer one each page's worth does: also where the program's memory has a bad address in it,
// as on Linux (pipe_write(), fs/pipe.c).
#pragma once

#include <async/wait_list.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "files/file.h"
#include "files/io_buffer.h"
#include "memory/frames.h"

namespace kernel {

class Pipe : public RefCounted<Pipe> {
 public:
  static constexpr std::size_t capacity = 65536;
  static constexpr std::size_t atomic_size = 4096;  // PIPE_BUF

  /// EAGAIN when there is nothing and may be later; 0 when nobody writes any more.
  Result<std::size_t> read(IoBuffer& buffer) {
    if (filled() > 0) return read_bytes(buffer);
    if (has_writers_) return fail(Errno::eagain);
    return 0;
  }
  /// EAGAIN when there is no room now; EPIPE when nobody reads; EFAULT; ENOMEM.
  Result<std::size_t> write(IoBuffer& buffer);

  std::size_t filled() const { return write_position_ - read_position_; }
  std::size_t room() const { return capacity - filled(); }
  bool has_readers() const { return has_readers_; }
  bool has_writers() const { return has_writers_; }
  void end_reading();
  void end_writing();

  /// One is woken when there is something to read, and the next when that one has tried and there
  /// still is; all when nobody writes any more. Who is woken has to try.
  async::WaitList& readable() { return readable_; }
  /// Woken when any atomic write fits or nobody reads any more.
  async::WaitList& writable() { return writable_; }

 private:
  static constexpr std::size_t page_count = capacity / hal::page_size;

  memory::Frame& page(std::size_t position) {
    return pages_[position / hal::page_size % page_count];
  }
  Result<std::size_t> read_bytes(IoBuffer& buffer);  // there are some
  Result<std::size_t> read_pages(IoBuffer& buffer);
  Result<std::size_t> write_pages(IoBuffer& buffer);
  /// Writes the next `count` bytes of `buffer`, or none and returns the error. At most a page;
  /// there is room for it.
  Result<std::size_t> write_chunk(IoBuffer& buffer, std::size_t count);
  bool has_pages_for(std::size_t count);
  void leave_page(std::size_t position);
  void was_read();
  void wake_reader();
  void keep_page();

  // They only grow, until the pipe is empty: then both are 0 again and page 0 is the one it keeps.
  std::size_t write_position_ = 0;
  std::size_t read_position_ = 0;
  async::WaitList readable_;
  async::WaitList writable_;
  bool has_readers_ = true;
  bool has_writers_ = true;
  std::array<memory::Frame, page_count> pages_;
};

/// The two ends as open files.
struct PipeEnds {
  Ref<File> reader;
  Ref<File> writer;
};
/// `flags`: O_NONBLOCK and O_DIRECT as pipe2 has them (O_DIRECT's packets are not made). ENOMEM.
Result<PipeEnds> make_pipe(int flags);

}  // namespace kernel
