#include "keyboard.h"

namespace hal::pc {
namespace {

constexpr std::uint16_t data = 0x60, status = 0x64;  // writes to `status` are commands

// Bits of the status.
constexpr std::uint8_t has_output = 1 << 0;  // the data port has a byte to read
constexpr std::uint8_t has_input = 1 << 1;   // the controller has not taken the last write yet
constexpr std::uint8_t is_mouse = 1 << 5, timed_out = 1 << 6, wrong_parity = 1 << 7;
constexpr std::uint8_t no_controller = 0xff;  // a read of a port without a device returns it

enum class Command : std::uint8_t {
  read_configuration = 0x20,
  write_configuration = 0x60,
  disable_mouse = 0xa7,
  disable_keyboard = 0xad,
  enable_keyboard = 0xae,
};
constexpr std::uint8_t send_codes = 0xf4;  // a command to the keyboard itself

// Bits of the configuration.
constexpr std::uint8_t keyboard_interrupts = 1 << 0, mouse_interrupts = 1 << 1;
constexpr std::uint8_t keyboard_is_off = 1 << 4, mouse_is_off = 1 << 5, translates = 1 << 6;

/// Sends bytes to the controller and receives its answers, at boot. Each function fails if the
/// controller is not ready 20 ms after the constructor.
class Start {
 public:
  explicit Start(const KeyboardAccess& access)
      : access_{access}, end_ns_{access.now_ns() + limit_ns} {}

  bool command(Command command) { return write(status, static_cast<std::uint8_t>(command)); }
  bool write(std::uint16_t port, std::uint8_t value) {
    if (!await(has_input, 0)) return false;
    access_.write(port, value);
    return true;
  }
  std::optional<std::uint8_t> read() {
    if (!await(has_output, has_output)) return std::nullopt;
    return access_.read(data);
  }
  /// Drops the bytes that have arrived. Returns false if more still arrive after 20 ms.
  bool drop_output() {
    while ((access_.read(status) & has_output) != 0) {
      if (access_.now_ns() > end_ns_) return false;
      access_.read(data);
    }
    return true;
  }

 private:
  static constexpr std::uint64_t limit_ns = 20'000'000;

  bool await(std::uint8_t bit, std::uint8_t value) {
    while ((access_.read(status) & bit) != value) {
      if (access_.now_ns() > end_ns_) return false;
    }
    return true;
  }

  const KeyboardAccess& access_;
  std::uint64_t end_ns_;
};

}  // namespace

bool start_keyboard_controller(const KeyboardAccess& access) {
  if (access.read(status) == no_controller) return false;
  Start start{access};
  // Both devices are disabled first, so they send nothing before the configuration.
  if (!start.command(Command::disable_keyboard) || !start.command(Command::disable_mouse) ||
      !start.drop_output() || !start.command(Command::read_configuration))
    return false;
  const auto before = start.read();
  if (!before) return false;
  const auto configuration =
      static_cast<std::uint8_t>((*before | keyboard_interrupts | mouse_is_off | translates) &
                                ~(mouse_interrupts | keyboard_is_off));
  // The keyboard acknowledges send_codes by a byte that is no scan code: ScanCodes ignores it.
  return start.command(Command::write_configuration) && start.write(data, configuration) &&
         start.command(Command::enable_keyboard) && start.write(data, send_codes);
}

std::optional<std::uint8_t> read_keyboard(const KeyboardAccess& access) {
  // More bytes than a controller holds. The limit ends the loop if a broken one always has a byte.
  constexpr int most_dropped = 16;
  for (int dropped = 0; dropped < most_dropped; ++dropped) {
    const std::uint8_t now = access.read(status);
    if ((now & has_output) == 0) break;
    const std::uint8_t byte = access.read(data);
    if ((now & (is_mouse | timed_out | wrong_parity)) == 0) return byte;
  }
  return std::nullopt;
}

}  // namespace hal::pc
