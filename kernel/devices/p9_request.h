// A request to a file server: a message of 9P (formats/p9.h), room for the answer, and for `read`
// and `write` the memory that has the data. The device accesses all of it in place. So the request
// lives until its answer has come, even if its caller no longer waits.
#pragma once

#include <async/event.h>
#include <hal/memory_map.h>
#include <kernel/list.h>
#include <kernel/ref.h>
#include <kernel/result.h>

#include <array>
#include <cstdint>
#include <span>

#include "devices/virtqueue.h"
#include "formats/p9.h"

namespace kernel {

class P9Request : public RefCounted<P9Request>, public ListNode<> {
 public:
  /// Enough for 64 KiB at any offset in a page.
  static constexpr std::size_t most_pieces = 17;

  virtual ~P9Request() = default;

  /// Appends to the body of the message.
  p9::Writer& message() { return message_; }
  /// Appends memory for data, which must not move while this object exists. Only for `read`, whose
  /// data the device writes there, and for `write`. At most most_pieces.
  void add(hal::PhysAddr memory, std::size_t bytes);

  /// The body of the answer, without the data of a `read`. Call after P9Device::run().
  std::span<const std::byte> body() const {
    return answer_.first(answered_).subspan(p9::header_bytes);
  }
  bool is_read() const { return type_ == p9::Type::read; }
  /// The bytes of data that the answer to a `read` has. EIO: more than were asked for.
  Result<std::size_t> data_count() const;

 protected:
  P9Request(p9::Type type, std::span<std::byte> message, std::span<std::byte> answer)
      : type_{type}, message_{message}, message_start_{message.data()}, answer_{answer} {}

 private:
  friend class P9Device;

  bool has_data() const { return pieces_ > 0; }
  /// Writes the message's header with `tag`, and returns the descriptors for the device.
  std::span<virtio::Descriptor> make_chain(std::uint16_t tag);
  /// The server has answered, and has written `written` bytes.
  void take_answer(std::size_t written);
  void finish(Result<> result) {
    result_ = result;
    done_.set();
  }

  const p9::Type type_;
  std::uint16_t tag_ = p9::no_tag;
  bool is_waiting_ = false;  // for room in the queue
  std::uint8_t pieces_ = 0;
  std::size_t data_bytes_ = 0;
  p9::Writer message_;
  std::byte* message_start_;
  std::span<std::byte> answer_;
  std::size_t answered_ = 0;  // bytes of the answer in answer_
  std::uint32_t answer_bytes_ = 0;
  Result<> result_;
  async::Event done_;
  // The message, the data, the answer.
  std::array<virtio::Descriptor, most_pieces + 2> chain_;
};

/// A request with room for a body and an answer of these sizes, headers included.
template <std::size_t message_bytes, std::size_t answer_bytes>
class SizedP9Request : public P9Request {
 public:
  static constexpr std::size_t most_message = message_bytes;
  static constexpr std::size_t most_answer = answer_bytes;

  explicit SizedP9Request(p9::Type type) : P9Request{type, message_room_, answer_room_} {}

 private:
  alignas(8) std::array<std::byte, message_bytes> message_room_;
  alignas(8) std::array<std::byte, answer_bytes> answer_room_;
};

/// Enough for two names, and for attributes.
using SmallP9Request = SizedP9Request<560, 192>;

}  // namespace kernel
