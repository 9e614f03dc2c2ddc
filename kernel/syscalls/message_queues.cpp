// POSIX message queues.
#include <abi/flags.h>
#include <abi/ipc.h>

#include <array>
#include <optional>

#include "base/machine_facts.h"
#include "ipc/message_files.h"
#include "process/page_in.h"
#include "syscalls/ipc.h"
#include "syscalls/registered_calls.h"
#include "syscalls/timespec.h"

namespace kernel {
namespace sys {
namespace {

using ipc::Message;
using ipc::MessageBox;
using ipc::MessageNotice;

constexpr std::size_t longest_queue_name = 255;
using QueueName = std::array<char, 4096>;

/// The name of a queue, without a slash, as the C library passes it. ENOENT: it is empty; EACCES:
/// it is no name of a file.
Result<std::string_view> read_queue_name(Thread& self, UserPtr<const char> name, QueueName& text) {
  const auto read = memory::string_from_user(self.space(), name.address(), text);
  if (!read) return read;
  if (read->empty()) return fail(Errno::enoent);
  if (*read == "." || *read == ".." || read->contains('/')) return fail(Errno::eacces);
  if (read->size() > longest_queue_name) return fail(Errno::enametoolong);
  return read;
}

/// EINVAL, EOVERFLOW: a queue cannot have the attributes.
Result<> check_attributes(Thread& self, const abi::MqAttributes& wanted) {
  constexpr std::int64_t most_messages = 65'536, most_bytes = 65'536;
  if (wanted.most_messages <= 0 || wanted.message_bytes <= 0) return fail(Errno::einval);
  const bool is_privileged = self.process().has(Capability::sys_resource);
  const std::int64_t messages = is_privileged ? most_messages : MessageFile::usual_messages;
  const std::int64_t bytes = is_privileged ? most_bytes : MessageFile::usual_bytes;
  if (wanted.most_messages > messages || wanted.message_bytes > bytes) return fail(Errno::einval);
  return {};
}

/// ENOSPC: too many queues; EMFILE: RLIMIT_MSGQUEUE; ENOMEM.
Result<Ref<MessageBox>> make_queue(Thread& self, std::string_view name, unsigned mode,
                                   const abi::MqAttributes& attributes) {
  const bool is_privileged = self.process().has(Capability::sys_resource);
  if (MessageBox::count() >= static_cast<std::size_t>(MessageFile::most_queues) && !is_privileged)
    return fail(Errno::enospc);
  if (auto checked = check_attributes(self, attributes); !checked) return fail(checked.error());
  const auto bytes = MessageBox::bytes_for(attributes);
  if (!bytes) return fail(bytes.error());
  if (MessageBox::limited_bytes() + *bytes > self.process().limits()[abi::rlimit_msgqueue].soft)
    return fail(Errno::emfile);
  if (!file_quota::has(sizeof(MessageBox) + name.size())) return fail(Errno::enomem);
  constexpr unsigned permissions = 07777;
  return make_ref<MessageBox>(name, mode & permissions & ~self.process().fs().umask(), attributes,
                              *bytes);
}

/// EBADF: the descriptor is of no queue, or not open for `direction`.
Result<MessageFile*> queue_file(Thread& self, int fd) {
  File* const file = self.process().files().find_open(fd);
  MessageFile* const queue = file != nullptr ? file->messages() : nullptr;
  if (queue == nullptr) return fail(Errno::ebadf);
  return queue;
}

/// The deadline of a call, a time of the wall clock. never: it has none. EFAULT, EINVAL.
Result<async::Instant> queue_deadline(Thread& self, UserPtr<const abi::Timespec> timeout) {
  if (!timeout) return async::never;
  const auto given = timeout.read(self.space()).and_then(to_duration);
  if (!given) return fail(given.error());
  return async::Instant{*given - wall_clock_at_boot()};
}

Errno error_of_wait(async::WaitResult result) {
  return result == async::WaitResult::timed_out ? Errno::etimedout : Errno::eintr;
}

async::Task<Result<int>> put_into_queue_later(Ref<MessageBox> box, std::unique_ptr<Message> message,
                                              async::Instant deadline) {
  ipc::WaitingForBox waiting{*box, std::move(message)};
  const auto woken = co_await waiting.done().wait_until(deadline, "message queue");
  if (!waiting.done().is_set()) co_return fail(error_of_wait(woken));
  co_return 0;
}

/// Where mq_timedreceive puts a message.
struct QueuePlace {
  std::uintptr_t bytes;
  UserPtr<std::uint32_t> priority;

  Result<std::size_t> write(Thread& self, const Message& message) const {
    if (priority) {
      auto written = priority.write(self.space(), static_cast<std::uint32_t>(-message.type));
      if (!written) return fail(written.error());
    }
    auto written = message.write(self.space(), bytes, message.size());
    if (!written) return fail(written.error());
    return message.size();
  }
};

async::Task<Result<std::size_t>> take_from_queue_later(Thread& self, Ref<MessageBox> box,
                                                       QueuePlace place, async::Instant deadline) {
  ipc::WaitingForBox waiting{*box};
  const auto woken = co_await waiting.done().wait_until(deadline, "message queue");
  if (!waiting.done().is_set()) co_return fail(error_of_wait(woken));
  const auto message = waiting.take();
  co_return co_await write_at_last(self, [&] { return place.write(self, *message); });
}

/// The process that gets the notice; null: it was reaped.
Process* receiver_of(const MessageNotice& notice) {
  Process* const process = processes().find(notice.process);
  const bool is_it = process != nullptr && process->start_time() == notice.start_time;
  return is_it ? process : nullptr;
}

void post_notice(Thread& self, const MessageNotice& notice) {
  if (notice.event.notify != abi::sigev_signal) return;
  Process* const process = receiver_of(notice);
  if (process == nullptr || notice.event.signal == 0) return;
  process->post_signal({.signal = notice.event.signal,
                        .code = abi::si_mesgq,
                        .sender = {.process = self.process().id(), .value = notice.event.value}});
}

/// Whether a process waits for the next message of an empty queue.
bool has_live_notice(MessageBox& box) {
  if (!box.notice()) return false;
  Process* const process = receiver_of(*box.notice());
  if (process != nullptr && !process->is_ending() && !process->is_zombie()) return true;
  box.notice().reset();
  return false;
}

}  // namespace

/// flags: O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_NONBLOCK; others have no effect
/// linux: No file system shows the queues. A message has at most 64 KiB, also for the superuser.
Result<int> mq_open(Thread& self, UserPtr<const char> path, int flags, unsigned mode,
                    UserPtr<const abi::MqAttributes> attributes) {
  abi::MqAttributes wanted{.most_messages = MessageFile::usual_messages,
                           .message_bytes = MessageFile::usual_bytes};
  if (attributes) {
    const auto given = attributes.read(self.space());
    if (!given) return fail(given.error());
    wanted = *given;
  }
  QueueName text;
  const auto name = read_queue_name(self, path, text);
  if (!name) return fail(name.error());
  if (!memory::can_allocate(sizeof(MessageFile))) return fail(Errno::enomem);
  MessageBox* const existing = MessageBox::find(*name);
  Ref<MessageBox> box;
  if (existing != nullptr) {
    constexpr int only_new = abi::o_creat | abi::o_excl;
    if ((flags & only_new) == only_new) return fail(Errno::eexist);
    if ((flags & abi::o_accmode) == abi::o_accmode) return fail(Errno::einval);
    box = Ref<MessageBox>::share(*existing);
  } else {
    if ((flags & abi::o_creat) == 0) return fail(Errno::enoent);
    auto made = make_queue(self, *name, mode, wanted);
    if (!made) return fail(made.error());
    box = std::move(*made);
  }
  constexpr int kept = abi::o_accmode | abi::o_nonblock;
  auto file = make_ref<MessageFile>(box, flags & kept);
  const auto fd = self.process().files().add(std::move(file), true);
  if (!fd && existing == nullptr) box->remove_name();
  return fd;
}

/// linux: none known
Result<int> mq_unlink(Thread& self, UserPtr<const char> path) {
  QueueName text;
  const auto name = read_queue_name(self, path, text);
  if (!name) return fail(name.error());
  MessageBox* const box = MessageBox::find(*name);
  if (box == nullptr) return fail(Errno::enoent);
  box->remove_name();
  return 0;
}

/// linux: Callers that wait take turns in the order of their calls, not of their priorities.
trap::Answer<Result<int>> mq_timedsend(Thread& self, int fd, std::uintptr_t from, std::size_t bytes,
                                       unsigned priority, UserPtr<const abi::Timespec> timeout) {
  const auto deadline = queue_deadline(self, timeout);
  if (!deadline) return fail(deadline.error());
  if (priority >= abi::mq_most_priority) return fail(Errno::einval);
  const auto file = queue_file(self, fd);
  if (!file) return fail(file.error());
  if (!(*file)->can_write()) return fail(Errno::ebadf);
  MessageBox& box = (*file)->box();
  if (bytes > static_cast<std::uint64_t>(box.attributes().message_bytes))
    return fail(Errno::emsgsize);
  auto message = Message::read(self.space(), from, bytes);
  if (!message) return fail(message.error());
  (*message)->type = -static_cast<std::int64_t>(priority);
  if (!box.is_full()) {
    if (const auto notice = box.send(std::move(*message))) post_notice(self, *notice);
    return 0;
  }
  if ((*file)->is_nonblocking()) return fail(Errno::eagain);
  return self.wait([&] {
    return put_into_queue_later(Ref<MessageBox>::share(box), std::move(*message), *deadline);
  });
}

/// linux: As `mq_timedsend`.
trap::Answer<Result<std::size_t>> mq_timedreceive(Thread& self, int fd, std::uintptr_t to,
                                                  std::size_t bytes,
                                                  UserPtr<std::uint32_t> priority,
                                                  UserPtr<const abi::Timespec> timeout) {
  const auto deadline = queue_deadline(self, timeout);
  if (!deadline) return fail(deadline.error());
  const auto file = queue_file(self, fd);
  if (!file) return fail(file.error());
  if (!(*file)->can_read()) return fail(Errno::ebadf);
  MessageBox& box = (*file)->box();
  if (bytes < static_cast<std::uint64_t>(box.attributes().message_bytes))
    return fail(Errno::emsgsize);
  const QueuePlace place{.bytes = to, .priority = priority};
  if (!box.is_empty()) {
    const auto written = place.write(self, box.first());
    // A page that must be read first leaves the message in the queue. After another error it is
    // lost, as on Linux.
    if (!blocks(written)) (void)box.take_first();
    return written;
  }
  if ((*file)->is_nonblocking()) return fail(Errno::eagain);
  return self.wait(
      [&] { return take_from_queue_later(self, Ref<MessageBox>::share(box), place, *deadline); });
}

/// flags: SIGEV_NONE, SIGEV_SIGNAL; ENOSYS for SIGEV_THREAD, EINVAL for others
/// linux: SIGEV_THREAD fails with ENOSYS. The registration ends with the open file by which the
///   process has made it, not with the first of the process's descriptors of the queue.
Result<int> mq_notify(Thread& self, int fd, UserPtr<const abi::SignalEvent> event) {
  std::optional<abi::SignalEvent> wanted;
  if (event) {
    const auto given = event.read(self.space());
    if (!given) return fail(given.error());
    wanted = *given;
    const bool is_known = wanted->notify == abi::sigev_none ||
                          wanted->notify == abi::sigev_signal ||
                          wanted->notify == abi::sigev_thread;
    if (!is_known) return fail(Errno::einval);
    const bool is_signal = wanted->notify == abi::sigev_signal;
    if (is_signal && (wanted->signal < 0 || wanted->signal > abi::signal_limit))
      return fail(Errno::einval);
    if (wanted->notify == abi::sigev_thread) return fail(Errno::enosys);
  }
  const auto file = queue_file(self, fd);
  if (!file) return fail(file.error());
  MessageBox& box = (*file)->box();
  Process& process = self.process();
  if (!wanted) {
    if (box.notice() && receiver_of(*box.notice()) == &process) box.notice().reset();
    return 0;
  }
  if (has_live_notice(box)) return fail(Errno::ebusy);
  box.notice() = MessageNotice{
      .process = process.id(), .start_time = process.start_time(), .file = *file, .event = *wanted};
  return 0;
}

/// flags: O_NONBLOCK; EINVAL for others
/// linux: none known
Result<int> mq_getsetattr(Thread& self, int fd, UserPtr<const abi::MqAttributes> wanted,
                          UserPtr<abi::MqAttributes> old) {
  Result<abi::MqAttributes> given{};
  if (wanted) {
    given = wanted.read(self.space());
    if (!given) return fail(given.error());
    if ((given->flags & ~std::int64_t{abi::o_nonblock}) != 0) return fail(Errno::einval);
  }
  const auto file = queue_file(self, fd);
  if (!file) return fail(file.error());
  abi::MqAttributes before = (*file)->box().attributes();
  before.flags = (*file)->flags() & abi::o_nonblock;
  // After another error than a page-in the flags change all the same, as on Linux.
  Result<> written{};
  if (old) written = old.write(self.space(), before);
  if (blocks(written)) return fail(written.error());
  if (wanted) {
    const int others = (*file)->flags() & ~abi::o_nonblock;
    (*file)->set_status_flags(others | static_cast<int>(given->flags));
  }
  return written.transform([] { return 0; });
}

}  // namespace sys

KERNEL_CALL(mq_open, sys::mq_open);
KERNEL_CALL(mq_unlink, sys::mq_unlink);
KERNEL_CALL(mq_timedsend, sys::mq_timedsend);
KERNEL_CALL(mq_timedreceive, sys::mq_timedreceive);
KERNEL_CALL(mq_notify, sys::mq_notify);
KERNEL_CALL(mq_getsetattr, sys::mq_getsetattr);

}  // namespace kernel
