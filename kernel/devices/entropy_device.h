// A virtio source of entropy (Virtual I/O Device specification 1.2, section 5.4): whoever wants
// some asks for it, and the driver, a coroutine, brings it to the generator when it comes.
#pragma once

#include <async/async.h>

#include <array>
#include <memory>

#include "devices/interrupt_backoff.h"
#include "devices/virtio_device.h"

namespace kernel {

class EntropyDevice {
 public:
  static constexpr std::size_t bytes_at_once = 64;
  /// Called by the driver with what the device has made up.
  using Give = void (*)(std::span<const std::byte> bytes);

  /// Null where the device cannot be used.
  static std::unique_ptr<EntropyDevice> start(std::unique_ptr<virtio::Transport> transport,
                                              Give give);

  /// The driver: a preemptible job of its own, at the interrupt handlers' level, for ever.
  async::Task<> serve();

  /// Some bytes are to be given when the device has them. Any hart. Once more before they are is
  /// no more.
  void ask();

  const InterruptBackoff& backoff() const { return backoff_; }

 private:
  EntropyDevice(std::unique_ptr<virtio::Transport> transport, Give give);
  bool collect();

  const std::unique_ptr<virtio::Transport> transport_;
  const Give give_;
  async::SpinLock lock_;  // of the device's queue
  virtio::Device device_;
  InterruptBackoff backoff_;
  std::array<std::byte, bytes_at_once> bytes_{};  // the device's while its queue has a chain
};

}  // namespace kernel
