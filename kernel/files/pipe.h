// A pipe: the reader gets the bytes in the order in which they were written (pipe(7)).
//
//            write_position_            read_position_
//                 ▼                          ▼
//   ── page 3 ── page 2 ────── page 1 ────── page 0 ──▶      a ring of 16 slots or more
//
// The writer allocates a page when it reaches it, and the reader frees a page when it leaves it. An
// empty pipe keeps one page, unless it is a Pipe{Use::network}. A write of at most `atomic_size`
// bytes is all or nothing. A longer write consists of pieces of a page, each of which is all or
// nothing. This holds also if the program's buffer contains a bad address, as in Linux
// (pipe_write(), fs/pipe.c).
#pragma once

#include <async/leaf_lock.h>
#include <async/multi_wait.h>
#include <async/shared_word.h>
#include <async/wait_list.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <algorithm>
#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "files/file.h"
#include "files/found_bytes.h"
#include "files/io_buffer.h"
#include "memory/frames.h"

namespace kernel {

class Pipe : public RefCounted<Pipe> {
 public:
  static constexpr std::size_t most_capacity = 65536;
  static constexpr std::size_t atomic_size = 4096;  // PIPE_BUF
  static constexpr std::size_t most_limit = 1 << 20;

  /// network: of TCP sockets. It keeps no page while it is empty, and its lists belong to the
  /// sockets: jobs wait there also for a connection, or for room in lwIP.
  enum class Use : bool { local, network };

  explicit Pipe(Use use = Use::local) : kept_bytes_{use == Use::local ? hal::page_size : 0} {
    if (use == Use::network) return;
    readable_.wakes_when<&Pipe::can_read>(*this, true);
    writable_.wakes_when<&Pipe::can_write>(*this, true);
  }

  /// would_block: the pipe is empty and has writers. Returns 0 if it is empty and has none.
  Result<std::size_t> read(IoBuffer& buffer) {
    if (filled() > 0) return read_bytes(buffer);
    if (has_writers_) return fail(Errno::would_block);
    return 0;
  }
  /// would_block: there is too little room. EPIPE: the pipe has no readers. EFAULT; ENOMEM.
  Result<std::size_t> write(IoBuffer& buffer);

  // For callers that share the strand: see File::read_sharing(). The bytes must lie in one page of
  // the pipe.
  Result<std::size_t> read_sharing(const ReadBytes& to);
  Result<std::size_t> write_sharing(const WrittenBytes& from);
  bool wait_sharing(std::coroutine_handle<> reader);
  bool watch_sharing(async::Watcher& watcher, async::Observer& reader, bool while_ready);
  void stop_sharing(async::Observer& reader);
  std::size_t filled_sharing() {
    const async::LeafLock::Guard lock{lock_};
    return filled();
  }

  bool can_write_sharing() {
    const async::LeafLock::Guard lock{lock_};
    return can_write();
  }

  /// Copies bytes into `to` that are `offset` bytes behind the next one to be read, and leaves them
  /// in the pipe. Returns their number. In the strand.
  std::size_t peek(std::size_t offset, std::span<std::byte> to);
  /// Copies bytes that are `offset` bytes behind the next one to be read into `to`, and leaves them
  /// in the pipe. EFAULT; would_block: a page-in. In the strand.
  Result<std::size_t> peek(std::size_t offset, IoBuffer& to);
  /// ioctl(2) on an end.
  Result<int> control(memory::AddressSpace& space, unsigned long request, std::uintptr_t argument);

  /// Where the next byte goes, and where the next one comes from. An empty pipe begins at 0 again.
  std::size_t write_position() const { return write_position_; }
  std::size_t read_position() const { return read_position_; }
  std::size_t filled() const { return write_position_ - read_position_; }
  std::size_t room() const { return capacity_ - filled(); }
  std::size_t capacity() const { return capacity_; }
  /// F_SETPIPE_SZ: rounds `bytes` up to a power of two of pages, and returns that. EINVAL; EPERM:
  /// more than most_capacity; EBUSY: the pipe holds more pages. In the strand.
  Result<int> set_capacity(std::uint64_t bytes);
  /// Lets the pipe hold `bytes`, from atomic_size to most_limit, or as many as it holds now if
  /// those are more. It takes memory for the pages' ring only when it holds more than
  /// most_capacity. In the strand.
  void set_limit(std::size_t bytes);
  /// Removes the next `count` bytes, or all if there are fewer. Returns their number. In the
  /// strand.
  std::size_t discard(std::size_t count);
  /// For a job that a wake of the pipe has resumed, and that neither reads nor writes: wakes
  /// another one instead. In the strand.
  void pass_wakes() {
    if (can_read()) readable_.pass_wake();
    if (can_write()) writable_.pass_wake();
  }
  bool can_read() const { return filled() > 0 || !has_writers_; }
  bool can_write() const { return room() >= atomic_size || !has_readers_; }
  bool has_readers() const { return has_readers_; }
  bool has_writers() const { return has_writers_; }
  void end_reading();
  void end_writing();
  // For FIFOs, whose ends may be opened again. In the strand.
  void begin_without_ends() {
    readers_ = writers_ = 0;
    has_readers_ = has_writers_ = false;
    write_is_special_ = true;
  }
  /// Adds an end. In the strand.
  void begin_reading() {
    ++readers_;
    has_readers_ = true;
    write_is_special_ = !writable_.empty();
  }
  void begin_writing() {
    ++writers_;
    has_writers_ = true;
  }
  /// end_reading() and end_writing() for callers that share the strand. False: a job waits, or the
  /// other end has gone, so the caller must end it in the strand.
  bool end_reading_sharing();
  bool end_writing_sharing();

  /// Readers wait here. A write wakes one reader. That reader must try to read, and wakes the next
  /// one if bytes are left. The end of the last writer wakes all readers.
  async::WaitList& readable() { return readable_; }
  /// Writers wait here. A read after which `atomic_size` bytes fit wakes one writer. That writer
  /// must try to write, and wakes the next one if they still fit. The end of the last reader wakes
  /// all writers.
  async::WaitList& writable() { return writable_; }

 private:
  static constexpr std::size_t page_count = most_capacity / hal::page_size;

  memory::Frame& page(std::size_t position) {
    lock_.check_access();
    return ring_[position / hal::page_size & ring_mask_];
  }
  /// The bytes for which the ring of pages has room.
  std::size_t room_in_ring() const { return ring_capacity_ - filled(); }
  std::size_t ring_bytes() const { return (ring_mask_ + 1) * hal::page_size; }
  void set_capacities(std::size_t bytes) {
    capacity_ = bytes;
    ring_capacity_ = std::min(bytes, ring_bytes());
  }
  bool grow_ring(std::size_t bytes);
  Result<std::size_t> read_bytes(IoBuffer& buffer);  // the pipe is not empty
  Result<std::size_t> read_pages(IoBuffer& buffer);
  Result<std::size_t> write_to_new_page(IoBuffer& buffer);
  Result<std::size_t> write_pages(IoBuffer& buffer);
  Result<std::size_t> write_specially(IoBuffer& buffer);
  /// Writes the next `count` bytes of `buffer`, at most a page. The pipe has room for them. After
  /// an error, none of them is written.
  Result<std::size_t> write_chunk(IoBuffer& buffer, std::size_t count);
  bool has_pages_for(std::size_t count);
  void leave_page(std::size_t position);
  void was_read();
  void wake_reader();
  void wake_next_reader();
  void wake_writer();
  void keep_page();
  void free_page(std::size_t position);

  // Both positions grow until the pipe is empty. Then both are reset to 0, and page 0 is the page
  // that the pipe keeps.
  std::size_t write_position_ = 0;
  std::size_t read_position_ = 0;
  async::SharedWord<std::size_t> capacity_ = most_capacity;       // changes in the strand
  async::SharedWord<std::size_t> ring_capacity_ = most_capacity;  // ≤ capacity_ and ring_bytes()
  async::WaitList readable_;
  async::WaitList writable_;
  std::uint32_t readers_ = 1;  // open files that may read
  std::uint32_t writers_ = 1;
  async::SharedWord<bool> has_readers_ = true;
  async::SharedWord<bool> has_writers_ = true;
  // The pipe has no readers, or a writer has been woken while others wait.
  bool write_is_special_ = false;
  // For callers that share the strand: protects the positions, the bytes, readable_, and the
  // numbers of readers and writers.
  async::LeafLock lock_;
  const std::size_t kept_bytes_;  // in the page of an empty pipe: a page or 0
  std::array<memory::Frame, page_count> pages_;
  // Only the strand replaces the ring. A larger one is in `more_pages_`.
  memory::Frame* ring_ = pages_.data();
  std::size_t ring_mask_ = page_count - 1;  // the number of slots is a power of two
  std::unique_ptr<memory::Frame[]> more_pages_;
};

/// The two ends as open files.
struct PipeEnds {
  Ref<File> reader;
  Ref<File> writer;
};
/// `flags`: O_NONBLOCK and O_DIRECT of pipe2. Packet mode (O_DIRECT) is not implemented: the flag
/// is only stored. ENOMEM.
Result<PipeEnds> make_pipe(int flags);

}  // namespace kernel
