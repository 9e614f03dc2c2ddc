// The terminal, through its files and its driver interface.
#include "files/terminal.h"

#include <array>

#include "../async/support.h"
#include "memory/user_memory.h"
#include "support.h"

using kernel::Direction;
using kernel::LineEditor;
using kernel::Terminal;
using test::Errno;

namespace {

/// A screen that shows output at once, with as much room as the test sets.
struct FakeScreen final : kernel::Screen {
  std::size_t room() override { return left; }
  std::span<char> place() override { return std::span{piece}.first(std::min(left, piece.size())); }
  void put(std::size_t count) override {
    shown.append(piece.data(), count);
    left -= count;
  }
  void ask_for_room() override { asked = true; }

  std::string shown;
  std::size_t left = 1'000'000;
  bool asked = false;
  std::array<char, 100> piece;
};

struct Console {
  explicit Console(LineEditor::Input input)
      : terminal{{.show = [](std::span<const char>) {}, .signal = [](abi::Signal) {}},
                 screen,
                 input,
                 {.rows = 24, .columns = 80}},
        device{kernel::make_terminal_device({5, 1}, terminal)},
        file{*device->open(abi::o_rdwr)} {}
  void type(std::string_view keys) {
    for (const char key : keys) terminal.receive(key);
  }

  FakeScreen screen;
  Terminal terminal;
  kernel::Ref<kernel::Node> device;
  kernel::Ref<kernel::File> file;
};

}  // namespace

TEST_CASE("a read returns one line, in parts if its buffer is shorter") {
  test::Machine machine;
  Console console{LineEditor::Input::typed};
  CHECK(test::read(*console.file, 10).error() == Errno::would_block);
  CHECK(console.file->readiness() == (abi::pollout | abi::pollwrnorm));
  console.type("first line\nsecond\n");
  CHECK((console.file->readiness() & abi::pollin) != 0);
  CHECK(test::read(*console.file, 5) == "first");
  CHECK(test::read(*console.file, 100) == " line\n");
  CHECK(test::read(*console.file, 6) == "second");
  CHECK(test::read(*console.file, 100) == "\n");
  CHECK(test::read(*console.file, 100).error() == Errno::would_block);
}

TEST_CASE("a read that ends at the place of a ^D does not end the file") {
  test::Machine machine;
  Console console{LineEditor::Input::typed};
  console.type("abc\x04");
  CHECK(test::read(*console.file, 3) == "abc");
  CHECK(test::read(*console.file, 3).error() == Errno::would_block);
  console.type("\x04");
  CHECK(test::read(*console.file, 3) == "");
  CHECK(test::read(*console.file, 3).error() == Errno::would_block);
}

TEST_CASE("^D typed behind an unread line ends the file after that line") {
  test::Machine machine;
  Console console{LineEditor::Input::typed};
  console.type("line\n\x04next\n");
  CHECK(test::read(*console.file, 100) == "line\n");
  CHECK(test::read(*console.file, 100) == "");
  CHECK(test::read(*console.file, 100) == "next\n");
}

TEST_CASE("a program's output is shown unchanged") {
  test::Machine machine;
  Console console{LineEditor::Input::framed};
  CHECK(test::write(*console.file, "line\n\x10\x1b") == 7);
  CHECK(console.screen.shown == "line\n\x10\x1b");
}

TEST_CASE("a full terminal stops the driver until a program reads") {
  test::Machine machine;
  async_test::Fixture world;
  async_test::Log log;
  Console console{LineEditor::Input::framed};
  std::size_t sent = 0;
  while (console.terminal.has_room()) console.type(test::pattern(1, ++sent % 7 + 100));
  auto driver = async::spawn(async_test::wait_and_log(console.terminal.room(), log, "driver"), {});
  world.run();
  CHECK(log.empty());
  CHECK(test::read(*console.file, 1).has_value());
  world.run();
  CHECK(log == async_test::Log{"driver woken"});
  CHECK(console.terminal.has_room());
  std::move(driver).get();
  std::size_t got = 1;
  while (const auto text = test::read(*console.file, 1000)) got += text->size();
  CHECK(got == sent);
}

TEST_CASE("a terminal answers the ioctls of terminals, and framed input does not") {
  test::Machine machine;
  auto space = *kernel::AddressSpace::create();
  constexpr hal::VirtAddr here = 0x10'0000;
  REQUIRE(space->map({.address = here,
                      .bytes = hal::page_size,
                      .access = hal::Access::read | hal::Access::write}));
  const auto ask = [&](Console& console, unsigned long request) {
    return console.file->control(*space, request, here);
  };
  Console typed{LineEditor::Input::typed};
  CHECK(ask(typed, abi::tiocgwinsz) == 0);
  CHECK(kernel::UserPtr<abi::WindowSize>{here}.read(*space)->columns == 80);
  CHECK(ask(typed, abi::tcgets) == 0);
  auto settings = *kernel::UserPtr<abi::Termios>{here}.read(*space);
  CHECK((settings.local_flags & abi::termios_icanon) != 0);
  settings.local_flags &= ~abi::termios_icanon;
  REQUIRE(kernel::UserPtr<abi::Termios>{here}.write(*space, settings));
  CHECK(ask(typed, abi::tcsets) == 0);
  typed.type("k");
  CHECK(test::read(*typed.file, 10) == "k");
  CHECK(typed.file->control(*space, abi::tcgets, 16).error() == Errno::efault);
  CHECK(ask(typed, 0x1234).error() == Errno::enotty);

  Console framed{LineEditor::Input::framed};
  CHECK(ask(framed, abi::tcgets).error() == Errno::enotty);
}

TEST_CASE("a short write to the screen is output as a whole or not at all") {
  test::Machine machine;
  Console console{LineEditor::Input::typed};
  const std::string text = test::pattern(100);
  console.screen.left = Terminal::largest_write + Terminal::kept_for_echo - 1;
  CHECK(test::write(*console.file, text).error() == Errno::would_block);
  CHECK(console.screen.asked);
  CHECK(console.screen.shown.empty());
  CHECK((console.file->readiness() & abi::pollout) == 0);
  console.screen.left += 1;
  CHECK((console.file->readiness() & abi::pollout) != 0);
  CHECK(test::write(*console.file, text) == 100);
  CHECK(console.screen.shown == text);
  CHECK(console.file->changes(Direction::write) == &console.terminal.writable());
}

TEST_CASE("a large write to the screen is output in parts, so that others can write between") {
  test::Machine machine;
  Console console{LineEditor::Input::typed};
  const std::string text = test::pattern(5000);
  CHECK(test::write(*console.file, text) == Terminal::largest_write);
  CHECK(console.screen.shown == text.substr(0, Terminal::largest_write));
  CHECK(console.file->whole_write() <= Terminal::largest_write);
}

TEST_CASE("TCSETSF drops typed input and so makes room for more") {
  test::Machine machine;
  async_test::Fixture world;
  async_test::Log log;
  auto space = *kernel::AddressSpace::create();
  constexpr hal::VirtAddr here = 0x10'0000;
  REQUIRE(space->map({.address = here,
                      .bytes = hal::page_size,
                      .access = hal::Access::read | hal::Access::write}));
  Console console{LineEditor::Input::typed};
  REQUIRE(console.file->control(*space, abi::tcgets, here) == 0);
  while (console.terminal.has_room()) console.type("\n");
  auto driver = async::spawn(async_test::wait_and_log(console.terminal.room(), log, "driver"), {});
  world.run();
  REQUIRE(console.file->control(*space, abi::tcsetsf, here) == 0);
  world.run();
  CHECK(log == async_test::Log{"driver woken"});
  CHECK(!console.terminal.has_input());
  std::move(driver).get();
}
