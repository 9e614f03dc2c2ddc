// The console as programs see it: a terminal to type at or, framed, a pair of byte streams.
//
//   keys ──▶ receive ──▶ LineEditor ──▶ read          write ──▶ Screen
//        ▲ has_room        (echo ───────────────────────────────▲)
//
// A full queue stops who brings the keys, until somebody has read. A full screen stops programs
// that write, but not the keys: echo has some room of its own, and is left out where that is full.
#pragma once

#include <abi/types.h>
#include <async/event.h>
#include <async/wait_list.h>
#include <kernel/ref.h>

#include "files/device.h"
#include "files/file.h"
#include "files/line_editor.h"

namespace kernel {

/// Where a terminal writes. Bytes that are put go their way by themselves.
class Screen {
 public:
  /// How many bytes can be put now.
  virtual std::size_t room() = 0;
  /// Where the first of them go; not empty unless there is no room.
  virtual std::span<char> place() = 0;
  virtual void put(std::size_t count) = 0;
  /// Terminal::go_on() is to be called when there is room for `Terminal::largest_write` again.
  virtual void ask_for_room() = 0;

 protected:
  ~Screen() = default;
};

class Terminal {
 public:
  /// `outside.show` is for echo. It goes to the screen, too, or is left out.
  Terminal(LineEditor::Outside outside, Screen& screen, LineEditor::Input input,
           abi::WindowSize size)
      : editor_{outside, input}, screen_{screen}, size_{size} {}

  // For who brings the keys, and takes what is written.

  bool is_framed() const { return editor_.kind() == LineEditor::Input::framed; }
  bool has_room() const { return editor_.has_room(); }
  async::WaitList& room() { return room_; }
  /// One byte from the device; only while there is room.
  void receive(char byte);
  /// Framed, before anybody reads: nothing will come.
  void end_input() { editor_.end_input(); }
  /// One that nobody has made room for in time: it is lost unless it stands for a signal.
  void receive_without_room(char byte) { editor_.receive_without_room(byte); }
  void go_on() { writable_.wake_all(); }

  // For files.

  /// EAGAIN when nothing was typed yet; 0 at the end of the file.
  Result<std::size_t> read(IoBuffer& buffer);
  /// All of it, at most `largest_write`, if there is room for that on the screen; EAGAIN.
  Result<std::size_t> write(IoBuffer& buffer);
  static constexpr std::size_t largest_write = 1024;
  /// So much of the screen's room is not for programs.
  static constexpr std::size_t kept_for_echo = 512;
  /// Whether a write need not wait. If it must, writable() will be woken.
  bool is_ready();
  async::WaitList& writable() { return writable_; }
  bool has_input() const { return editor_.has_input(); }
  async::WaitList& readable() { return readable_; }
  /// ioctl. ENOTTY for what is not a terminal's, and for all of it when input is framed.
  Result<int> control(memory::AddressSpace& space, unsigned long request, std::uintptr_t argument);

 private:
  LineEditor editor_;
  Screen& screen_;
  abi::WindowSize size_;
  int foreground_group_ = 0;  // for those who ask; the one there is (syscalls/identity.cpp)
  async::WaitList readable_;
  async::WaitList room_;
  async::WaitList writable_;
};

/// The node that opens it: /dev/console, /dev/tty.
Ref<Node> make_terminal_device(DeviceNumber number, Terminal& terminal);

}  // namespace kernel
