// The console as programs see it: a terminal or, with framed input, a pair of byte streams.
//
//   keys ──▶ receive ──▶ LineEditor ──▶ read          write ──▶ Screen
//        ▲ has_room        (echo ───────────────────────────────▲)
//
// If the queue of keys is full, the driver waits until a program reads; typed keys wait for a
// limited time, and then the driver drops them. If the screen is full, programs that write wait,
// but input continues. The writes of programs leave some room for echo. If an echo has no room, it
// is dropped.
//
// Job control: a terminal belongs to a session, and keys like ^C send signals to the session's
// foreground group. A process of another group of the session that reads, or changes settings, gets
// a signal that stops it (termios(3), process/job_control.h).
#pragma once

#include <abi/types.h>
#include <async/event.h>
#include <async/wait_list.h>
#include <kernel/list.h>
#include <kernel/ref.h>

#include <optional>

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

/// What a terminal needs of processes. In the strand.
class TerminalUsers {
 public:
  /// The process that makes the present call.
  struct Caller {
    int session = 0;
    int group = 0;
    bool leads_session = false;
  };
  /// Empty: the step works for a ring or for the kernel.
  virtual std::optional<Caller> caller() = 0;
  virtual void signal_group(int group, abi::Signal signal) = 0;
  /// Empty: there is no such group.
  virtual std::optional<int> session_of_group(int group) = 0;
  /// A background group uses the terminal, and caller() is not empty. Sends the group `signal`, and
  /// returns EINTR, after which the caller's call is made again. A caller that blocks or ignores
  /// the signal may write (success), but must not take input from the foreground group: EIO for
  /// SIGTTIN. EIO also if no shell could continue the group.
  virtual Result<> stop_caller(abi::Signal signal) = 0;

 protected:
  ~TerminalUsers() = default;
};

class Terminal : public ListNode<> {
 public:
  /// `show` writes echo to the screen, or drops it. `users`: null for a terminal without job
  /// control.
  Terminal(LineEditor::Show show, Screen& screen, LineEditor::Input input, abi::WindowSize size,
           TerminalUsers* users);
  ~Terminal();

  /// The terminal of a session; null: it has none.
  static Terminal* of_session(int session);
  int session() const { return session_; }
  int foreground_group() const { return foreground_group_; }
  /// Makes this the terminal of `session`, with the foreground group `group`.
  void give_to(int session, int group) {
    session_ = session;
    foreground_group_ = group;
  }

  // The drivers call these:

  bool is_framed() const { return editor_.kind() == LineEditor::Input::framed; }
  bool has_room() const { return editor_.has_room(); }
  async::WaitList& room() { return room_; }
  /// Receives one byte from the device. Call only while has_room() is true.
  void receive(char byte);
  /// Framed input only: there is no input. Call before the first read.
  void end_input() { editor_.end_input(); }
  /// Receives a byte while has_room() is false. The byte is lost unless it sends a signal.
  void receive_without_room(char byte) { send(editor_.receive_without_room(byte)); }
  void wake_writers() { writable_.wake_all(); }

  // The open files of the terminal call these:

  /// would_block: there is no input yet. Returns 0 at the end of the file. The errors of
  /// TerminalUsers::stop_caller().
  Result<std::size_t> read(IoBuffer& buffer);
  /// Writes at most `largest_write` bytes. would_block: the screen has no room for a write of that
  /// size, beside the bytes reserved for echo. The errors of TerminalUsers::stop_caller().
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
  /// Whether the caller may open the terminal as /dev/tty. ENXIO: it is not that of its session.
  Result<> check_session();

 private:
  bool is_foreign_to(const TerminalUsers::Caller& caller) const {
    return caller.session != session_;
  }
  Result<> check_foreground(abi::Signal signal);
  void send(std::optional<abi::Signal> signal);
  Result<int> control_jobs(memory::AddressSpace& space, unsigned long request,
                           std::uintptr_t argument);
  LineEditor editor_;
  Screen& screen_;
  abi::WindowSize size_;
  TerminalUsers* users_;
  int session_ = 0;
  int foreground_group_ = 0;
  async::WaitList readable_;
  async::WaitList room_;
  async::WaitList writable_;
};

/// The node of the terminal: /dev/console or /dev/tty.
Ref<Node> make_terminal_device(DeviceNumber number, Terminal& terminal);

}  // namespace kernel
