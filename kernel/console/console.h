// The console's driver. All output of the kernel and its programs passes through it.
//
//   strand:  write ──▶ output ring ──▶ serve(), or the holder of a ConsoleLock ──▶ device
//   strand:  read  ◀── input ring  ◀── serve() ◀────────────────────────────────── device
//
// serve() is a preemptible job outside the strand. The device's interrupt wakes it. Interrupts for
// input are enabled while the input ring has room, and those for output while the output ring has
// bytes. So no byte is lost, and the driver does not poll.
//
// Output appears in the order of the calls. Log lines, panics and run marks (console/run_marks.h)
// are written synchronously, after all earlier output.
//
// Framed output (docs/running.md) has two streams: standard error, and everything else. An escape
// byte begins a command of two bytes. The console doubles every escape byte of a text, so no
// program can write a command.
#pragma once

#include <async/async.h>
#include <hal/console.h>

#include <atomic>
#include <cstddef>
#include <optional>
#include <span>

#include "base/interrupt_backoff.h"
#include "console/byte_ring.h"
#include "console/input_source.h"

namespace kernel {

class Console final : public InputSource {
 public:
  static constexpr std::size_t ring_size = 8192;

  /// The second byte of the command that selects the stream of the following bytes.
  enum class Stream : char { output = '1', errors = '2' };
  static constexpr char escape = 0x10;  ///< DLE
  /// The largest size of a frame of `count` bytes.
  static constexpr std::size_t frame_size(std::size_t count) { return 2 * count + 4; }

  /// The driver. Spawn it as a preemptible job; it never returns. `line` is raised at the device's
  /// interrupts. If the device has none, the driver polls it every 10 ms.
  async::Task<> serve(async::Interrupt& line);

  /// Switches to framed output. Afterwards programs' output must use put_frame(), not put() or
  /// put_if_room(). Call once, before any output.
  void frame_output();

  /// Writes `text` synchronously and waits for the device if necessary. Any context. In framed
  /// output the text belongs to Stream::output.
  void write_now(std::span<const char> text);

  // ── Output, in the strand ──

  /// room(): the free bytes of the output ring. place(): its contiguous space for the next bytes.
  std::size_t room() const { return output_.free(); }
  std::span<char> place() { return output_.room(); }
  /// Publishes the first `count` bytes of place() for sending.
  void put(std::size_t count);
  /// Framed output: puts `text` as a frame of `stream`. room() is at least frame_size(text.size()).
  /// A frame is published as a whole, so write_now() always finds Stream::output selected.
  void put_frame(Stream stream, std::span<const char> text);
  /// Puts all of `text`, or drops all of it.
  void put_if_room(std::span<const char> text);
  /// Requests that has_room() is raised when half of the ring is free, which may be at once.
  void ask_for_room();
  async::Interrupt& has_room() { return has_room_; }

  // ── Input, in the strand ──

  std::optional<char> take() override;
  void resume_input() override;
  async::Interrupt& has_input() override { return has_input_; }

  /// For the counts of useless interrupts and pauses. Any context.
  const InterruptBackoff& backoff() const { return backoff_; }

 private:
  async::Task<> poll();
  bool serve_device();
  bool receive();
  bool send();
  // Call with a ConsoleLock:
  std::size_t send_some();
  void sent(std::size_t count);
  void listen();

  ByteRing<ring_size> output_;  // producer: the strand; consumer: the holder of a ConsoleLock
  ByteRing<ring_size> input_;   // producer: the driver; consumer: the strand
  bool framed_ = false;         // set by frame_output(); accessed with a ConsoleLock
  std::atomic<bool> asked_for_room_ = false;
  async::Interrupt has_room_{0};
  async::Interrupt has_input_{0};
  InterruptBackoff backoff_;  // only the driver changes it
};

extern Console console;

}  // namespace kernel
