#include "files/fifo.h"

namespace kernel {

/// An open FIFO, for reading, writing or both.
class Fifo::End final : public File {
 public:
  End(Ref<Fifo> fifo, int flags)
      : File{flags, Pipe::atomic_size}, fifo_{std::move(fifo)}, pipe_{fifo_->pipe_} {
    be_stream();
    let_send_signals();
    let_wait_to_open();
    if (can_read()) begin(fifo_->readers_);
    if (can_write()) begin(fifo_->writers_);
    if (can_read() && fifo_->readers_.open == 1) pipe_->begin_reading();
    if (can_write() && fifo_->writers_.open == 1) pipe_->begin_writing();
    writers_before_ = fifo_->writers_.ever_opened - (fifo_->writers_.open != 0 ? 1 : 0);
    readers_before_ = fifo_->readers_.ever_opened;
  }
  ~End() override {
    if (can_read() && --fifo_->readers_.open == 0) pipe_->end_reading();
    if (can_write() && --fifo_->writers_.open == 0) pipe_->end_writing();
    if (fifo_->readers_.open == 0 && fifo_->writers_.open == 0) fifo_->pipe_ = {};
  }

  Result<std::size_t> try_read(IoBuffer& buffer) override { return pipe_->read(buffer); }
  Result<std::size_t> try_write(IoBuffer& buffer) override { return pipe_->write(buffer); }
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &pipe_->readable() : &pipe_->writable();
  }
  short readiness() override {
    short ready = 0;
    if (can_read()) {
      if (pipe_->filled() > 0) ready |= abi::pollin | abi::pollrdnorm;
      // A reader that was opened before any writer does not see an end yet.
      const bool had_writer = fifo_->writers_.ever_opened != writers_before_;
      if (!pipe_->has_writers() && had_writer) ready |= abi::pollhup;
    }
    if (can_write()) {
      if (pipe_->room() >= Pipe::atomic_size) ready |= abi::pollout | abi::pollwrnorm;
      if (!pipe_->has_readers()) ready |= abi::pollerr;
    }
    return ready;
  }

  async::WaitList* partner() override {
    if (is_nonblocking() || (can_read() && can_write())) return nullptr;
    const bool reads = can_read();
    Side& other = reads ? fifo_->writers_ : fifo_->readers_;
    const std::uint32_t before = reads ? writers_before_ : readers_before_;
    return other.open == 0 && other.ever_opened == before ? &other.opened : nullptr;
  }

  Pipe* pipe() override { return pipe_.get(); }
  Result<int> pipe_capacity() override { return static_cast<int>(pipe()->capacity()); }
  Result<int> control(memory::AddressSpace& space, unsigned long request,
                      std::uintptr_t argument) override {
    return pipe_->control(space, request, argument);
  }
  abi::Stat status() override { return fifo_->status(); }
  Node* node() override { return fifo_.get(); }

 private:
  static void begin(Side& side) {
    ++side.open;
    ++side.ever_opened;
    side.opened.wake_all();
  }

  Ref<Fifo> fifo_;
  Ref<Pipe> pipe_;
  std::uint32_t writers_before_;
  std::uint32_t readers_before_;
};

Result<Ref<File>> Fifo::open(int flags) {
  async::Strand::check_access();
  if (!memory::can_allocate(sizeof(End) + sizeof(Pipe))) return fail(Errno::enomem);
  const bool only_writes = (flags & abi::o_accmode) == abi::o_wronly;
  if ((flags & abi::o_path) != 0) return open_path(flags);
  if (only_writes && (flags & abi::o_nonblock) != 0 && readers_.open == 0)
    return fail(Errno::enxio);
  if (!pipe_) {
    pipe_ = make_ref<Pipe>();
    pipe_->begin_without_ends();
  }
  return Ref<File>{make_ref<End>(Ref<Fifo>::share(*this), flags)};
}

}  // namespace kernel
