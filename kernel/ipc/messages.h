// Messages of System V queues, and the queues. A message keeps its bytes in pieces of at most a
// page.
//
// A receiver that waits is in the queue with its WantedMessage. A sender gives it a message that
// matches at once, so a receiver that wakes has its message. Senders wait for room, and then try
// again. All of it is in the strand.
#pragma once

#include <async/event.h>
#include <kernel/list.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "ipc/objects.h"
#include "memory/address_space.h"

namespace kernel::ipc {

struct OrderOfTypes;

/// A message. Its memory counts in the quota.
class Message : public ListNode<>, public TreapNode<OrderOfTypes> {
 public:
  /// A message with the bytes at `from` in `space`. ENOMEM; EFAULT, and would_block for a page-in.
  static Result<std::unique_ptr<Message>> read(memory::AddressSpace& space, std::uintptr_t from,
                                               std::size_t bytes);
  /// Copies the first `bytes` bytes. EFAULT, would_block.
  Result<> write(memory::AddressSpace& space, std::uintptr_t to, std::size_t bytes) const;

  Message(const Message&) = delete;
  std::size_t size() const { return size_; }

  std::int64_t type = 0;       ///< in a POSIX queue: the priority
  std::uint64_t sequence = 0;  ///< its place among the messages of its type

 private:
  struct Piece {
    std::unique_ptr<std::byte[]> bytes;
    std::unique_ptr<Piece> next;
  };
  static constexpr std::size_t most_in_piece = hal::page_size;
  static std::size_t memory_for(std::size_t bytes);

  explicit Message(std::size_t bytes) : size_{bytes}, charge_{memory_for(bytes)} {}
  /// Calls use(piece, offset, size) -> Result<> for each piece of the first `bytes` bytes.
  template <class Use>
  Result<> for_each_piece(std::size_t bytes, Use&& use) const;

  const std::size_t size_;
  Charge charge_;
  std::unique_ptr<Piece> first_;
};

struct OrderOfTypes {
  static bool is_before(const Message& one, const Message& other) {
    return one.type != other.type ? one.type < other.type : one.sequence < other.sequence;
  }
  static void update(Message&, Message*, Message*) {}
};

inline constexpr std::size_t most_message_bytes = 8192;
inline constexpr std::size_t usual_queue_bytes = 16'384;
inline constexpr int most_message_queues = 32'000;

class MessageQueue;

/// The arguments of msgrcv: which message the caller wants.
struct WantedMessage {
  std::int64_t type;
  int flags;  ///< msg_…
  std::size_t most_bytes;

  /// Whether a receiver may get a message of this type.
  bool matches(std::int64_t given) const;
  /// E2BIG: the message is too long, and must not be cut.
  Result<> fits(const Message& message) const;
};

/// A caller of msgrcv that waits.
class WaitingReceiver : public ListNode<> {
 public:
  WaitingReceiver(MessageQueue& queue, WantedMessage wanted, int process);
  ~WaitingReceiver();
  async::Event& done() { return done_; }
  /// The received message. Call it once, when done() is on. EIDRM, E2BIG; EAGAIN: the queue has
  /// changed, and the caller looks again.
  Result<std::unique_ptr<Message>> take() { return std::move(result_); }

 private:
  friend MessageQueue;
  void finish(Result<std::unique_ptr<Message>> result);

  MessageQueue* queue_;  // null: the wait is over
  const WantedMessage wanted_;
  const int process_;
  Result<std::unique_ptr<Message>> result_;
  async::Event done_;
};

/// A caller of msgsnd that waits for room.
class WaitingSender : public ListNode<> {
 public:
  WaitingSender(MessageQueue& queue, std::size_t bytes);
  ~WaitingSender();
  async::Event& done() { return done_; }

 private:
  friend MessageQueue;
  void finish();

  MessageQueue* queue_;
  const std::size_t bytes_;
  async::Event done_;
};

class MessageQueue : public Object, public RefCounted<MessageQueue> {
 public:
  static Result<int> get(const Caller& caller, std::int32_t key, int flags);
  static Objects& all();
  /// The messages of all queues together.
  struct Totals {
    std::size_t messages = 0, bytes = 0;
  };
  static Totals totals();

  MessageQueue() = default;
  ~MessageQueue() override;

  bool has_room(std::size_t bytes) const {
    return bytes_ + bytes <= most_bytes_ && messages_ + 1 <= most_bytes_;
  }
  /// Gives the message to a receiver that waits for it, or keeps it. The caller has tested
  /// has_room(). `process`: the sender.
  void send(std::unique_ptr<Message> message, int process);
  /// The message that a receiver gets now, which stays in the queue. ENOMSG, E2BIG.
  Result<Message*> find(const WantedMessage& wanted);
  /// Removes the message that find() has found, for the receiver `process`. Wakes the senders for
  /// which the queue has room now.
  std::unique_ptr<Message> take(Message& message, int process);
  /// IPC_SET: sets the limit. Wakes all waiting receivers, which try again because the permissions
  /// may exclude them now, and the senders for which there is room.
  void change(std::size_t most_bytes);
  /// Wakes all waiting senders and receivers, whose calls fail with EIDRM. Releases the reference
  /// that get() keeps.
  void remove();
  /// Frees at most `most` messages of a removed queue. Returns whether none is left.
  bool drop_some(unsigned most);

  abi::MessageQueueStatus status() const;

 private:
  friend WaitingReceiver;
  friend WaitingSender;

  void wake_senders();
  void count(const Message& message, bool is_new);

  Charge charge_{sizeof(MessageQueue)};
  List<Message> in_order_;
  Treap<Message, OrderOfTypes> by_type_;
  List<WaitingReceiver> receivers_;
  List<WaitingSender> senders_;
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
  std::size_t most_bytes_ = usual_queue_bytes;
  std::uint64_t next_sequence_ = 0;
  std::int64_t sent_ = 0, received_ = 0;
  int last_sender_ = 0, last_receiver_ = 0;
};

}  // namespace kernel::ipc
