#include "files/terminal.h"

#include <abi/terminal.h>
#include <async/async.h>
#include <hal/console.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "memory/frames.h"
#include "memory/user_memory.h"

namespace kernel {
namespace {

/// The terminals with job control.
List<Terminal>& terminals() {
  static constinit List<Terminal> all;
  return all;
}

template <class T>
Result<int> give(memory::AddressSpace& space, std::uintptr_t to, const T& value) {
  const UserPtr<T> answer{to};
  if (auto written = answer.write(space, value); !written) return fail(written.error());
  return 0;
}

}  // namespace

void Screen::put_if_room(std::span<const char> text) {
  if (text.size() > room()) return;
  while (!text.empty()) {
    const std::span<char> to = place();
    const std::size_t count = std::min(to.size(), text.size());
    std::copy_n(text.data(), count, to.data());
    put(count);
    text = text.subspan(count);
  }
}

Terminal::Terminal(Screen& screen, LineEditor::Input input, abi::WindowSize size,
                   TerminalUsers* users, DeviceNumber device, int first_session)
    : editor_{
          [](void* self, std::span<const char> text) { static_cast<Terminal*>(self)->show(text); },
          this, input},
      screen_{screen},
      size_{size},
      users_{users},
      device_{device},
      first_session_{first_session},
      session_{first_session},
      foreground_group_{first_session} {
  if (users != nullptr) terminals().push_back(*this);
}

Terminal::~Terminal() {
  if (users_ != nullptr) terminals().remove(*this);
}

Terminal* Terminal::of_session(int session) {
  for (Terminal& terminal : terminals()) {
    if (terminal.session_ == session) return &terminal;
  }
  return nullptr;
}

Result<Terminal*> Terminal::of_caller(Terminal& any) {
  const auto caller = any.users_ != nullptr ? any.users_->caller() : std::nullopt;
  Terminal* const found = caller ? of_session(caller->session) : &any;
  if (found == nullptr || found->is_framed()) return fail(Errno::enxio);
  return found;
}

Result<Ref<File>> Terminal::open(Node& node, int flags) {
  if (!memory::can_allocate(sizeof(TerminalFile))) return fail(Errno::enomem);
  return Ref<File>{make_ref<TerminalFile>(node, *this, flags)};
}

void Terminal::take_by_open(int flags) {
  const auto caller = users_ != nullptr ? users_->caller() : std::nullopt;
  const bool wants = (flags & abi::o_noctty) == 0 && (flags & abi::o_accmode) != abi::o_wronly;
  if (!caller || !wants || !caller->leads_session || session_ != first_session_) return;
  if (of_session(caller->session) == nullptr) give_to(caller->session, caller->group);
}

void Terminal::hang_up() {
  async::Strand::check_access();
  if (is_hung_up_) return;
  is_hung_up_ = true;
  const int session = session_, foreground = foreground_group_;
  if (session != first_session_ && users_ != nullptr) {
    for (const abi::Signal signal : {abi::Signal::sighup, abi::Signal::sigcont}) {
      users_->signal_leader(session, signal);
      users_->signal_group(foreground, signal);
    }
  }
  leave_session();
  readable_.wake_all();
  writable_.wake_all();
  room_.wake_all();
}

// ── Input ──

void Terminal::receive(char byte) {
  async::Strand::check_access();
  const bool was_stopped = editor_.has_stopped_output();
  send(editor_.receive(byte));
  if (was_stopped && !editor_.has_stopped_output()) writable_.wake_all();
  if (!editor_.has_input()) return;
  if (reads_keys()) {
    const auto& keys = editor_.settings().control_chars;
    if (keys[abi::termios_vmin] != 0 && keys[abi::termios_vtime] != 0)
      read_timer_.arm(keys[abi::termios_vtime]);
  }
  if (!readable_.empty()) readable_.wake_all();
}

void Terminal::receive_without_room(char byte) {
  const bool was_stopped = editor_.has_stopped_output();
  send(editor_.receive_without_room(byte));
  // A key that sends a signal drops the input, and lets output go on.
  if (was_stopped && !editor_.has_stopped_output()) writable_.wake_all();
  if (has_room()) room_.wake_all();
}

void Terminal::ReadTimer::arm(std::uint8_t tenths) {
  disarm();
  terminal_.read_timed_out_ = false;
  const auto time = std::chrono::milliseconds{100} * tenths;
  async::current_executor().arm(*this, async::now() + time);
}

void Terminal::ReadTimer::disarm() {
  if (armed()) async::Executor::disarm(*this);
}

void Terminal::ReadTimer::fire(Timer& timer) noexcept {
  Terminal& terminal = static_cast<ReadTimer&>(timer).terminal_;
  if (terminal.readable_.empty()) return;
  terminal.read_timed_out_ = true;
  terminal.readable_.wake_all();
}

std::size_t Terminal::awaited(std::size_t wanted) {
  const auto& keys = editor_.settings().control_chars;
  const std::size_t least = keys[abi::termios_vmin], available = editor_.available();
  const std::uint8_t time = keys[abi::termios_vtime];
  const bool timed_out = std::exchange(read_timed_out_, false);
  if (least == 0) {
    if (available != 0 || time == 0 || timed_out) return 0;
    if (!read_timer_.armed()) read_timer_.arm(time);
    return 1;
  }
  const std::size_t needed = std::min(least, wanted);
  const bool is_enough = available >= needed || (time != 0 && timed_out && available != 0);
  return is_enough ? 0 : needed - available;
}

bool Terminal::has_input() const {
  if (is_hung_up_) return true;
  if (!reads_keys()) return editor_.has_input();
  const auto& keys = editor_.settings().control_chars;
  const std::size_t least = keys[abi::termios_vtime] == 0 ? keys[abi::termios_vmin] : 0;
  return editor_.available() >= std::max<std::size_t>(least, 1);
}

void Terminal::send(std::optional<abi::Signal> signal) {
  if (signal && users_ != nullptr) users_->signal_group(foreground_group_, *signal);
}

/// Whether the caller may read or change the terminal: `signal` is for background groups. The
/// errors of TerminalUsers::stop_caller().
Result<> Terminal::check_foreground(abi::Signal signal) {
  if (users_ == nullptr) return {};
  const auto caller = users_->caller();
  if (!caller || is_foreign_to(*caller) || caller->group == foreground_group_) return {};
  return users_->stop_caller(signal);
}

Result<std::size_t> Terminal::read(IoBuffer& buffer, bool may_wait) {
  async::Strand::check_access();
  if (is_hung_up_) return 0;
  if (const auto may = check_foreground(abi::Signal::sigttin); !may) return fail(may.error());
  if (reads_keys()) {
    const bool waits = may_wait ? awaited(buffer.left()) != 0
                                : editor_.available() == 0 &&
                                      editor_.settings().control_chars[abi::termios_vmin] != 0;
    if (waits) return fail(Errno::would_block);
    read_timer_.disarm();
    if (editor_.available() == 0) return 0;
  } else if (!editor_.has_input()) {
    return fail(Errno::would_block);
  }
  std::size_t done = 0;
  Result<std::size_t> moved = 0;
  while (editor_.has_input() && !buffer.empty()) {
    const auto input = editor_.input();
    moved = buffer.put(std::as_bytes(input));
    if (!moved) break;
    done += *moved;
    const bool line_over = editor_.consume(*moved);
    if (line_over || input.empty()) break;
  }
  if (!room_.empty() && editor_.has_room()) room_.wake_all();
  if (done == 0) return moved;
  return done;
}

// ── Output ──

bool Terminal::is_ready() {
  if (is_hung_up_) return true;
  if (editor_.has_stopped_output()) return false;
  if (screen_.room() >= room_for_write) return true;
  screen_.ask_for_room();
  return false;
}

bool Terminal::is_raw() const {
  return editor_.kind() == LineEditor::Input::framed || !has_output_flag(abi::termios_opost);
}

std::size_t Terminal::expansion() const {
  constexpr std::size_t tab = 8, newline = 2;
  return (editor_.settings().output_flags & abi::termios_tabdly) == abi::termios_tab3 ? tab
                                                                                      : newline;
}

char* Terminal::process(char byte, char* to) {
  constexpr std::size_t tab = 8;
  if (byte == '\r' && has_output_flag(abi::termios_ocrnl)) {
    byte = '\n';
  } else if (byte == '\r' && has_output_flag(abi::termios_onocr) && column_ == 0) {
    return to;
  }
  switch (byte) {
    case '\n':
      if (has_output_flag(abi::termios_onlcr)) *to++ = '\r';
      if (has_output_flag(abi::termios_onlcr | abi::termios_onlret)) column_ = 0;
      break;
    case '\r': column_ = 0; break;
    case '\b':
      if (column_ > 0) --column_;
      break;
    case '\t': {
      const std::size_t blanks = tab - column_ % tab;
      column_ += blanks;
      if (expansion() != tab) break;
      return std::fill_n(to, blanks, ' ');
    }
    default: {
      const auto code = static_cast<unsigned char>(byte);
      const bool is_lower = byte >= 'a' && byte <= 'z';
      if (is_lower && has_output_flag(abi::termios_olcuc))
        byte = static_cast<char>(byte - 'a' + 'A');
      if (code >= 0x20 && (code & 0xc0) != 0x80) ++column_;  // not a part of a UTF-8 sequence
    }
  }
  *to++ = byte;
  return to;
}

/// Shows echo, or drops it.
void Terminal::show(std::span<const char> text) {
  constexpr std::size_t piece = 32, most = 8;
  if (is_raw()) return screen_.put_if_room(text);
  while (!text.empty()) {
    std::array<char, piece * most> processed;
    char* end = processed.data();
    const auto part = text.first(std::min(piece, text.size()));
    for (const char byte : part) end = process(byte, end);
    screen_.put_if_room({processed.data(), end});
    text = text.subspan(part.size());
  }
}

Result<std::size_t> Terminal::write(IoBuffer& buffer) {
  if (is_hung_up_) return fail(Errno::eio);
  if ((editor_.settings().local_flags & abi::termios_tostop) != 0) [[unlikely]] {
    if (const auto may = check_foreground(abi::Signal::sigttou); !may) return fail(may.error());
  }
  if (!is_ready()) return fail(Errno::would_block);
  const bool raw = is_raw();
  const std::size_t most = std::min(largest_write, (screen_.room() - kept_for_echo) / expansion());
  std::size_t done = 0;
  while (done < most && !buffer.empty()) {
    constexpr std::size_t piece = 128, longest = 8;
    std::array<char, piece> bytes;
    std::span<char> to = raw ? screen_.place() : std::span<char>{bytes};
    to = to.first(std::min(to.size(), most - done));
    const auto taken = buffer.take(std::as_writable_bytes(to));
    if (!taken) return done > 0 ? Result<std::size_t>{done} : taken;
    if (raw) {
      screen_.put(*taken);
    } else {
      std::array<char, piece * longest> processed;
      char* end = processed.data();
      for (const char byte : to.first(*taken)) end = process(byte, end);
      screen_.put_if_room({processed.data(), end});
    }
    done += *taken;
  }
  return done;
}

// ── ioctl ──

void Terminal::set_settings(abi::Termios settings) {
  const abi::Termios& old = editor_.settings();
  const auto keep = [&](auto member) {
    settings.*member = (old.*member & locked_.*member) | (settings.*member & ~(locked_.*member));
  };
  keep(&abi::Termios::input_flags);
  keep(&abi::Termios::output_flags);
  keep(&abi::Termios::control_flags);
  keep(&abi::Termios::local_flags);
  if (locked_.line != 0) settings.line = old.line;
  for (std::size_t i = 0; i < std::size(settings.control_chars); ++i) {
    if (locked_.control_chars[i] != 0) settings.control_chars[i] = old.control_chars[i];
  }
  editor_.set_settings(settings);
  if ((settings.input_flags & abi::termios_ixon) == 0 && editor_.has_stopped_output()) {
    editor_.stop_output(false);
    writable_.wake_all();
  }
  if (!readable_.empty() && has_input()) readable_.wake_all();
}

Result<int> Terminal::control(memory::AddressSpace& space, unsigned long request,
                              std::uintptr_t argument) {
  async::Strand::check_access();
  if (editor_.kind() == LineEditor::Input::framed) return fail(Errno::enotty);
  if (is_hung_up_) return fail(Errno::eio);
  switch (request) {
    case abi::tcsets:
    case abi::tcsetsw:
    case abi::tcsetsf:
    case abi::tcseta:
    case abi::tcsetaw:
    case abi::tcsetaf:
    case abi::tiocslcktrmios:
    case abi::tcsbrk:
    case abi::tcsbrkp:
    case abi::tcflsh:
    case abi::tcxonc:
    case abi::tiocspgrp:
      if (const auto may = check_foreground(abi::Signal::sigttou); !may) return fail(may.error());
      break;
    default: break;
  }
  switch (request) {
    case abi::tcgets:
    case abi::tcsets:
    case abi::tcsetsw:
    case abi::tcsetsf:
    case abi::tcgeta:
    case abi::tcseta:
    case abi::tcsetaw:
    case abi::tcsetaf:
    case abi::tiocglcktrmios:
    case abi::tiocslcktrmios: return control_settings(space, request, argument);
    case abi::tcxonc: {
      constexpr std::uintptr_t stop = 0, start = 1, last = 3;
      if (argument > last) return fail(Errno::einval);
      if (argument > start) return 0;  // keys of a person have no flow control
      editor_.stop_output(argument == stop);
      if (argument == start) writable_.wake_all();
      return 0;
    }
    case abi::tcsbrk:
    case abi::tcsbrkp: return 0;  // no break is sent, and output leaves by itself
    case abi::tcflsh: {
      constexpr std::uintptr_t output = 1, both = 2;
      if (argument > both) return fail(Errno::einval);
      if (argument == output) return 0;  // output that is on its way cannot be dropped
      editor_.flush();
      room_.wake_all();
      return 0;
    }
    case abi::tiocexcl:
    case abi::tiocnxcl: is_exclusive_ = request == abi::tiocexcl; return 0;
    case abi::tiocgexcl: return give(space, argument, static_cast<int>(is_exclusive_));
    case abi::tiocgwinsz: return give(space, argument, size_);
    case abi::tiocswinsz: {
      const auto size = UserPtr<abi::WindowSize>{argument}.read(space);
      if (!size) return fail(size.error());
      const bool changes = std::memcmp(&size_, &*size, sizeof size_) != 0;
      size_ = *size;
      if (changes) send(abi::Signal::sigwinch);
      return 0;
    }
    case abi::fionread: return give(space, argument, static_cast<int>(editor_.available()));
    case abi::tiocoutq: return give(space, argument, 0);  // the screen takes output at once
    default: return control_jobs(space, request, argument);
  }
}

/// The requests that read or change the settings (ioctl_tty(2)).
Result<int> Terminal::control_settings(memory::AddressSpace& space, unsigned long request,
                                       std::uintptr_t argument) {
  abi::Termios settings = editor_.settings();
  switch (request) {
    case abi::tcgets: return give(space, argument, settings);
    case abi::tiocglcktrmios: return give(space, argument, locked_);
    case abi::tcgeta: {
      abi::ShortTermios shown{
          .input_flags = static_cast<std::uint16_t>(settings.input_flags),
          .output_flags = static_cast<std::uint16_t>(settings.output_flags),
          .control_flags = static_cast<std::uint16_t>(settings.control_flags),
          .local_flags = static_cast<std::uint16_t>(settings.local_flags),
          .line = settings.line,
          .control_chars = {},
      };
      std::ranges::copy_n(settings.control_chars, std::size(shown.control_chars),
                          shown.control_chars);
      return give(space, argument, shown);
    }
    case abi::tiocslcktrmios: {
      const auto locked = UserPtr<abi::Termios>{argument}.read(space);
      if (!locked) return fail(locked.error());
      locked_ = *locked;
      return 0;
    }
    case abi::tcseta:
    case abi::tcsetaw:
    case abi::tcsetaf: {
      const auto given = UserPtr<abi::ShortTermios>{argument}.read(space);
      if (!given) return fail(given.error());
      const auto set = [](std::uint32_t& flags, std::uint16_t low) {
        flags = (flags & ~0xffffu) | low;
      };
      set(settings.input_flags, given->input_flags);
      set(settings.output_flags, given->output_flags);
      set(settings.control_flags, given->control_flags);
      set(settings.local_flags, given->local_flags);
      settings.line = given->line;
      std::ranges::copy(given->control_chars, settings.control_chars);
      break;
    }
    default: {
      const auto given = UserPtr<abi::Termios>{argument}.read(space);
      if (!given) return fail(given.error());
      settings = *given;
    }
  }
  if (request == abi::tcsetsf || request == abi::tcsetaf) {
    editor_.flush();
    room_.wake_all();
  }
  set_settings(settings);
  return 0;
}

/// The requests of job control (ioctl_tty(2)).
Result<int> Terminal::control_jobs(memory::AddressSpace& space, unsigned long request,
                                   std::uintptr_t argument) {
  const auto caller = users_ != nullptr ? users_->caller() : std::nullopt;
  if (!caller) return fail(Errno::enotty);
  if (request == abi::tiocsctty) {
    if (!caller->leads_session) return fail(Errno::eperm);
    if (!is_foreign_to(*caller)) return 0;
    const bool takes_it_away = argument == 1;
    if (of_session(caller->session) != nullptr || (session_ != first_session_ && !takes_it_away)) {
      return fail(Errno::eperm);
    }
    give_to(caller->session, caller->group);
    return 0;
  }
  if (is_foreign_to(*caller)) return fail(Errno::enotty);
  switch (request) {
    case abi::tiocgpgrp: return give(space, argument, foreground_group_);
    case abi::tiocspgrp: {
      const auto group = UserPtr<int>{argument}.read(space);
      if (!group) return fail(group.error());
      if (*group < 0) return fail(Errno::einval);
      const auto session = users_->session_of_group(*group);
      if (!session) return fail(Errno::esrch);
      if (*session != session_) return fail(Errno::eperm);
      foreground_group_ = *group;
      return 0;
    }
    case abi::tiocgsid: return give(space, argument, session_);
    case abi::tiocnotty: {
      if (!caller->leads_session) return fail(Errno::enotty);
      const int foreground = foreground_group_;
      leave_session();
      users_->signal_group(foreground, abi::Signal::sighup);
      users_->signal_group(foreground, abi::Signal::sigcont);
      return 0;
    }
    default: return fail(Errno::enotty);
  }
}

TerminalFile::TerminalFile(Node& node, Terminal& terminal, int flags)
    : File{flags & ~abi::o_noctty, Terminal::whole_write},
      node_{Ref<Node>::share(node)},
      terminal_{terminal},
      hang_ups_{terminal.hang_ups()} {
  let_send_signals();
}

short TerminalFile::readiness() {
  short ready = 0;
  if (terminal_.is_ready()) ready |= abi::pollout | abi::pollwrnorm;
  if (terminal_.has_input()) ready |= abi::pollin | abi::pollrdnorm;
  if (is_hung_up()) ready = abi::pollout | abi::pollwrnorm | abi::pollin | abi::pollrdnorm;
  if (terminal_.is_hung_up() || is_hung_up()) ready |= abi::pollhup | abi::pollerr;
  return ready;
}

hal::Irq TerminalFile::interrupt_line() {
  return hal::console_interrupt();
}

Ref<Node> make_terminal_device(DeviceNumber number, Terminal& terminal) {
  const auto open = [](Device& device, int flags) -> Result<Ref<File>> {
    return static_cast<Terminal*>(device.context())->open(device, flags);
  };
  return make_ref<Device>(open, number, &terminal);
}

Ref<Node> make_controlling_terminal_device(Terminal& any) {
  const auto open = [](Device& device, int flags) -> Result<Ref<File>> {
    const auto terminal = Terminal::of_caller(*static_cast<Terminal*>(device.context()));
    if (!terminal) return fail(terminal.error());
    return (*terminal)->open(device, flags | abi::o_noctty);
  };
  return make_ref<Device>(open, DeviceNumber{5, 0}, &any);
}

}  // namespace kernel
