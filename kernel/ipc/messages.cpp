#include "ipc/messages.h"

#include <algorithm>
#include <climits>
#include <limits>

#include "memory/user_memory.h"

namespace kernel::ipc {
namespace {

constinit Objects queues;
constinit MessageQueue::Totals of_all;

}  // namespace

// ── Message ──

std::size_t Message::memory_for(std::size_t bytes) {
  const std::size_t pieces = (bytes + most_in_piece - 1) / most_in_piece;
  return sizeof(Message) + pieces * sizeof(Piece) + bytes;
}

template <class Use>
Result<> Message::for_each_piece(std::size_t bytes, Use&& use) const {
  std::size_t done = 0;
  for (const Piece* piece = first_.get(); done < bytes; piece = piece->next.get()) {
    const std::size_t size = std::min(most_in_piece, bytes - done);
    if (auto used = use(piece->bytes.get(), done, size); !used) return used;
    done += size;
  }
  return {};
}

Result<std::unique_ptr<Message>> Message::read(memory::AddressSpace& space, std::uintptr_t from,
                                               std::size_t bytes) {
  if (!file_quota::has(memory_for(bytes))) return fail(Errno::enomem);
  auto message = std::unique_ptr<Message>{new Message{bytes}};
  std::unique_ptr<Piece>* end = &message->first_;
  for (std::size_t at = 0; at < bytes; at += most_in_piece) {
    const std::size_t size = std::min(most_in_piece, bytes - at);
    *end = std::make_unique<Piece>(std::make_unique_for_overwrite<std::byte[]>(size));
    end = &(*end)->next;
  }
  auto copied =
      message->for_each_piece(bytes, [&](std::byte* to, std::size_t at, std::size_t size) {
        return memory::copy_from_user(space, to, from + at, size);
      });
  if (!copied) return fail(copied.error());
  return message;
}

Result<> Message::write(memory::AddressSpace& space, std::uintptr_t to, std::size_t bytes) const {
  return for_each_piece(bytes, [&](const std::byte* from, std::size_t at, std::size_t size) {
    return memory::copy_to_user(space, to + at, from, size);
  });
}

// ── WantedMessage ──

bool WantedMessage::matches(std::int64_t given) const {
  if (type == 0) return true;
  if (type < 0) return given <= (type == INT64_MIN ? INT64_MAX : -type);
  return (flags & abi::msg_except) != 0 ? given != type : given == type;
}

Result<> WantedMessage::fits(const Message& message) const {
  if (message.size() > most_bytes && (flags & abi::msg_noerror) == 0) return fail(Errno::e2big);
  return {};
}

// ── Waiting receivers and senders ──

WaitingReceiver::WaitingReceiver(MessageQueue& queue, WantedMessage wanted, int process)
    : queue_{&queue}, wanted_{wanted}, process_{process} {
  queue.receivers_.push_back(*this);
}

WaitingReceiver::~WaitingReceiver() {
  if (queue_ != nullptr) queue_->receivers_.remove(*this);
}

void WaitingReceiver::finish(Result<std::unique_ptr<Message>> result) {
  std::exchange(queue_, nullptr)->receivers_.remove(*this);
  result_ = std::move(result);
  done_.set();
}

WaitingSender::WaitingSender(MessageQueue& queue, std::size_t bytes)
    : queue_{&queue}, bytes_{bytes} {
  queue.senders_.push_back(*this);
}

WaitingSender::~WaitingSender() {
  if (queue_ != nullptr) queue_->senders_.remove(*this);
}

void WaitingSender::finish() {
  std::exchange(queue_, nullptr)->senders_.remove(*this);
  done_.set();
}

// ── MessageQueue ──

Objects& MessageQueue::all() {
  return queues;
}

MessageQueue::Totals MessageQueue::totals() {
  return of_all;
}

Result<int> MessageQueue::get(const Caller& caller, std::int32_t key, int flags) {
  return ipc::get(
      queues, caller, key, flags, [](const Object&) { return Result<>{}; },
      [&]() -> Result<int> {
        if (queues.size() >= most_message_queues) return fail(Errno::enospc);
        if (!file_quota::has(sizeof(MessageQueue))) return fail(Errno::enomem);
        auto* const queue = new MessageQueue;  // remove() releases this reference
        queues.add(*queue, key, flags, most_message_queues);
        return queue->number();
      });
}

MessageQueue::~MessageQueue() {
  while (!drop_some(UINT_MAX)) continue;
}

bool MessageQueue::drop_some(unsigned most) {
  for (; most > 0 && !in_order_.empty(); --most) {
    Message& message = in_order_.front();
    in_order_.remove(message);
    by_type_.remove(message);
    count(message, false);
    delete &message;
  }
  return in_order_.empty();
}

void MessageQueue::count(const Message& message, bool is_new) {
  const std::size_t one = is_new ? 1 : -std::size_t{1};
  const std::size_t bytes = is_new ? message.size() : -message.size();
  messages_ += one;
  of_all.messages += one;
  bytes_ += bytes;
  of_all.bytes += bytes;
}

void MessageQueue::send(std::unique_ptr<Message> message, int process) {
  last_sender_ = process;
  sent_ = seconds_now();
  for (WaitingReceiver& receiver : receivers_) {
    if (!receiver.wanted_.matches(message->type)) continue;
    const auto fits = receiver.wanted_.fits(*message);
    if (!fits) {
      receiver.finish(fail(fits.error()));
      continue;
    }
    last_receiver_ = receiver.process_;
    received_ = sent_;
    return receiver.finish(std::move(message));
  }
  Message& kept = *message.release();
  kept.sequence = next_sequence_++;
  in_order_.push_back(kept);
  by_type_.insert(kept);
  count(kept, true);
}

Result<Message*> MessageQueue::find(const WantedMessage& wanted) {
  Message* found = nullptr;
  if (wanted.type == 0) {
    if (!in_order_.empty()) found = &in_order_.front();
  } else if ((wanted.flags & abi::msg_except) != 0 && wanted.type > 0) {
    for (Message& message : in_order_) {
      if (!wanted.matches(message.type)) continue;
      found = &message;
      break;
    }
  } else {
    // The first of this type, or of the lowest type.
    const std::int64_t least = std::max<std::int64_t>(wanted.type, 0);
    found = by_type_.find([least](const Message& message) { return message.type < least; });
    if (found != nullptr && !wanted.matches(found->type)) found = nullptr;
  }
  if (found == nullptr) return fail(Errno::enomsg);
  if (auto fits = wanted.fits(*found); !fits) return fail(fits.error());
  return found;
}

std::unique_ptr<Message> MessageQueue::take(Message& message, int process) {
  in_order_.remove(message);
  by_type_.remove(message);
  count(message, false);
  last_receiver_ = process;
  received_ = seconds_now();
  wake_senders();
  return std::unique_ptr<Message>{&message};
}

void MessageQueue::wake_senders() {
  std::size_t bytes = bytes_, messages = messages_;
  for (WaitingSender& sender : senders_) {
    if (messages >= most_bytes_) return;
    if (bytes + sender.bytes_ > most_bytes_) continue;
    bytes += sender.bytes_;
    ++messages;
    sender.finish();
  }
}

void MessageQueue::change(std::size_t most_bytes) {
  most_bytes_ = most_bytes;
  while (!receivers_.empty()) receivers_.front().finish(fail(Errno::eagain));
  wake_senders();
}

void MessageQueue::remove() {
  queues.remove(*this);
  while (!receivers_.empty()) receivers_.front().finish(fail(Errno::eidrm));
  while (!senders_.empty()) senders_.front().finish();
  release();
}

abi::MessageQueueStatus MessageQueue::status() const {
  return {.permissions = permissions(),
          .sent = sent_,
          .received = received_,
          .changed = changed(),
          .bytes = bytes_,
          .messages = messages_,
          .most_bytes = most_bytes_,
          .last_sender = last_sender_,
          .last_receiver = last_receiver_,
          .unused = {}};
}

}  // namespace kernel::ipc
