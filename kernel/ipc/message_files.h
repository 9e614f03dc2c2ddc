// POSIX message queues. A queue has a name, and each program that uses it has an open file of it.
// Readers get the message with the highest priority first, and of several the oldest. All of it is
// in the strand.
#pragma once

#include <abi/signal.h>
#include <async/event.h>
#include <async/task.h>
#include <async/wait_list.h>
#include <kernel/list.h>
#include <kernel/treap.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "files/file.h"
#include "ipc/messages.h"

namespace kernel {

namespace ipc {

class MessageBox;
struct OrderOfNames;

/// A reader or a writer that waits, in the frame of its coroutine.
class WaitingForBox : public ListNode<> {
 public:
  /// Waits until the queue has room for `message`, which the queue then takes.
  WaitingForBox(MessageBox& box, std::unique_ptr<Message> message);
  /// Waits for a message.
  explicit WaitingForBox(MessageBox& box);
  ~WaitingForBox();

  async::Event& done() { return done_; }
  /// The received message. A reader calls it once, when done() is on.
  std::unique_ptr<Message> take() { return std::move(message_); }

 private:
  friend MessageBox;
  void finish();

  List<WaitingForBox>* list_;
  std::unique_ptr<Message> message_;
  async::Event done_;
};

/// A registration by mq_notify: `process` gets the signal when a message arrives in the empty
/// queue.
struct MessageNotice {
  int process;
  async::Instant start_time;  ///< of the process: another one may get its number later
  const File* file;           ///< the registration ends with this file
  abi::SignalEvent event;
};

class MessageBox : public RefCounted<MessageBox>, public TreapNode<OrderOfNames> {
 public:
  /// `bytes`: the result of bytes_for(), which counts in RLIMIT_MSGQUEUE.
  MessageBox(std::string_view name, unsigned mode, abi::MqAttributes attributes,
             std::uint64_t bytes);
  ~MessageBox();
  /// The end of a queue without owners. A job of the kernel frees many messages in steps.
  static void destroy(const MessageBox* box);

  /// Null: no queue has this name.
  static MessageBox* find(std::string_view name);
  static std::size_t count();
  /// The bytes of all queues that count in RLIMIT_MSGQUEUE. All belong to one user.
  static std::uint64_t limited_bytes();
  /// The bytes of a queue that count in RLIMIT_MSGQUEUE. EOVERFLOW.
  static Result<std::uint64_t> bytes_for(const abi::MqAttributes& attributes);

  /// Removes the name. The queue lives until its last file ends.
  void remove_name();
  std::string_view name() const { return std::string_view{name_}.substr(1); }
  /// The name with a slash in front.
  std::string_view path() const { return name_; }
  bool has_name() const { return has_name_; }
  unsigned mode() const { return mode_; }
  /// The flags in it are 0, because each open file has its own.
  const abi::MqAttributes& attributes() const { return attributes_; }
  std::uint64_t bytes() const { return bytes_; }

  bool is_empty() const { return attributes_.messages == 0; }
  bool is_full() const { return attributes_.messages >= attributes_.most_messages; }
  /// Gives the message to a reader that waits, or keeps it. The queue is not full. If this
  /// message ends the registration by mq_notify, returns it: the caller sends the signal.
  std::optional<MessageNotice> send(std::unique_ptr<Message> message);
  /// The next message, which stays in the queue. The queue is not empty.
  Message& first() const;
  /// Removes first(). Then a writer that waits has room.
  std::unique_ptr<Message> take_first();

  std::optional<MessageNotice>& notice() { return notice_; }
  async::WaitList& readable() { return readable_; }
  async::WaitList& writable() { return writable_; }

 private:
  friend WaitingForBox;
  friend OrderOfNames;
  static async::Task<> end_in_steps(std::unique_ptr<MessageBox> box);

  void keep(std::unique_ptr<Message> message);

  Charge charge_{sizeof(MessageBox) + 256};
  const std::string name_;
  const unsigned mode_;
  const std::uint64_t limited_bytes_;
  bool has_name_ = true;
  abi::MqAttributes attributes_;
  Treap<Message, OrderOfTypes> messages_;
  std::uint64_t next_sequence_ = 0;
  std::uint64_t bytes_ = 0;
  List<WaitingForBox> readers_;
  List<WaitingForBox> writers_;
  async::WaitList readable_;
  async::WaitList writable_;
  std::optional<MessageNotice> notice_;
};

struct OrderOfNames {
  static bool is_before(const MessageBox& one, const MessageBox& other) {
    return one.name_ < other.name_;
  }
  static void update(MessageBox&, MessageBox*, MessageBox*) {}
};

}  // namespace ipc

class MessageFile final : public File {
 public:
  static constexpr std::int64_t usual_messages = 10, usual_bytes = 8192;
  static constexpr int most_queues = 256;

  MessageFile(Ref<ipc::MessageBox> box, int flags) : File{flags}, box_{std::move(box)} {}
  ~MessageFile() override;

  MessageFile* messages() override { return this; }
  ipc::MessageBox& box() const { return *box_; }

  /// Reads a text with the state of the queue.
  Result<std::size_t> try_read(IoBuffer& buffer) override;
  Result<std::int64_t> seek(std::int64_t offset, int whence) override;
  short readiness() override;
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &box_->readable() : &box_->writable();
  }
  abi::Stat status() override;
  std::string_view unnamed_kind() override { return box_->path(); }

 private:
  static constexpr std::size_t text_bytes = 80;  // the size that Linux reports

  const Ref<ipc::MessageBox> box_;
  std::uint64_t position_ = 0;
};

}  // namespace kernel
