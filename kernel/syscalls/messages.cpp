// System V queues of messages.
#include "ipc/messages.h"

#include <abi/ipc.h>

#include <algorithm>

#include "process/page_in.h"
#include "process/steps.h"
#include "syscalls/ipc.h"
#include "syscalls/registered_calls.h"

namespace kernel {
namespace sys {
namespace {

using ipc::Message;
using ipc::MessageQueue;
using ipc::Object;
using ipc::WantedMessage;

/// A program's message: a type, and the bytes behind it.
constexpr std::size_t type_bytes = sizeof(std::int64_t);

/// Waits for room, and tries again after each wake.
async::Task<Result<int>> send_message_later(Thread& self, Ref<MessageQueue> queue,
                                            std::unique_ptr<Message> message) {
  for (;;) {
    if (auto allowed = queue->check(caller_of(self), Object::may_write); !allowed)
      co_return fail(allowed.error());
    if (queue->has_room(message->size())) break;
    ipc::WaitingSender waiting{*queue, message->size()};
    (void)co_await waiting.done().wait("message queue");
    if (queue->is_removed()) co_return fail(Errno::eidrm);
    if (!waiting.done().is_set()) co_return fail(Errno::eintr);
  }
  queue->send(std::move(message), self.process().id());
  co_return 0;
}

/// Copies a message to the program. The message is in no queue, and is lost if that fails.
Result<std::size_t> deliver_message(Thread& self, const Message& message, std::uintptr_t to,
                                    std::size_t most) {
  const std::size_t bytes = std::min(message.size(), most);
  if (auto written = UserPtr<std::int64_t>{to}.write(self.space(), message.type); !written)
    return fail(written.error());
  if (auto written = message.write(self.space(), to + type_bytes, bytes); !written)
    return fail(written.error());
  return bytes;
}

/// After a change of the queue that may exclude the receiver. ENOMSG: it waits again.
Result<std::unique_ptr<Message>> look_again(Thread& self, MessageQueue& queue,
                                            const WantedMessage& wanted) {
  if (auto allowed = queue.check(caller_of(self), Object::may_read); !allowed)
    return fail(allowed.error());
  if (queue.is_removed()) return fail(Errno::eidrm);
  const auto found = queue.find(wanted);
  if (!found) return fail(found.error());
  return queue.take(**found, self.process().id());
}

async::Task<Result<std::size_t>> receive_message_later(Thread& self, Ref<MessageQueue> queue,
                                                       WantedMessage wanted, std::uintptr_t to) {
  Result<std::unique_ptr<Message>> message = fail(Errno::enomsg);
  while (!message && message.error() == Errno::enomsg) {
    ipc::WaitingReceiver waiting{*queue, wanted, self.process().id()};
    (void)co_await waiting.done().wait("message");
    if (!waiting.done().is_set()) co_return fail(Errno::eintr);
    message = waiting.take();
    if (!message && message.error() == Errno::eagain) message = look_again(self, *queue, wanted);
  }
  if (!message) co_return fail(message.error());
  co_return co_await write_at_last(
      self, [&] { return deliver_message(self, **message, to, wanted.most_bytes); });
}

Result<int> write_message_limits(Thread& self, int command, std::uintptr_t to) {
  const bool is_use = command == abi::msg_info;
  const auto number = [](std::size_t count) { return static_cast<std::int32_t>(count); };
  constexpr int pool = 512'000, segment_bytes = 16;
  constexpr std::uint16_t segments = 0xffff;
  const MessageQueue::Totals totals = MessageQueue::totals();
  constexpr auto queue_bytes = static_cast<std::int32_t>(ipc::usual_queue_bytes);
  const abi::MessageLimits limits{
      .pool = is_use ? number(MessageQueue::all().size()) : pool,
      .map = is_use ? number(totals.messages) : queue_bytes,
      .most_message_bytes = static_cast<std::int32_t>(ipc::most_message_bytes),
      .most_queue_bytes = queue_bytes,
      .most_queues = ipc::most_message_queues,
      .segment_bytes = segment_bytes,
      .headers = is_use ? number(totals.bytes) : queue_bytes,
      .segments = segments};
  return write_status(self, to, limits, MessageQueue::all().highest_place());
}

constexpr unsigned dropped_in_step = 64;

async::Task<Result<int>> drop_messages(Thread& self, Ref<MessageQueue> removed) {
  do {
    co_await cond_resched(self);
  } while (!removed->drop_some(dropped_in_step));
  co_return 0;
}

/// IPC_RMID.
trap::Answer<Result<int>> remove_queue(Thread& self, int number) {
  const auto queue = ipc::find<MessageQueue>(number);
  if (!queue) return fail(queue.error());
  const auto removed = Ref<MessageQueue>::share(**queue);
  removed->remove();
  if (removed->drop_some(dropped_in_step)) return 0;
  return self.wait([&] { return drop_messages(self, removed); });
}

/// IPC_SET.
Result<int> change_queue(Thread& self, int number, std::uintptr_t from) {
  const auto wanted = UserPtr<const abi::MessageQueueStatus>{from}.read(self.space());
  if (!wanted) return fail(wanted.error());
  const auto queue = ipc::find<MessageQueue>(number);
  if (!queue) return fail(queue.error());
  const bool may_raise = self.process().has(Capability::sys_resource);
  if (wanted->most_bytes > ipc::usual_queue_bytes && !may_raise) return fail(Errno::eperm);
  if (auto set = (*queue)->set_permissions(wanted->permissions); !set) return fail(set.error());
  (*queue)->change(wanted->most_bytes);
  return 0;
}

}  // namespace

/// flags: IPC_CREAT, IPC_EXCL; others have no effect
/// linux: Queues and their messages count in the quota of files in /tmp.
Result<int> msgget(Thread& self, std::int32_t key, int flags) {
  return MessageQueue::get(caller_of(self), key, flags);
}

/// flags: IPC_NOWAIT; others have no effect
/// linux: none known
trap::Answer<Result<int>> msgsnd(Thread& self, int number, std::uintptr_t from, std::size_t bytes,
                                 int flags) {
  const auto type = UserPtr<const std::int64_t>{from}.read(self.space());
  if (!type) return fail(type.error());
  if (bytes > ipc::most_message_bytes || number < 0 || *type < 1) return fail(Errno::einval);
  auto message = Message::read(self.space(), from + type_bytes, bytes);
  if (!message) return fail(message.error());
  (*message)->type = *type;
  const auto queue = ipc::find<MessageQueue>(number);
  if (!queue) return fail(queue.error());
  if (auto allowed = (*queue)->check(caller_of(self), Object::may_write); !allowed)
    return fail(allowed.error());
  if ((*queue)->has_room(bytes)) {
    (*queue)->send(std::move(*message), self.process().id());
    return 0;
  }
  if ((flags & abi::ipc_nowait) != 0) return fail(Errno::eagain);
  return self.wait([&] {
    return send_message_later(self, Ref<MessageQueue>::share(**queue), std::move(*message));
  });
}

/// flags: IPC_NOWAIT, MSG_NOERROR, MSG_EXCEPT; others have no effect
/// linux: MSG_COPY fails with ENOSYS, as on a Linux without CONFIG_CHECKPOINT_RESTORE.
trap::Answer<Result<std::size_t>> msgrcv(Thread& self, int number, std::uintptr_t to,
                                         std::size_t bytes, std::int64_t type, int flags) {
  if (number < 0 || static_cast<std::int64_t>(bytes) < 0) return fail(Errno::einval);
  if ((flags & abi::msg_copy) != 0) {
    const bool is_wrong = (flags & abi::msg_except) != 0 || (flags & abi::ipc_nowait) == 0;
    return fail(is_wrong ? Errno::einval : Errno::enosys);
  }
  const WantedMessage wanted{.type = type, .flags = flags, .most_bytes = bytes};
  const auto queue = ipc::find<MessageQueue>(number);
  if (!queue) return fail(queue.error());
  if (auto allowed = (*queue)->check(caller_of(self), Object::may_read); !allowed)
    return fail(allowed.error());
  const auto found = (*queue)->find(wanted);
  if (found) {
    // A page that must be read first leaves the message in the queue. After another error it is
    // lost, as on Linux.
    const auto delivered = deliver_message(self, **found, to, bytes);
    if (!blocks(delivered)) (void)(*queue)->take(**found, self.process().id());
    return delivered;
  }
  if (found.error() != Errno::enomsg || (flags & abi::ipc_nowait) != 0) return fail(found.error());
  return self.wait(
      [&] { return receive_message_later(self, Ref<MessageQueue>::share(**queue), wanted, to); });
}

/// flags: the commands IPC_STAT, IPC_SET, IPC_RMID, IPC_INFO, MSG_STAT, MSG_STAT_ANY, MSG_INFO;
///   EINVAL for others
/// linux: There is one user, the superuser: IPC_SET of another owner fails with EINVAL.
trap::Answer<Result<int>> msgctl(Thread& self, int number, int command, std::uintptr_t argument) {
  if (number < 0 || command < 0) return fail(Errno::einval);
  switch (command) {
    case abi::ipc_info:
    case abi::msg_info: return write_message_limits(self, command, argument);
    case abi::ipc_stat:
    case abi::msg_stat:
    case abi::msg_stat_any:
      return write_object_status<MessageQueue>(self, number, command, abi::msg_stat_any, argument);
    case abi::ipc_set: return change_queue(self, number, argument);
    case abi::ipc_rmid: return remove_queue(self, number);
    default: return fail(Errno::einval);
  }
}

}  // namespace sys

KERNEL_CALL(msgget, sys::msgget);
KERNEL_CALL(msgsnd, sys::msgsnd);
KERNEL_CALL(msgrcv, sys::msgrcv);
KERNEL_CALL(msgctl, sys::msgctl);

}  // namespace kernel
