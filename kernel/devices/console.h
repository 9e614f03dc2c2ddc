// The console's driver, and all that the kernel and its programs say.
//
//   strand:  write ──▶ output ring ──▶ serve(), or whoever has the device's turn ──▶ device
//   strand:  read  ◀── input ring  ◀── serve() ◀──────────────────────────────────── device
//
// serve() is a preemptible job that the device's interrupt wakes: it runs whatever the strand does
// meanwhile, and holds it for nobody. The device interrupts for input while there is room for it,
// for output while there is some; so nothing is lost and nothing is polled.
//
// Everything appears in the order in which it was said. Log lines, panics and marks are sent at
// once, by whoever says them, and everything said before goes out first.
//
// Framed output (docs/running.md) has two streams: standard error, and everything else. The escape
// byte begins a command of two bytes; the console doubles every escape byte of a text, so no
// program can write a command.
#pragma once

#include <async/async.h>
#include <hal/console.h>

#include <atomic>
#include <cstddef>
#include <optional>
#include <span>

#include "devices/byte_ring.h"
#include "devices/interrupt_backoff.h"

namespace kernel {

class Console {
 public:
  static constexpr std::size_t ring_size = 8192;

  /// The second byte of the command that says which stream the next bytes belong to.
  enum class Stream : char { output = '1', errors = '2' };
  static constexpr char escape = 0x10;  ///< DLE
  /// The most room that a frame of `count` bytes takes.
  static constexpr std::size_t frame_size(std::size_t count) { return 2 * count + 4; }

  /// The driver: a preemptible job of its own, for ever. Where the device does not
  /// interrupt, it looks every 10 ms.
  async::Task<> serve();

  /// From now on output is framed, and only put_frame() puts. Once, before anything is put.
  void frame_output();

  /// Sends `text`, waiting for the device where it must. Any context. In framed output it belongs
  /// to Stream::output.
  void write_now(std::span<const char> text);

  // ── Output, in the strand ──

  /// How much can be put without waiting, and where its first bytes go.
  std::size_t room() const { return output_.free(); }
  std::span<char> place() { return output_.room(); }
  /// The first `count` bytes of the place are there: they are on their way.
  void put(std::size_t count);
  /// Framed output: puts `text` for that stream. There is room for frame_size() of it. Nothing else
  /// is sent from the midst of a frame, so write_now() always finds Stream::output.
  void put_frame(Stream stream, std::span<const char> text);
  /// Puts all of `text`, or nothing of it.
  void put_if_room(std::span<const char> text);
  /// `has_room()` is raised when half of the ring is free, be it at once.
  void ask_for_room();
  async::Interrupt& has_room() { return has_room_; }

  // ── Input, in the strand ──

  /// A byte that has arrived.
  std::optional<char> take();
  /// To be said when take() has nothing more: the device goes on where it had to stop.
  void go_on();
  /// Raised when there is more.
  async::Interrupt& has_input() { return has_input_; }

  /// How often it was interrupted for nothing. Any context.
  const InterruptBackoff& backoff() const { return backoff_; }

 private:
  async::Task<> poll();
  bool serve_device();
  bool receive();
  bool send();
  // In the device's turn:
  std::size_t send_some();
  void sent(std::size_t count);
  void listen();

  ByteRing<ring_size> output_;  // the strand puts, who has the device's turn takes
  ByteRing<ring_size> input_;   // the driver puts, the strand takes
  bool framed_ = false;         // changed and read in the device's turn
  std::atomic<bool> asked_for_room_ = false;
  async::Interrupt has_room_{0};
  async::Interrupt has_input_{0};
  InterruptBackoff backoff_;  // the driver's
};

extern Console console;

}  // namespace kernel
