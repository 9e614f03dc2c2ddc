// The terminal, through its files and its driver interface.
#include "files/terminal.h"

#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

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

/// Processes whose caller the test chooses.
struct FakeUsers final : kernel::TerminalUsers {
  std::optional<Caller> caller() override { return present; }
  void signal_group(int group, abi::Signal signal) override { sent.emplace_back(group, signal); }
  void signal_leader(int, abi::Signal) override {}
  std::optional<int> session_of_group(int group) override {
    const auto found = sessions.find(group);
    if (found == sessions.end()) return {};
    return found->second;
  }
  kernel::Result<> stop_caller(abi::Signal signal) override {
    stopped_by = signal;
    return kernel::fail(Errno::eintr);
  }

  Caller present;
  std::map<int, int> sessions{{0, 0}};
  std::vector<std::pair<int, abi::Signal>> sent;
  std::optional<abi::Signal> stopped_by;
};

struct Console {
  explicit Console(LineEditor::Input input)
      : terminal{screen, input, {.rows = 24, .columns = 80}, &users, {5, 1}, 0},
        device{kernel::make_terminal_device({5, 1}, terminal)},
        file{*device->open(abi::o_rdwr)} {}
  void type(std::string_view keys) {
    for (const char key : keys) terminal.receive(key);
  }

  FakeScreen screen;
  FakeUsers users;
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

TEST_CASE("newlines of a program's output begin a line, with a carriage return") {
  test::Machine machine;
  Console console{LineEditor::Input::typed};
  CHECK(test::write(*console.file, "one\ntwo\r\n") == 9);
  CHECK(console.screen.shown == "one\r\ntwo\r\r\n");
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
  Console console{LineEditor::Input::framed};
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
  Console console{LineEditor::Input::framed};
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

namespace {

/// A terminal with a page of memory for the arguments of ioctl.
struct Jobs {
  Jobs() {
    REQUIRE(space->map({.address = here,
                        .bytes = hal::page_size,
                        .access = hal::Access::read | hal::Access::write}));
  }
  kernel::Result<int> ask(unsigned long request, std::uintptr_t argument = here) {
    return console.file->control(*space, request, argument);
  }
  kernel::Result<int> ask_with(unsigned long request, int value) {
    REQUIRE(kernel::UserPtr<int>{here}.write(*space, value));
    return ask(request);
  }
  int answer() { return *kernel::UserPtr<int>{here}.read(*space); }
  void set_local_flag(std::uint32_t flag) {
    REQUIRE(ask(abi::tcgets) == 0);
    auto settings = *kernel::UserPtr<abi::Termios>{here}.read(*space);
    settings.local_flags |= flag;
    REQUIRE(kernel::UserPtr<abi::Termios>{here}.write(*space, settings));
    REQUIRE(ask(abi::tcsets) == 0);
  }

  static constexpr hal::VirtAddr here = 0x10'0000;
  test::Machine machine;
  kernel::Ref<kernel::AddressSpace> space = *kernel::AddressSpace::create();
  Console console{LineEditor::Input::typed};
  FakeUsers& users = console.users;
  Terminal& terminal = console.terminal;
};

}  // namespace

TEST_CASE("keys and a new window size send signals to the foreground group") {
  Jobs jobs;
  jobs.terminal.give_to(0, 7);
  jobs.console.type("\x03\x1a");
  REQUIRE(kernel::UserPtr<abi::WindowSize>{jobs.here}.write(*jobs.space, {.rows = 1}));
  CHECK(jobs.ask(abi::tiocswinsz) == 0);
  CHECK(jobs.ask(abi::tiocswinsz) == 0);  // the same size
  using Sent = std::vector<std::pair<int, abi::Signal>>;
  CHECK(jobs.users.sent ==
        Sent{{7, abi::Signal::sigint}, {7, abi::Signal::sigtstp}, {7, abi::Signal::sigwinch}});
}

TEST_CASE("a background group that reads or changes the terminal is stopped") {
  Jobs jobs;
  jobs.console.type("line\n");
  jobs.users.present.group = 5;
  CHECK(test::read(*jobs.console.file, 10).error() == Errno::eintr);
  CHECK(jobs.users.stopped_by == abi::Signal::sigttin);
  CHECK(jobs.ask_with(abi::tiocspgrp, 5).error() == Errno::eintr);
  CHECK(jobs.users.stopped_by == abi::Signal::sigttou);
  CHECK(jobs.ask(abi::tcgets) == 0);
  CHECK(test::write(*jobs.console.file, "text") == 4);
  jobs.users.present.group = 0;
  jobs.set_local_flag(abi::termios_tostop);
  jobs.users.present.group = 5;
  CHECK(test::write(*jobs.console.file, "text").error() == Errno::eintr);
  jobs.users.present.session = 5;  // not the session of the terminal
  CHECK(test::read(*jobs.console.file, 10) == "line\n");
}

TEST_CASE("only groups of the terminal's session become its foreground group") {
  Jobs jobs;
  jobs.users.sessions = {{0, 0}, {4, 0}, {9, 9}};
  CHECK(jobs.ask_with(abi::tiocspgrp, 4) == 0);
  CHECK(jobs.terminal.foreground_group() == 4);
  jobs.users.present.group = 4;
  CHECK(jobs.ask_with(abi::tiocspgrp, 9).error() == Errno::eperm);
  CHECK(jobs.ask_with(abi::tiocspgrp, 8).error() == Errno::esrch);
  CHECK(jobs.ask_with(abi::tiocspgrp, -1).error() == Errno::einval);
  CHECK(jobs.ask(abi::tiocgpgrp) == 0);
  CHECK(jobs.answer() == 4);
  jobs.users.present.session = 9;
  CHECK(jobs.ask(abi::tiocgpgrp).error() == Errno::enotty);
  CHECK(jobs.ask(abi::tiocgsid).error() == Errno::enotty);
}

TEST_CASE("a session's leader takes the terminal of session 0, and gives it back") {
  Jobs jobs;
  jobs.users.present = {.session = 9, .group = 9};
  CHECK(jobs.ask(abi::tiocsctty, 0).error() == Errno::eperm);
  CHECK(Terminal::of_caller(jobs.terminal).error() == Errno::enxio);
  jobs.users.present.leads_session = true;
  CHECK(jobs.ask(abi::tiocsctty, 0) == 0);
  CHECK(Terminal::of_session(9) == &jobs.terminal);
  CHECK(Terminal::of_caller(jobs.terminal) == &jobs.terminal);
  CHECK(jobs.terminal.foreground_group() == 9);
  jobs.users.present = {.session = 4, .group = 4, .leads_session = true};
  CHECK(jobs.ask(abi::tiocsctty, 0).error() == Errno::eperm);
  CHECK(jobs.ask(abi::tiocsctty, 1) == 0);
  CHECK(jobs.ask(abi::tiocnotty) == 0);
  CHECK(jobs.terminal.session() == 0);
  using Sent = std::vector<std::pair<int, abi::Signal>>;
  CHECK(jobs.users.sent == Sent{{4, abi::Signal::sighup}, {4, abi::Signal::sigcont}});
}
