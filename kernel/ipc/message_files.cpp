#include "ipc/message_files.h"

#include <abi/flags.h>
#include <async/async.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "files/io_buffer.h"

namespace kernel {
namespace ipc {
namespace {

constinit Treap<MessageBox, OrderOfNames> boxes;
constinit std::size_t box_count = 0;
constinit std::uint64_t limited_bytes_of_all = 0;

}  // namespace

// ── WaitingForBox ──

WaitingForBox::WaitingForBox(MessageBox& box, std::unique_ptr<Message> message)
    : list_{&box.writers_}, message_{std::move(message)} {
  list_->push_back(*this);
}

WaitingForBox::WaitingForBox(MessageBox& box) : list_{&box.readers_} {
  list_->push_back(*this);
}

WaitingForBox::~WaitingForBox() {
  if (list_ != nullptr) list_->remove(*this);
}

void WaitingForBox::finish() {
  std::exchange(list_, nullptr)->remove(*this);
  done_.set();
}

// ── MessageBox ──

MessageBox::MessageBox(std::string_view name, unsigned mode, abi::MqAttributes attributes,
                       std::uint64_t bytes)
    : name_{fmt::format("/{}", name)}, mode_{mode}, limited_bytes_{bytes}, attributes_{attributes} {
  attributes_.flags = 0;
  attributes_.messages = 0;
  std::ranges::fill(attributes_.reserved, 0);
  limited_bytes_of_all += limited_bytes_;
  ++box_count;
  boxes.insert(*this);
  retain();  // the name's reference
}

MessageBox::~MessageBox() {
  while (!is_empty()) (void)take_first();
}

void MessageBox::destroy(const MessageBox* box) {
  constexpr std::int64_t most_at_once = 64;
  auto ending = std::unique_ptr<MessageBox>{const_cast<MessageBox*>(box)};
  // Now, so that the program can create another queue at once.
  limited_bytes_of_all -= ending->limited_bytes_;
  --box_count;
  if (ending->attributes_.messages > most_at_once)
    async::spawn(end_in_steps(std::move(ending)), {.name = "message queue"}).detach();
}

async::Task<> MessageBox::end_in_steps(std::unique_ptr<MessageBox> box) {
  constexpr unsigned in_step = 64;
  for (unsigned count = 1; !box->is_empty(); ++count) {
    (void)box->take_first();
    if (count % in_step == 0) co_await async::yield();
  }
}

MessageBox* MessageBox::find(std::string_view name) {
  MessageBox* const found = boxes.find([name](const MessageBox& box) { return box.name() < name; });
  return found != nullptr && found->name() == name ? found : nullptr;
}

std::size_t MessageBox::count() {
  return box_count;
}

std::uint64_t MessageBox::limited_bytes() {
  return limited_bytes_of_all;
}

Result<std::uint64_t> MessageBox::bytes_for(const abi::MqAttributes& attributes) {
  // As Linux counts: struct msg_msg for each message, and a node for each priority.
  constexpr std::uint64_t header = 48, node = 48;
  const auto messages = static_cast<std::uint64_t>(attributes.most_messages);
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(messages, static_cast<std::uint64_t>(attributes.message_bytes),
                             &bytes))
    return fail(Errno::eoverflow);
  const std::uint64_t headers =
      messages * header + std::min<std::uint64_t>(messages, abi::mq_most_priority) * node;
  if (__builtin_add_overflow(bytes, headers, &bytes)) return fail(Errno::eoverflow);
  return bytes;
}

void MessageBox::remove_name() {
  has_name_ = false;
  boxes.remove(*this);
  release();
}

void MessageBox::keep(std::unique_ptr<Message> message) {
  Message& kept = *message.release();
  kept.sequence = next_sequence_++;
  messages_.insert(kept);
  bytes_ += kept.size();
  ++attributes_.messages;
}

std::optional<MessageNotice> MessageBox::send(std::unique_ptr<Message> message) {
  if (!readers_.empty()) {
    WaitingForBox& reader = readers_.front();
    reader.message_ = std::move(message);
    reader.finish();
    return {};
  }
  keep(std::move(message));
  readable_.wake_all();
  if (attributes_.messages != 1) return {};
  return std::exchange(notice_, std::nullopt);
}

Message& MessageBox::first() const {
  return *messages_.find([](const Message&) { return false; });
}

std::unique_ptr<Message> MessageBox::take_first() {
  Message& taken = first();
  messages_.remove(taken);
  bytes_ -= taken.size();
  --attributes_.messages;
  if (!writers_.empty()) {
    WaitingForBox& writer = writers_.front();
    keep(std::move(writer.message_));
    writer.finish();
  } else {
    writable_.wake_all();
  }
  return std::unique_ptr<Message>{&taken};
}

}  // namespace ipc

// ── MessageFile ──

MessageFile::~MessageFile() {
  auto& notice = box_->notice();
  if (notice && notice->file == this) notice.reset();
}

Result<std::size_t> MessageFile::try_read(IoBuffer& buffer) {
  std::array<char, text_bytes> text;
  const auto& notice = box_->notice();
  const auto end = fmt::format_to_n(
      text.begin(), text.size(), "QSIZE:{:<10} NOTIFY:{:<5} SIGNO:{:<5} NOTIFY_PID:{:<6}\n",
      box_->bytes(), notice ? notice->event.notify : 0,
      notice && notice->event.notify == abi::sigev_signal ? notice->event.signal : 0,
      notice ? notice->process : 0);
  const std::size_t size = std::min(end.size, text.size());
  if (position_ >= size) return 0;
  const auto moved = buffer.put(std::as_bytes(std::span{text}.first(size).subspan(position_)));
  if (moved) position_ += *moved;
  return moved;
}

Result<std::int64_t> MessageFile::seek(std::int64_t offset, int whence) {
  const auto at = find_place(offset, whence, position_, text_bytes);
  if (at) position_ = static_cast<std::uint64_t>(*at);
  return at;
}

short MessageFile::readiness() {
  return static_cast<short>((box_->is_empty() ? 0 : abi::pollin | abi::pollrdnorm) |
                            (box_->is_full() ? 0 : abi::pollout | abi::pollwrnorm));
}

abi::Stat MessageFile::status() {
  return {.device = 1,
          .mode = abi::s_ifreg | box_->mode(),
          .links = box_->has_name() ? 1u : 0u,
          .size = text_bytes,
          .block_size = hal::page_size};
}

}  // namespace kernel
