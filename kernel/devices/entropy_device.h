// A virtio source of entropy (Virtual I/O Device specification 1.2, section 5.4). ask() requests
// random bytes. When the device delivers them, the driver coroutine passes them to `on_entropy`.
#pragma once

#include <async/async.h>

#include <array>
#include <memory>

#include "base/interrupt_backoff.h"
#include "devices/virtio_device.h"

namespace kernel {

class EntropyDevice {
 public:
  static constexpr std::size_t bytes_at_once = 64;
  /// The driver calls it with the device's random bytes.
  using OnEntropy = void (*)(std::span<const std::byte> bytes);

  /// Null: the device cannot be used.
  static std::unique_ptr<EntropyDevice> start(virtio::Transport& transport, OnEntropy on_entropy);

  /// The driver. Spawn it as a preemptible job at levels::driver. It never returns.
  async::Task<> serve();

  /// Requests random bytes. Has no effect while an earlier request is in flight. Any hart.
  void ask();

  const InterruptBackoff& backoff() const { return backoff_; }

 private:
  EntropyDevice(virtio::Transport& transport, OnEntropy on_entropy);
  bool collect();

  virtio::Transport& transport_;
  async::Interrupt& line_;
  const OnEntropy on_entropy_;
  async::SpinLock lock_;  // protects the device's queue
  virtio::Device device_;
  InterruptBackoff backoff_;
  std::array<std::byte, bytes_at_once> bytes_{};  // the device writes them during a request
};

}  // namespace kernel
