// A virtio network device (Virtual I/O Device specification 1.2, section 5.1): Ethernet frames in
// and out. The floor above derives NetworkDevice::User, which gets the frames.
//
//   send(): copies a frame ──► queue 1 ──►  the device  ──► queue 0 ──► serve(), the driver
//     in the strand             128 buffers                128 buffers    calls User::receive()
//
// All of it runs in the strand.
//
// - The device takes the frames in order. If no buffer is free, take_room() returns none, and the
//   driver calls User::on_room() when the device has released one.
// - The device interrupts for received frames. The driver serves them in batches, and pauses
//   between two batches as long as a batch took, so that a flood leaves half of the time to others.
// - The driver uses no offloads: all frames are whole, with their checksums.
// - A frame with an impossible length is dropped and counted. If the device breaks a queue or asks
//   for a reset, it is dead: its link is down from then on.
#pragma once

#include <async/async.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/interrupt_backoff.h"
#include "devices/virtio_device.h"

namespace kernel {

class NetworkDevice {
 public:
  static constexpr std::size_t mtu = 1500;         ///< bytes of a frame behind its header
  static constexpr std::size_t header_bytes = 14;  ///< two addresses and a type
  static constexpr std::size_t longest_frame = header_bytes + mtu;
  static constexpr unsigned batch = 32;  ///< frames received in one step

  using Address = std::array<std::uint8_t, 6>;

  /// The owner of the frames. The driver calls it in the strand.
  class User {
   public:
    /// `frame` has header_bytes to longest_frame bytes. The device may still change them: copy a
    /// frame before you check it. They are valid until the function returns.
    virtual void receive(std::span<const std::byte> frame) = 0;
    /// The link went up or down.
    virtual void on_link() = 0;
    /// take_room() had returned no buffer, and would now return one.
    virtual void on_room() = 0;

   protected:
    ~User() = default;
  };

  struct Direction {
    std::uint64_t bytes = 0;
    std::uint64_t frames = 0;
    std::uint64_t errors = 0;   ///< frames with an impossible length
    std::uint64_t dropped = 0;  ///< frames without a user, or without a free buffer
  };

  /// Starts the device. Null: it cannot be used, and the log says so.
  static std::unique_ptr<NetworkDevice> start(virtio::Transport& transport);
  ~NetworkDevice();

  /// The driver. Spawn it on the hart that takes external interrupts. It ends if it is cancelled.
  async::Task<> serve();

  /// The user, from now on. It must outlive the driver. Until then frames are dropped.
  void set_user(User& user) { user_ = &user; }

  const Address& address() const { return address_; }
  bool is_up() const { return is_up_; }
  const InterruptBackoff& backoff() const { return backoff_; }
  const Direction& received() const { return received_; }
  const Direction& sent() const { return sent_; }

  /// A buffer of longest_frame bytes for the next frame to send. Empty: no buffer is free, or the
  /// link is down.
  std::span<std::byte> take_room();
  /// Sends the first `bytes` of the buffer that take_room() has returned.
  void send(std::size_t bytes);

  /// Counts a frame that the user could not keep, or did not send.
  void note_lost() { ++received_.dropped; }
  void note_unsent() { ++sent_.dropped; }

 private:
  static constexpr unsigned buffers_of_queue = 128;
  static constexpr std::size_t buffer_bytes = 2048;      // two in a page
  static constexpr unsigned receiving = 0, sending = 1;  // the numbers of the queues (5.1.2)

  /// The buffers of one queue.
  struct Buffers {
    std::array<std::byte*, buffers_of_queue> all{};
    unsigned count = 0;
  };

  explicit NetworkDevice(virtio::Transport& transport);
  bool start_device();
  void read_address();
  bool read_link();
  bool allocate(Buffers& buffers, unsigned count);
  void free_buffers();

  void offer(std::byte* buffer);
  unsigned receive_batch();
  void take_frame(const std::byte* buffer, std::size_t written);
  unsigned reclaim();
  void serve_configuration();
  void set_link(bool is_up);
  void die(std::string_view why);

  virtio::Transport& transport_;
  async::Interrupt& line_;
  std::array<virtio::DeviceQueue, 1> more_;
  virtio::Device device_;
  User* user_ = nullptr;
  Address address_{};
  bool is_up_ = false;
  bool is_dead_ = false;
  bool awaits_room_ = false;
  Buffers receive_buffers_;
  Buffers send_buffers_;
  std::array<std::byte*, buffers_of_queue> free_{};  // those of send_buffers_ that are free
  unsigned free_count_ = 0;
  Direction received_;
  Direction sent_;
  InterruptBackoff backoff_;
};

/// The machine's network device. Null: it has none, or it could not be started.
NetworkDevice* network_device();

}  // namespace kernel
