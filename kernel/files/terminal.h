// A terminal as programs see it: the console, or one of a pair of pseudo-terminals (pty.h). With
// framed input the console is a pair of byte streams instead.
//
//   keys ──▶ receive ──▶ LineEditor ──▶ read     write ──▶ output flags ──▶ Screen
//        ▲ has_room        (echo ────────────────────────────▲)
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
#include <async/timer.h>
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
  /// Requests a call of Terminal::wake_writers() when `Terminal::room_for_write` bytes fit again.
  virtual void ask_for_room() = 0;
  /// Puts all of `text`, or nothing if it has no room.
  virtual void put_if_room(std::span<const char> text);

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
  /// The leader of the session, if it has not ended.
  virtual void signal_leader(int session, abi::Signal signal) = 0;
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
  /// The session of a terminal that belongs to none.
  static constexpr int no_session = -1;

  /// `users`: null for a terminal without job control. `device`: of its file. `first_session`: to
  /// which it belongs until a session's leader takes it, and after the end of that leader.
  Terminal(Screen& screen, LineEditor::Input input, abi::WindowSize size, TerminalUsers* users,
           DeviceNumber device, int first_session);
  virtual ~Terminal();

  DeviceNumber device() const { return device_; }
  /// Opens the terminal by `node`, with openat's flags. The leader of a session without a terminal
  /// takes it, unless it is the console or the flags have O_NOCTTY. ENOMEM; EIO.
  virtual Result<Ref<File>> open(Node& node, int flags);

  /// The terminal of a session; null: it has none.
  static Terminal* of_session(int session);
  /// That of the caller's session; `any`: one that knows the callers. ENXIO: there is none, or its
  /// input is framed.
  static Result<Terminal*> of_caller(Terminal& any);
  int session() const { return session_; }
  int foreground_group() const { return foreground_group_; }
  /// Makes this the terminal of `session`, with the foreground group `group`.
  void give_to(int session, int group) {
    session_ = session;
    foreground_group_ = group;
  }
  /// Hangs up the open files of a pseudo-terminal, because its session's leader has ended: for
  /// them, reads find the end of the file, and everything else fails with EIO. Later opens work.
  virtual void hang_up_files() {}
  /// How often hang_up_files() has hung files up.
  unsigned hang_ups() const { return hang_ups_; }
  /// The terminal no longer belongs to the session that has taken it.
  void leave_session() { give_to(first_session_, first_session_); }

  // The drivers call these:

  bool is_framed() const { return editor_.kind() == LineEditor::Input::framed; }
  bool has_room() const { return editor_.has_room(); }
  /// The number of bytes that receive() certainly takes now.
  std::size_t free_slots() const { return editor_.free_slots(); }
  async::WaitList& room() { return room_; }
  /// Receives one byte from the device. Call only while has_room() is true.
  void receive(char byte);
  /// Framed input only: there is no input. Call before the first read.
  void end_input() { editor_.end_input(); }
  /// Receives a byte while has_room() is false. The byte is lost unless it sends a signal.
  void receive_without_room(char byte);
  void wake_writers() { writable_.wake_all(); }
  /// The device has gone: reads find the end of the file, and everything else fails with EIO. The
  /// session's leader and the foreground group get SIGHUP and SIGCONT.
  void hang_up();

  // The open files of the terminal call these:

  /// would_block: there is too little input yet (VMIN, VTIME); without `may_wait`, none. Returns 0
  /// at the end of the file. The errors of TerminalUsers::stop_caller().
  Result<std::size_t> read(IoBuffer& buffer, bool may_wait);
  /// Writes at most `largest_write` bytes, and at least `whole_write` if there are as many.
  /// would_block: the screen has too little room, or the output is stopped. EIO: the terminal is
  /// hung up. The errors of TerminalUsers::stop_caller().
  Result<std::size_t> write(IoBuffer& buffer);
  static constexpr std::size_t largest_write = 1024;
  static constexpr std::size_t whole_write = largest_write / 2;
  /// Bytes of the screen's room that are reserved for echo.
  static constexpr std::size_t kept_for_echo = 512;
  /// The room that a write needs. Each of `whole_write` bytes may become two.
  static constexpr std::size_t room_for_write = 2 * whole_write + kept_for_echo;
  /// Whether a write would not block. If false, the list writable() is woken later.
  bool is_ready();
  async::WaitList& writable() { return writable_; }
  /// Whether a read would not block.
  bool has_input() const;
  bool is_hung_up() const { return is_hung_up_; }
  async::WaitList& readable() { return readable_; }
  /// ioctl(2). ENOTTY: the request is not for terminals, or the input is framed
  /// (LineEditor::Input). EIO: the terminal is hung up.
  Result<int> control(memory::AddressSpace& space, unsigned long request, std::uintptr_t argument);

 protected:
  /// For hang_up_files(): the files that are open now are hung up.
  void count_hang_up() {
    ++hang_ups_;
    readable_.wake_all();
    writable_.wake_all();
  }
  /// Gives the terminal to the caller's session, if the caller may take it by an open.
  void take_by_open(int flags);

 private:
  /// Ends a read's wait for more bytes (VTIME).
  class ReadTimer : public async::Timer {
   public:
    explicit ReadTimer(Terminal& terminal) : Timer{&fire}, terminal_{terminal} {}
    ~ReadTimer() { disarm(); }
    /// `tenths` of a second from now.
    void arm(std::uint8_t tenths);
    void disarm();

   private:
    static void fire(Timer& timer) noexcept;
    Terminal& terminal_;
  };

  bool is_foreign_to(const TerminalUsers::Caller& caller) const {
    return caller.session != session_;
  }
  Result<> check_foreground(abi::Signal signal);
  void send(std::optional<abi::Signal> signal);
  Result<int> control_jobs(memory::AddressSpace& space, unsigned long request,
                           std::uintptr_t argument);
  /// Sets what `locked_` does not lock.
  void set_settings(abi::Termios settings);
  Result<int> control_settings(memory::AddressSpace& space, unsigned long request,
                               std::uintptr_t argument);
  /// Whether reads wait by VMIN and VTIME.
  bool reads_keys() const {
    return !editor_.canonical() && editor_.kind() == LineEditor::Input::typed;
  }
  /// The bytes that a read of `wanted` bytes waits for; 0: it waits no more.
  std::size_t awaited(std::size_t wanted);
  bool has_output_flag(std::uint32_t flag) const {
    return (editor_.settings().output_flags & flag) != 0;
  }
  /// Whether output passes through unchanged.
  bool is_raw() const;
  /// The most bytes that one byte can become.
  std::size_t expansion() const;
  /// Writes to `to`, which has room for expansion() bytes, what the output flags make of a byte.
  char* process(char byte, char* to);
  void show(std::span<const char> text);

  LineEditor editor_;
  Screen& screen_;
  abi::WindowSize size_;
  abi::Termios locked_{};      // TIOCSLCKTRMIOS: the flags and keys that cannot change
  bool is_exclusive_ = false;  // TIOCEXCL, which does not keep the superuser from an open
  TerminalUsers* users_;
  const DeviceNumber device_;
  const int first_session_;
  int session_;
  int foreground_group_;
  bool is_hung_up_ = false;
  unsigned hang_ups_ = 0;
  bool read_timed_out_ = false;  // VTIME has expired, and the waiting read has not noticed it
  std::size_t column_ = 0;       // of the next byte, for tabs
  ReadTimer read_timer_{*this};
  async::WaitList readable_;
  async::WaitList room_;
  async::WaitList writable_;
};

/// An open file of a terminal.
class TerminalFile : public File {
 public:
  /// `node`: by which it was opened.
  TerminalFile(Node& node, Terminal& terminal, int flags);

  Result<std::size_t> try_read(IoBuffer& buffer) override {
    return is_hung_up() ? 0 : terminal_.read(buffer, !is_nonblocking());
  }
  Result<std::size_t> try_write(IoBuffer& buffer) override {
    return is_hung_up() ? fail(Errno::eio) : terminal_.write(buffer);
  }
  short readiness() override;
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &terminal_.readable() : &terminal_.writable();
  }
  abi::Stat status() override { return node_->status(); }
  Node* node() override { return node_.get(); }
  hal::Irq interrupt_line() override;
  Result<int> control(memory::AddressSpace& space, unsigned long request,
                      std::uintptr_t argument) override {
    return is_hung_up() ? fail(Errno::eio) : terminal_.control(space, request, argument);
  }
  Result<Ref<File>> open_peer(int) override { return fail(Errno::eio); }

 protected:
  /// Whether Terminal::hang_up_files() has hung up this file.
  bool is_hung_up() const { return terminal_.hang_ups() != hang_ups_; }

 private:
  Ref<Node> node_;
  Terminal& terminal_;
  const unsigned hang_ups_;
};

/// The node of the console: /dev/console.
Ref<Node> make_terminal_device(DeviceNumber number, Terminal& terminal);
/// /dev/tty: the terminal of the session of the process that opens it. `any`: see of_caller().
Ref<Node> make_controlling_terminal_device(Terminal& any);

}  // namespace kernel
