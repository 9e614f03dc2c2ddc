// signalfd: a file whose bytes are the signals that are pending for its reader (signalfd(2)).
#include <abi/events.h>
#include <abi/signal.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "files/file.h"
#include "files/io_buffer.h"
#include "memory/frames.h"
#include "memory/paged_text.h"
#include "process/asks_for.h"
#include "process/thread.h"
#include "syscalls/registered_calls.h"
#include "syscalls/submitted_calls.h"

namespace kernel {

/// Strand data. As on Linux, each call sees the signals of the thread that makes it, and of its
/// process.
class SignalFile final : public File {
 public:
  SignalFile(abi::SignalSet wanted, int flags) : File{abi::o_rdwr | flags}, wanted_{wanted} {}

  SignalFile* signals() override { return this; }
  void set_wanted(abi::SignalSet wanted) { wanted_ = wanted; }

  Result<std::size_t> move_nothing(Direction) override { return fail(Errno::einval); }
  Result<std::size_t> try_read(IoBuffer& buffer) override;
  Result<std::int64_t> seek(std::int64_t, int) override { return 0; }
  short readiness() override {
    const Thread* const reader = caller();
    return reader != nullptr && (reader->pending_signals() & wanted_) != 0 ? abi::pollin : 0;
  }
  async::WaitList* changes(Direction direction) override {
    Thread* const reader = direction == Direction::read ? caller() : nullptr;
    return reader != nullptr ? &reader->process().signal_arrivals() : nullptr;
  }
  bool can_poll() override { return true; }
  abi::Stat status() override {
    return {.device = 1, .mode = 0600, .links = 1, .block_size = hal::page_size};
  }
  std::string_view unnamed_kind() override { return "[signalfd]"; }
  void describe(memory::PagedText& out) override {
    fmt::format_to(std::back_inserter(out), "sigmask:\t{:016x}\n", wanted_);
  }

 private:
  /// The thread that makes the present call. Null: a request of Cotrap's ring makes it.
  Thread* caller();

  abi::SignalSet wanted_;
  int process_ = 0;  // of the last caller that has waited
};

namespace {

Thread* thread_of(Process& process, const async::Job& job) {
  for (Thread& thread : process.threads()) {
    if (thread.job() == &job) return &thread;
  }
  return nullptr;
}

/// The bytes of a signal, as signalfd_copyinfo() of Linux 6.12 (fs/signalfd.c) sets them.
abi::SignalFileInfo to_bytes(const abi::SignalInfo& info) {
  abi::SignalFileInfo bytes{};
  bytes.signal = static_cast<std::uint32_t>(info.signal);
  bytes.error = info.error;
  bytes.code = info.code;
  const auto set_sender = [&] {
    bytes.process = static_cast<std::uint32_t>(info.sender.process);
    bytes.user = info.sender.user;
  };
  if (info.code == abi::si_timer) {
    bytes.timer = static_cast<std::uint32_t>(info.timer.id);
    bytes.overrun = static_cast<std::uint32_t>(info.timer.overrun);
    bytes.value = info.timer.value;
    bytes.number = static_cast<std::int32_t>(info.timer.value);
    return bytes;
  }
  if (info.code < 0) {
    set_sender();
    bytes.value = info.sender.value;
    bytes.number = static_cast<std::int32_t>(info.sender.value);
    return bytes;
  }
  const bool is_cause = info.code != abi::si_user && info.code < abi::si_kernel;
  switch (static_cast<abi::Signal>(info.signal)) {
    case abi::Signal::sigsegv:
    case abi::Signal::sigbus:
    case abi::Signal::sigill:
    case abi::Signal::sigfpe:
    case abi::Signal::sigtrap:
      if (!is_cause) break;
      bytes.address = info.address;
      return bytes;
    case abi::Signal::sigchld:
      if (!is_cause) break;
      bytes.status = info.sender.status;
      bytes.user_time = info.words[2];
      bytes.system_time = info.words[3];
      break;
    default: break;
  }
  set_sender();
  return bytes;
}

}  // namespace

// While a call begins, the hart holds the state of its thread. After a wait it may not, and the
// thread is one of the process that has waited.
Thread* SignalFile::caller() {
  if (Thread* const thread = sys::AsksFor::thread()) return thread;
  const async::Job& job = async::current_job();
  auto* const running = static_cast<Thread*>(current.thread);
  if (running != nullptr && running->job() == &job) {
    process_ = running->process().id();
    return running;
  }
  Process* const last = processes().find(process_);
  if (last != nullptr) {
    if (Thread* const thread = thread_of(*last, job)) return thread;
  }
  for (Process& process : processes()) {
    if (Thread* const thread = thread_of(process, job)) {
      process_ = process.id();
      return thread;
    }
  }
  return nullptr;
}

Result<std::size_t> SignalFile::try_read(IoBuffer& buffer) {
  constexpr std::size_t size = sizeof(abi::SignalFileInfo);
  if (buffer.left() < size) return fail(Errno::einval);
  Thread* const reader = caller();
  if (reader == nullptr || readiness() == 0 || buffer.must_page_in(IoBuffer::Direction::put))
    return fail(Errno::would_block);
  std::size_t done = 0;
  abi::SignalInfo info;
  while (buffer.left() >= size && reader->take_signal(wanted_, info)) {
    const abi::SignalFileInfo bytes = to_bytes(info);
    const auto moved = buffer.put(std::as_bytes(std::span{&bytes, 1}));
    if (!moved || *moved < size) return done > 0 ? Result<std::size_t>{done} : fail(Errno::efault);
    done += size;
  }
  return done > 0 ? Result<std::size_t>{done} : fail(Errno::would_block);
}

namespace sys {

/// flags: SFD_CLOEXEC, SFD_NONBLOCK; EINVAL for others
/// linux: A request of Cotrap's own ring finds no signals.
Result<int> signalfd4(Thread& self, int fd, UserPtr<const abi::SignalSet> mask,
                      std::size_t mask_size, int flags) {
  if (mask_size != sizeof(abi::SignalSet)) return fail(Errno::einval);
  const auto given = mask.read(self.space());
  if (!given) return fail(given.error());
  if ((flags & ~(abi::o_cloexec | abi::o_nonblock)) != 0) return fail(Errno::einval);
  constexpr abi::SignalSet never =
      abi::set_of(abi::Signal::sigkill) | abi::set_of(abi::Signal::sigstop);
  const abi::SignalSet wanted = *given & ~never;
  FdTable& files = self.process().files();
  if (fd == -1) {
    if (!memory::can_allocate(sizeof(SignalFile))) return fail(Errno::enomem);
    return files.add(make_ref<SignalFile>(wanted, flags & abi::o_nonblock),
                     (flags & abi::o_cloexec) != 0);
  }
  File* const file = files.find_open(fd);
  if (file == nullptr) return fail(Errno::ebadf);
  if (file->signals() == nullptr) return fail(Errno::einval);
  file->signals()->set_wanted(wanted);
  self.process().signal_arrivals().wake_all();
  return fd;
}

}  // namespace sys

KERNEL_CALL(signalfd4, sys::signalfd4);

}  // namespace kernel
