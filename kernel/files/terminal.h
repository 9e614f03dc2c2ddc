// The console as programs see it: a terminal or, with framed input, a pair of byte streams.
//
//   keys ──▶ receive ──▶ LineEditor ──▶ read          write ──▶ Screen
//        ▲ has_room        (echo ───────────────────────────────▲)
//
// If the queue of keys is full, the driver waits until a program reads; typed keys wait for a
// limited time, and then the driver drops them. If the screen is full, programs that write wait,
// but input continues. The writes of programs leave some room for echo. If an echo has no room, it
// is dropped.
#pragma once

#include <abi/types.h>
#include <async/event.h>
#include <async/wait_list.h>
#include <kernel/ref.h>

#include "files/device.h"
#include "files/file.h"
#include "files/line_editor.h"

namespace kernel {

/// The output of a terminal. put() does not wait until the device has sent the bytes.
class Screen {
 public:
  /// The number of bytes that can be put now.
  virtual std::size_t room() = 0;
  /// The free space for the next bytes. Empty only if room() is 0.
  virtual std::span<char> place() = 0;
  virtual void put(std::size_t count) = 0;
  /// Requests a call of Terminal::wake_writers() when `Terminal::largest_write` bytes fit again.
  virtual void ask_for_room() = 0;

 protected:
  ~Screen() = default;
};

class Terminal {
 public:
  /// `outside.show` writes echo to the screen, or drops it.
  Terminal(LineEditor::Outside outside, Screen& screen, LineEditor::Input input,
           abi::WindowSize size)
      : editor_{outside, input}, screen_{screen}, size_{size} {}

  // The drivers call these:

  bool is_framed() const { return editor_.kind() == LineEditor::Input::framed; }
  bool has_room() const { return editor_.has_room(); }
  async::WaitList& room() { return room_; }
  /// Receives one byte from the device. Call only while has_room() is true.
  void receive(char byte);
  /// Framed input only: there is no input. Call before the first read.
  void end_input() { editor_.end_input(); }
  /// Receives a byte while has_room() is false. The byte is lost unless it sends a signal.
  void receive_without_room(char byte) { editor_.receive_without_room(byte); }
  void wake_writers() { writable_.wake_all(); }

  // The open files of the terminal call these:

  /// would_block: there is no input yet. Returns 0 at the end of the file.
  Result<std::size_t> read(IoBuffer& buffer);
  /// Writes at most `largest_write` bytes. would_block: the screen has no room for a write of that
  /// size, beside the bytes reserved for echo.
  Result<std::size_t> write(IoBuffer& buffer);
  static constexpr std::size_t largest_write = 1024;
  /// Bytes of the screen's room that are reserved for echo.
  static constexpr std::size_t kept_for_echo = 512;
  /// Whether a write would not block. If false, the list writable() is woken later.
  bool is_ready();
  async::WaitList& writable() { return writable_; }
  bool has_input() const { return editor_.has_input(); }
  async::WaitList& readable() { return readable_; }
  /// ioctl(2). ENOTTY: the request is not for terminals, or the input is framed
  /// (LineEditor::Input).
  Result<int> control(memory::AddressSpace& space, unsigned long request, std::uintptr_t argument);

 private:
  LineEditor editor_;
  Screen& screen_;
  abi::WindowSize size_;
  int foreground_group_ = 0;  // stored for TIOCGPGRP; has no effect (syscalls/identity.cpp)
  async::WaitList readable_;
  async::WaitList room_;
  async::WaitList writable_;
};

/// The node of the terminal: /dev/console or /dev/tty.
Ref<Node> make_terminal_device(DeviceNumber number, Terminal& terminal);

}  // namespace kernel
