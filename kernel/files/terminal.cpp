#include "files/terminal.h"

#include <hal/console.h>
#include <algorithm>

#include "memory/frames.h"
#include "memory/user_memory.h"

namespace kernel {
void Terminal::receive(char byte) {
  async::Strand::check_access();
  editor_.receive(byte);
  if (editor_.has_input() && !readable_.empty()) readable_.wake_all();
}

Result<std::size_t> Terminal::read(IoBuffer& buffer) {
  async::Strand::check_access();
  if (!editor_.has_input()) {
    constexpr std::size_t minimum = 6;  // VMIN; 0: a read never waits
    if (!editor_.canonical() && editor_.kind() == LineEditor::Input::typed &&
        editor_.settings().control_chars[minimum] == 0) {
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
  const auto give = [&](const auto& value) -> Result<int> {
    const UserPtr<std::remove_cvref_t<decltype(value)>> answer{argument};
    if (auto written = answer.write(space, value); !written) return fail(written.error());
    return 0;
  };
  switch (request) {
    case abi::tcgets: return give(editor_.settings());
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
    case abi::tiocgwinsz: return give(size_);
    case abi::tiocswinsz: {
      const auto size = UserPtr<abi::WindowSize>{argument}.read(space);
      if (!size) return fail(size.error());
      size_ = *size;
      return 0;
    }
    case abi::tiocgpgrp: return give(foreground_group_);
    case abi::tiocspgrp: {
      const auto group = UserPtr<int>{argument}.read(space);
      if (!group) return fail(group.error());
      foreground_group_ = *group;
      return 0;
    }
    case abi::fionread: return give(static_cast<int>(editor_.available()));
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
  const auto open = [](Device& device, int flags) -> Result<Ref<File>> {
    if (!memory::can_allocate(sizeof(TerminalFile))) return fail(Errno::enomem);
    return make_ref<TerminalFile>(device, flags);
  };
  return make_ref<Device>(open, number, &terminal);
}

}  // namespace kernel
