#include "files/pipe.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "memory/user_memory.h"

namespace kernel {

// Called by a write.
[[gnu::noinline]] void Pipe::wake_reader() {
  readable_.wake_one();
}

// A woken reader that leaves bytes, for any reason, wakes the next one.
[[gnu::noinline]] void Pipe::wake_next_reader() {
  readable_.pass_wake();
}

[[gnu::noinline]] void Pipe::wake_writer() {
  writable_.wake_one();
  write_is_special_ = !writable_.empty() || !has_readers_;
}

inline void Pipe::was_read() {
  if (filled() == 0) {
    if (read_position_ >= kept_bytes_) keep_page();
    read_position_ = write_position_ = 0;
  } else {
    wake_next_reader();
  }
  if (!writable_.empty() && room() >= atomic_size) wake_writer();
}

Result<std::size_t> Pipe::read_bytes(IoBuffer& buffer) {
  const std::size_t count = std::min(filled(), buffer.left());
  const std::size_t at = read_position_ % hal::page_size;
  if (at + count >= hal::page_size) return read_pages(buffer);

  // The bytes lie in one page, and the read does not reach the end of this page.
  const auto moved = buffer.put({page(read_position_).bytes() + at, count});
  if (moved) [[likely]] {
    read_position_ += *moved;
    was_read();
  } else {
    wake_next_reader();
  }
  return moved;
}

Result<std::size_t> Pipe::read_sharing(const ReadBytes& to) {
  const async::LeafLock::Guard lock{lock_};
  const std::size_t begin = read_position_;
  const std::size_t filled = write_position_ - begin;
  if (filled == 0 || !writable_.empty() || !to.is_current()) return fail(Errno::would_block);
  const std::size_t count = std::min(filled, to.size());
  const std::size_t at = begin % hal::page_size;
  if (at + count >= hal::page_size) return fail(Errno::would_block);
  if (count == filled) {
    if (begin >= hal::page_size) return fail(Errno::would_block);
    read_position_ = write_position_ = 0;
  } else {
    if (!readable_.empty()) return fail(Errno::would_block);
    read_position_ = begin + count;
  }
  copy_bytes(to.data(), page(begin).bytes() + at, count);
  if (count == filled && kept_bytes_ == 0) free_page(0);
  return count;
}

Result<std::size_t> Pipe::write_sharing(const WrittenBytes& from) {
  async::Job* reader = nullptr;
  const std::size_t count = from.size();
  {
    const async::LeafLock::Guard lock{lock_};
    const std::size_t at = write_position_ % hal::page_size;
    memory::Frame& here = page(write_position_);
    const bool fits = at + count <= hal::page_size && count <= room_in_ring();
    if (!fits || write_is_special_ || !from.is_current()) return fail(Errno::would_block);
    if (!here) here = memory::Frame::allocate(memory::Use::user);
    if (!here) return fail(Errno::would_block);
    if (!readable_.empty() && (async::watched() || !readable_.wake_one_sharing(reader)))
      return fail(Errno::would_block);
    copy_bytes(here.bytes() + at, from.data(), count);
    write_position_ += count;
  }
  if (reader != nullptr) reader->complete_sharing();
  return count;
}

bool Pipe::wait_sharing(std::coroutine_handle<> reader) {
  async::Job& job = async::current_job();
  const async::LeafLock::Guard lock{lock_};
  if (filled() > 0 || !has_writers_ || job.is_stopped()) return false;
  job.prepare(&readable_, "read");
  readable_.insert(job);
  job.share_next_step();
  job.suspend(reader);
  return true;
}

bool Pipe::watch_sharing(async::Watcher& watcher, async::Observer& reader, bool while_ready) {
  const async::LeafLock::Guard lock{lock_};
  if (!while_ready && (filled() > 0 || !has_writers_)) return false;
  watcher.watch(reader, readable_);
  return true;
}

void Pipe::stop_sharing(async::Observer& reader) {
  const async::LeafLock::Guard lock{lock_};
  reader.stop();
}

[[gnu::noinline]] Result<std::size_t> Pipe::read_pages(IoBuffer& buffer) {
  if (buffer.must_page_in(IoBuffer::Direction::put)) {
    wake_next_reader();
    return fail(Errno::would_block);
  }
  std::size_t done = 0;
  Result<std::size_t> moved = 0;
  while (filled() > 0 && !buffer.empty()) {
    const std::size_t at = read_position_ % hal::page_size;
    const std::size_t count = std::min(filled(), hal::page_size - at);
    moved = buffer.put({page(read_position_).bytes() + at, count});
    if (!moved) break;
    read_position_ += *moved;
    done += *moved;
    if (read_position_ % hal::page_size == 0) leave_page(read_position_ - 1);
  }
  if (done == 0) {
    wake_next_reader();
    return moved;
  }
  was_read();
  return done;
}

// A woken writer that leaves room, for any reason, wakes the next one. The pipe does not know which
// writer was woken, so each writer that leaves room does so.
[[gnu::noinline]] Result<std::size_t> Pipe::write_specially(IoBuffer& buffer) {
  if (!has_readers_) return fail(Errno::epipe);
  const auto written = write_pages(buffer);
  if (room() >= atomic_size) wake_writer();
  return written;
}

Result<std::size_t> Pipe::write(IoBuffer& buffer) {
  if (write_is_special_) [[unlikely]]
    return write_specially(buffer);
  const std::size_t count = buffer.left();
  const std::size_t at = write_position_ % hal::page_size;
  memory::Frame& here = page(write_position_);
  if (!here) return write_to_new_page(buffer);
  if (at + count > hal::page_size || count > room_in_ring()) return write_pages(buffer);

  // All bytes go into the current page.
  const auto moved = buffer.take_all({here.bytes() + at, count});
  if (moved) [[likely]] {
    write_position_ += count;
    if (!readable_.empty()) wake_reader();
  }
  return moved;
}

[[gnu::noinline]] Result<std::size_t> Pipe::write_to_new_page(IoBuffer& buffer) {
  memory::Frame& here = page(write_position_);
  here = memory::Frame::allocate(memory::Use::user);
  return here ? write(buffer) : fail(Errno::enomem);
}

[[gnu::noinline]] Result<std::size_t> Pipe::write_pages(IoBuffer& buffer) {
  const bool whole = buffer.left() <= atomic_size;
  if (room() < (whole ? buffer.left() : 1)) return fail(Errno::would_block);
  if (buffer.must_page_in(IoBuffer::Direction::take)) return fail(Errno::would_block);
  const std::size_t wanted = std::min(buffer.left(), room());
  if (wanted > room_in_ring() && !grow_ring(filled() + wanted) &&
      room_in_ring() < (whole ? wanted : 1))
    return fail(Errno::enomem);

  std::size_t done = 0;
  while (room_in_ring() > 0 && !buffer.empty()) {
    const std::size_t count = std::min({room_in_ring(), buffer.left(), hal::page_size});
    const auto moved = write_chunk(buffer, count);
    if (!moved) {
      if (done > 0) break;
      return moved;
    }
    done += count;
  }
  wake_reader();
  return done;
}

Result<std::size_t> Pipe::write_chunk(IoBuffer& buffer, std::size_t count) {
  if (!has_pages_for(count)) return fail(Errno::enomem);
  const std::size_t at = write_position_ % hal::page_size;
  const std::size_t here = std::min(count, hal::page_size - at);
  const auto moved = buffer.take_all({page(write_position_).bytes() + at, here});
  if (!moved) return moved;
  if (here < count) {
    const auto rest = buffer.take_all({page(write_position_ + here).bytes(), count - here});
    if (!rest) return rest;
  }
  write_position_ += count;
  return count;
}

// `count` is not 0.
bool Pipe::has_pages_for(std::size_t count) {
  const std::size_t last = write_position_ + count - 1;
  for (std::size_t at = write_position_;; at += hal::page_size) {
    memory::Frame& slot = page(std::min(at, last));
    if (!slot) slot = memory::Frame::allocate(memory::Use::user);
    if (!slot) return false;
    if (at / hal::page_size >= last / hal::page_size) return true;
  }
}

void Pipe::leave_page(std::size_t position) {
  // In a full pipe, the newest bytes may already be at the start of the oldest page. The pipe then
  // still needs this page.
  if (write_position_ > hal::page_down(position) + ring_bytes()) return;
  memory::Frame left = std::move(page(position));
  if (filled() == 0 && kept_bytes_ > 0) page(0) = std::move(left);
}

// Each page keeps its position. If the ring is full, its first page may hold the newest bytes, too.
// These move to a page of their own.
bool Pipe::grow_ring(std::size_t bytes) {
  const std::size_t slots = std::bit_ceil(hal::page_up(bytes) / hal::page_size);
  if (!memory::can_allocate(slots * sizeof(memory::Frame))) return false;
  const std::size_t first = read_position_ / hal::page_size, end = first + ring_mask_ + 1;
  memory::Frame newest;
  const std::size_t newest_bytes =
      write_position_ > end * hal::page_size ? write_position_ - end * hal::page_size : 0;
  if (newest_bytes > 0) {
    newest = memory::Frame::allocate(memory::Use::user);
    if (!newest) return false;
    std::memcpy(newest.bytes(), page(write_position_).bytes(), newest_bytes);
  }
  auto larger = std::make_unique<memory::Frame[]>(slots);
  for (std::size_t at = first; at < end; ++at)
    larger[at & (slots - 1)] = std::move(page(at * hal::page_size));
  if (newest_bytes > 0) larger[end & (slots - 1)] = std::move(newest);
  more_pages_ = std::move(larger);
  ring_ = more_pages_.get();
  ring_mask_ = slots - 1;
  set_capacities(capacity_);
  return true;
}

[[gnu::noinline]] void Pipe::keep_page() {
  if (kept_bytes_ == 0) return free_page(read_position_);
  memory::Frame half_read = std::move(page(read_position_));
  if (half_read) page(0) = std::move(half_read);
}

[[gnu::noinline]] void Pipe::free_page(std::size_t position) {
  page(position) = {};
}

// As pipe_set_size() of Linux 6.12 (fs/pipe.c), for a caller without CAP_SYS_RESOURCE.
Result<int> Pipe::set_capacity(std::uint64_t bytes) {
  async::Strand::check_access();
  constexpr std::uint64_t most = std::uint64_t{1} << 31;
  if (bytes > most) return fail(Errno::einval);
  const std::size_t wanted = std::bit_ceil(std::max<std::size_t>(bytes, hal::page_size));
  if (wanted > most_capacity) return fail(Errno::eperm);
  const std::size_t used = hal::page_up(write_position_) - hal::page_down(read_position_);
  if (filled() != 0 && used > wanted) return fail(Errno::ebusy);
  set_capacities(wanted);
  if (can_write()) writable_.wake_all();
  return static_cast<int>(wanted);
}

void Pipe::set_limit(std::size_t bytes) {
  async::Strand::check_access();
  set_capacities(std::max(bytes, filled()));
  if (can_write()) writable_.wake_all();
}

std::size_t Pipe::discard(std::size_t count) {
  async::Strand::check_access();
  std::size_t done = 0;
  while (done < count && filled() > 0) {
    const std::size_t at = read_position_ % hal::page_size;
    const std::size_t some = std::min({filled(), count - done, hal::page_size - at});
    read_position_ += some;
    done += some;
    if (read_position_ % hal::page_size == 0) leave_page(read_position_ - 1);
  }
  if (done > 0) was_read();
  return done;
}

std::size_t Pipe::peek(std::size_t offset, std::span<std::byte> to) {
  std::size_t done = 0;
  while (done < to.size() && offset < filled()) {
    const std::size_t position = read_position_ + offset;
    const std::size_t at = position % hal::page_size;
    const std::size_t count = std::min({filled() - offset, hal::page_size - at, to.size() - done});
    std::memcpy(to.data() + done, page(position).bytes() + at, count);
    done += count;
    offset += count;
  }
  return done;
}

Result<std::size_t> Pipe::peek(std::size_t offset, IoBuffer& to) {
  if (to.must_page_in(IoBuffer::Direction::put)) return fail(Errno::would_block);
  std::size_t done = 0;
  while (!to.empty() && offset + done < filled()) {
    const std::size_t position = read_position_ + offset + done;
    const std::size_t at = position % hal::page_size;
    const std::size_t count = std::min(filled() - offset - done, hal::page_size - at);
    const auto moved = to.put({page(position).bytes() + at, count});
    if (!moved) return done > 0 ? Result<std::size_t>{done} : moved;
    done += *moved;
  }
  return done;
}

Result<int> Pipe::control(memory::AddressSpace& space, unsigned long request,
                          std::uintptr_t argument) {
  if (request != abi::fionread) return fail(Errno::enotty);
  const UserPtr<int> answer{argument};
  const auto written = answer.write(space, static_cast<int>(filled()));
  if (!written) return fail(written.error());
  return 0;
}

void Pipe::end_reading() {
  lock_.check_access();
  if (--readers_ != 0) return;
  has_readers_ = false;
  write_is_special_ = true;
  writable_.wake_all();
}

void Pipe::end_writing() {
  lock_.check_access();
  if (--writers_ != 0) return;
  has_writers_ = false;
  readable_.wake_all();
}

bool Pipe::end_reading_sharing() {
  const async::LeafLock::Guard lock{lock_};
  if (readers_ == 1 && (!has_writers_ || !writable_.empty())) return false;
  if (--readers_ != 0) return true;
  has_readers_ = false;
  write_is_special_ = true;
  return true;
}

bool Pipe::end_writing_sharing() {
  const async::LeafLock::Guard lock{lock_};
  if (writers_ == 1 && (!has_readers_ || !readable_.empty())) return false;
  if (--writers_ == 0) has_writers_ = false;
  return true;
}

namespace {

class PipeEnd : public File {
 public:
  PipeEnd(Ref<Pipe> pipe, int flags) : File{flags, Pipe::atomic_size}, pipe_{std::move(pipe)} {
    be_stream();
    let_send_signals();
  }

  Result<int> pipe_capacity() override { return static_cast<int>(pipe_->capacity()); }

  Result<int> control(memory::AddressSpace& space, unsigned long request,
                      std::uintptr_t argument) override {
    return pipe_->control(space, request, argument);
  }
  Pipe* pipe() override { return pipe_.get(); }
  Result<Ref<File>> reopen(int flags) override;

  abi::Stat status() override {
    return {
        .inode = reinterpret_cast<std::uintptr_t>(pipe_.get()) >> 3 & 0xffff'ffff,
        .mode = abi::s_ififo | 0600,
        .links = 1,
        .block_size = hal::page_size,
    };
  }

  short readiness() override { return readiness_with(pipe_->filled()); }
  Result<short> readiness_sharing() override { return readiness_with(pipe_->filled_sharing()); }

 protected:
  alignas(64) Ref<Pipe> pipe_;  // not in the line with the count of owners
  bool has_ended_ = false;      // the pipe no longer counts this end

 private:
  /// readiness() while the pipe holds `filled` bytes.
  virtual short readiness_with(std::size_t filled) const = 0;
};

class PipeReader final : public PipeEnd {
 public:
  PipeReader(Ref<Pipe> pipe, int flags) : PipeEnd{std::move(pipe), abi::o_rdonly | flags} {
    let_wait_sharing();
  }
  ~PipeReader() override {
    if (!has_ended_) pipe_->end_reading();
  }

  [[gnu::flatten]] Result<std::size_t> try_read(IoBuffer& buffer) override {
    return pipe_->read(buffer);
  }
  Result<std::size_t> read_sharing(const ReadBytes& to) override { return pipe_->read_sharing(to); }
  bool wait_sharing(std::coroutine_handle<> reader) override { return pipe_->wait_sharing(reader); }
  bool is_watched_sharing() override { return true; }
  bool watch_sharing(async::Watcher& watcher, async::Observer& reader, bool while_ready) override {
    return pipe_->watch_sharing(watcher, reader, while_ready);
  }
  void stop_sharing(async::Observer& reader) override { pipe_->stop_sharing(reader); }
  bool end_sharing() override { return has_ended_ = pipe_->end_reading_sharing(); }

  async::WaitList* changes(Direction) override { return &pipe_->readable(); }

 private:
  short readiness_with(std::size_t filled) const override {
    short ready = 0;
    if (filled > 0) ready |= abi::pollin | abi::pollrdnorm;
    if (!pipe_->has_writers()) ready |= abi::pollhup;
    return ready;
  }
};

class PipeWriter final : public PipeEnd {
 public:
  PipeWriter(Ref<Pipe> pipe, int flags) : PipeEnd{std::move(pipe), abi::o_wronly | flags} {}
  ~PipeWriter() override {
    if (!has_ended_) pipe_->end_writing();
  }

  [[gnu::flatten]] Result<std::size_t> try_write(IoBuffer& buffer) override {
    return pipe_->write(buffer);
  }
  Result<std::size_t> write_sharing(const WrittenBytes& from) override {
    return pipe_->write_sharing(from);
  }
  bool end_sharing() override { return has_ended_ = pipe_->end_writing_sharing(); }

  async::WaitList* changes(Direction) override { return &pipe_->writable(); }

 private:
  short readiness_with(std::size_t filled) const override {
    short ready = 0;
    if (pipe_->capacity() - filled >= Pipe::atomic_size) ready |= abi::pollout | abi::pollwrnorm;
    if (!pipe_->has_readers()) ready |= abi::pollerr;
    return ready;
  }
};

Result<Ref<File>> PipeEnd::reopen(int flags) {
  async::Strand::check_access();
  const int access = flags & abi::o_accmode;
  if (access != abi::o_rdonly && access != abi::o_wronly) return fail(Errno::enxio);
  if (!memory::can_allocate(sizeof(PipeReader) + sizeof(PipeWriter))) return fail(Errno::enomem);
  const int status = flags & ~abi::o_accmode;
  if (access == abi::o_rdonly) {
    pipe_->begin_reading();
    return Ref<File>{make_ref<PipeReader>(pipe_, status)};
  }
  pipe_->begin_writing();
  return Ref<File>{make_ref<PipeWriter>(pipe_, status)};
}

}  // namespace

Result<PipeEnds> make_pipe(int flags) {
  if (!memory::can_allocate(sizeof(Pipe) + sizeof(PipeReader) + sizeof(PipeWriter))) {
    return fail(in_strand(Errno::enomem));
  }
  auto pipe = make_ref<Pipe>();
  Ref<File> reader = make_ref<PipeReader>(pipe, flags);
  Ref<File> writer = make_ref<PipeWriter>(std::move(pipe), flags);
  return PipeEnds{std::move(reader), std::move(writer)};
}

}  // namespace kernel
