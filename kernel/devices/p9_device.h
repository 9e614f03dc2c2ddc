// A device that passes messages to a file server of the host (Virtual I/O Device specification 1.2,
// section 5.13, and the protocol 9P2000.L). Many requests can be in flight, each with a tag.
//
//   a coroutine                          the device             serve(), the driver
//
//   co_await run(request) ── submit ──►  asks the server         co_await line.wait()
//        │                                                  irq ─► takes answers, checks them
//        ▼                                                        and wakes the coroutines
//      waits ◄──────────────────────────────────────────────────  submits waiting requests
//
// All of it runs in the strand.
//
// - The driver checks each answer: its size, its tag and its type. A wrong one fails with EIO.
// - A caller that is killed, or has waited for request_timeout, leaves its request. The request
// keeps
//   its tag and its memory until the answer comes.
// - If the device breaks its queue, or asks for a reset, it is dead, because the server forgets
//   all files in a reset. All requests fail with EIO from then on.
#pragma once

#include <async/async.h>
#include <hal/counter.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "base/interrupt_backoff.h"
#include "devices/p9_request.h"
#include "devices/virtio_device.h"

namespace kernel {

class P9Device {
 public:
  static constexpr unsigned most_in_flight = 64;
  /// The caller of run() waits no longer than this.
  static constexpr async::Duration request_timeout = std::chrono::seconds{60};

  /// Starts the device. Null: it cannot be used, and the log says so.
  static std::unique_ptr<P9Device> start(virtio::Transport& transport);

  /// The driver. Spawn it on the hart that takes external interrupts. It ends if it is cancelled.
  async::Task<> serve();

  /// The name of what the server offers: at most longest_tag bytes.
  std::string_view tag() const { return tag_; }
  static constexpr std::size_t longest_tag = 32;
  /// The most bytes of data in a request: the device cannot take a longer chain.
  std::size_t most_pieces() const { return most_pieces_; }
  bool is_dead() const { return is_dead_; }
  const InterruptBackoff& backoff() const { return backoff_; }

  /// Makes the request and waits for its answer. EIO: the answer is wrong, or did not come in time,
  /// or the device is dead. EINTR: the caller was cancelled. Other errors are the server's.
  async::Task<Result<>> run(Ref<P9Request> request);

 private:
  explicit P9Device(virtio::Transport& transport);
  bool start_device();
  void read_tag();

  void put_in();
  bool put_in_first();
  unsigned collect();
  void die(std::string_view why);

  virtio::Transport& transport_;
  async::Interrupt& line_;
  virtio::Device device_;
  std::string tag_;
  std::size_t most_pieces_ = 0;
  bool indirect_ = false;
  bool is_dead_ = false;
  List<P9Request> waiting_;                               // owns a reference on each
  std::array<Ref<P9Request>, most_in_flight> in_flight_;  // by tag
  InterruptBackoff backoff_;
};

/// The file servers that the machine has. Those that failed to start are not included.
std::span<const std::unique_ptr<P9Device>> file_servers();

}  // namespace kernel
