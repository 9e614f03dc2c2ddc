#include "files/terminal.h"

#include <hal/console.h>

#include <algorithm>
#include <cstring>

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

Terminal::Terminal(LineEditor::Show show, Screen& screen, LineEditor::Input input,
                   abi::WindowSize size, TerminalUsers* users)
    : editor_{show, input}, screen_{screen}, size_{size}, users_{users} {
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

void Terminal::receive(char byte) {
  async::Strand::check_access();
  send(editor_.receive(byte));
  if (editor_.has_input() && !readable_.empty()) readable_.wake_all();
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

Result<> Terminal::check_session() {
  const auto caller = users_ != nullptr ? users_->caller() : std::nullopt;
  return caller && is_foreign_to(*caller) ? fail(Errno::enxio) : Result<>{};
}

Result<std::size_t> Terminal::read(IoBuffer& buffer) {
  async::Strand::check_access();
  if (const auto may = check_foreground(abi::Signal::sigttin); !may) return fail(may.error());
  if (!editor_.has_input()) {
    if (!editor_.canonical() && editor_.kind() == LineEditor::Input::typed &&
        editor_.settings().control_chars[abi::termios_vmin] == 0) {
      return 0;
    }
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

bool Terminal::is_ready() {
  if (screen_.room() >= largest_write + kept_for_echo) return true;
  screen_.ask_for_room();
  return false;
}

Result<std::size_t> Terminal::write(IoBuffer& buffer) {
  if ((editor_.settings().local_flags & abi::termios_tostop) != 0) [[unlikely]] {
    if (const auto may = check_foreground(abi::Signal::sigttou); !may) return fail(may.error());
  }
  if (!is_ready()) return fail(Errno::would_block);
  std::size_t done = 0;
  while (done < largest_write && !buffer.empty()) {
    std::span<char> place = screen_.place();
    place = place.first(std::min(place.size(), largest_write - done));
    const auto taken = buffer.take(std::as_writable_bytes(place));
    if (!taken) return done > 0 ? Result<std::size_t>{done} : taken;
    screen_.put(*taken);
    done += *taken;
  }
  return done;
}

Result<int> Terminal::control(memory::AddressSpace& space, unsigned long request,
                              std::uintptr_t argument) {
  async::Strand::check_access();
  if (editor_.kind() == LineEditor::Input::framed) return fail(Errno::enotty);
  switch (request) {
    case abi::tcsets:
    case abi::tcsetsw:
    case abi::tcsetsf:
    case abi::tcsbrk:
    case abi::tcsbrkp:
    case abi::tcflsh:
    case abi::tiocspgrp:
      if (const auto may = check_foreground(abi::Signal::sigttou); !may) return fail(may.error());
      break;
    default: break;
  }
  switch (request) {
    case abi::tcgets: return give(space, argument, editor_.settings());
    case abi::tcsets:
    case abi::tcsetsw:
    case abi::tcsetsf: {
      const auto settings = UserPtr<abi::Termios>{argument}.read(space);
      if (!settings) return fail(settings.error());
      if (request == abi::tcsetsf) {
        editor_.flush();
        room_.wake_all();
      }
      editor_.set_settings(*settings);
      if (editor_.has_input()) readable_.wake_all();
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
    default: return control_jobs(space, request, argument);
  }
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
    if (of_session(caller->session) != nullptr || (session_ != 0 && !takes_it_away)) {
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
      give_to(0, 0);
      users_->signal_group(foreground, abi::Signal::sighup);
      users_->signal_group(foreground, abi::Signal::sigcont);
      return 0;
    }
    default: return fail(Errno::enotty);
  }
}

namespace {

class TerminalFile final : public File {
 public:
  TerminalFile(Device& device, int flags)
      : File{flags, Terminal::largest_write},
        device_{Ref<Device>::share(device)},
        terminal_{*static_cast<Terminal*>(device.context())} {}

  Result<std::size_t> try_read(IoBuffer& buffer) override { return terminal_.read(buffer); }
  Result<std::size_t> try_write(IoBuffer& buffer) override { return terminal_.write(buffer); }

  short readiness() override {
    short ready = 0;
    if (terminal_.is_ready()) ready |= abi::pollout | abi::pollwrnorm;
    if (terminal_.has_input()) ready |= abi::pollin | abi::pollrdnorm;
    return ready;
  }
  async::WaitList* changes(Direction direction) override {
    return direction == Direction::read ? &terminal_.readable() : &terminal_.writable();
  }

  abi::Stat status() override { return device_->status(); }
  Node* node() override { return device_.get(); }
  hal::Irq interrupt_line() override { return hal::console_interrupt(); }
  Result<int> control(memory::AddressSpace& space, unsigned long request,
                      std::uintptr_t argument) override {
    return terminal_.control(space, request, argument);
  }

 private:
  Ref<Device> device_;
  Terminal& terminal_;
};

}  // namespace

Ref<Node> make_terminal_device(DeviceNumber number, Terminal& terminal) {
  constexpr std::uint64_t controlling = 5 << 8;  // /dev/tty
  const auto open = [](Device& device, int flags) -> Result<Ref<File>> {
    if (device.device_number() == controlling) {
      auto& terminal = *static_cast<Terminal*>(device.context());
      if (auto checked = terminal.check_session(); !checked) return fail(checked.error());
    }
    if (!memory::can_allocate(sizeof(TerminalFile))) return fail(Errno::enomem);
    return make_ref<TerminalFile>(device, flags);
  };
  return make_ref<Device>(open, number, &terminal);
}

}  // namespace kernel
