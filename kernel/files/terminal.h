// The console as programs see it: a terminal to type at or, framed, a pair of byte streams.
//
//   driver coroutine ──▶ receive ──▶ LineEditor ──▶ read          write ──▶ machine's console
//        ▲ has_room        (echo ──────────────────────────────────────────────▲)
//
// A full queue stops the driver, which then leaves the bytes in the device until somebody has read.
#pragma once

#include <abi/types.h>
#include <async/event.h>
#include <async/wait_list.h>
#include <kernel/ref.h>

#include "files/device.h"
#include "files/file.h"
#include "files/line_editor.h"

namespace kernel {

class Terminal {
 public:
  /// `outside.show` is the way to the screen, for echo and programs alike.
  Terminal(LineEditor::Outside outside, LineEditor::Input input, abi::WindowSize size)
      : editor_{outside, input}, outside_{outside}, size_{size} {}

  // For the driver.

  bool has_room() const { return editor_.has_room(); }
  async::WaitList& room() { return room_; }
  /// One byte from the device; only while there is room.
  void receive(char byte);
  /// Set when output had to stop: the device takes no more for now. Whoever waits for it then says
  /// when to go on.
  async::AutoEvent& stalled() { return stalled_; }
  bool is_ready() const { return outside_.ready(); }
  void go_on() { writable_.wake_all(); }

  // For files.

  /// EAGAIN when nothing was typed yet; 0 at the end of the file.
  Result<std::size_t> read(IoBuffer& buffer);
  /// As much as the device takes without waiting, at most `largest_write`; EAGAIN.
  Result<std::size_t> write(IoBuffer& buffer);
  static constexpr std::size_t largest_write = 1024;
  async::WaitList& writable() { return writable_; }
  bool has_input() const { return editor_.has_input(); }
  async::WaitList& readable() { return readable_; }
  /// ioctl. ENOTTY for what is not a terminal's, and for all of it when input is framed.
  Result<int> control(memory::AddressSpace& space, unsigned long request, std::uintptr_t argument);

 private:
  LineEditor editor_;
  LineEditor::Outside outside_;
  abi::WindowSize size_;
  int foreground_group_ = 1;  // for those who ask; there is one group, the first process's
  async::WaitList readable_;
  async::WaitList room_;
  async::WaitList writable_;
  async::AutoEvent stalled_;
};

/// The node that opens it: /dev/console, /dev/tty.
Ref<Node> make_terminal_device(DeviceNumber number, Terminal& terminal);

}  // namespace kernel
