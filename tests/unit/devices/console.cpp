// The console's driver with a serial port that is fast, slow, or broken.
#include "console/console.h"

#include "../async/support.h"
#include "../files/support.h"
#include "fake_uart.h"
#include "files/console_driver.h"

using kernel::Console;
using kernel::LineEditor;
using kernel::Terminal;

namespace {

async::Task<> hear(async::Interrupt& interrupt, unsigned& heard) {
  while (co_await interrupt.wait() == async::WaitResult::woken) ++heard;
}

/// A serial port and its driver.
struct World {
  explicit World(bool has_interrupt = true) {
    uart.has_interrupt = has_interrupt;
    spawn(console->serve(test::uart_line()), 0);
    world.run();
  }
  ~World() {
    for (auto& job : jobs) job.cancel();
    world.run();
  }

  void spawn(async::Task<> task, std::uint8_t priority) {
    jobs.push_back(async::spawn(std::move(task), {.priority = priority}));
  }
  /// Outputs as much of `text` as there is room for; returns the number of bytes.
  std::size_t put(std::string_view text) {
    const std::size_t count = std::min(text.size(), console->room());
    console->put_if_room(text.substr(0, count));
    return count;
  }
  std::string take() {
    std::string taken;
    while (const auto byte = console->take()) taken += *byte;
    console->resume_input();
    return taken;
  }

  test::Machine machine;
  async_test::Fixture world;
  test::FakeUart& uart = test::new_uart();
  std::unique_ptr<Console> console = std::make_unique<Console>();
  std::vector<async::JoinHandle<void>> jobs;
};

}  // namespace

TEST_CASE("a word is sent at once and causes no interrupt") {
  World world;
  world.put("hello\n");
  CHECK(world.uart.shown == "hello\n");
  world.world.run();
  CHECK(world.uart.interrupts == 0);
}

TEST_CASE("a slow device gets the next bytes each time it has sent some") {
  World world;
  world.uart.is_fast = false;
  const std::string text = test::pattern(3000);
  CHECK(world.put(text) == 3000);
  for (std::size_t sent = 16; sent < text.size(); sent += 16) {
    REQUIRE(world.uart.shown == text.substr(0, sent));
    CHECK(world.uart.listening.output);
    world.uart.sent_all();
    world.world.run();
  }
  CHECK(world.uart.shown == text);
  CHECK_FALSE(world.uart.listening.output);
  const unsigned interrupts = world.uart.interrupts;
  world.uart.sent_all();
  world.world.run();
  CHECK(world.uart.interrupts == interrupts);
}

TEST_CASE("a device that accepts all bytes at once causes few interrupts") {
  World world;
  const std::string text = test::pattern(4000);
  CHECK(world.put(text) == 4000);
  world.world.run();
  CHECK(world.uart.shown == text);
  CHECK(world.uart.interrupts <= 4);
  CHECK(world.console->backoff().useless() == 0);
}

TEST_CASE("bytes of write_now follow the bytes that were put before") {
  World world;
  world.uart.is_fast = false;
  world.put(test::pattern(100));
  world.console->write_now(std::string_view{"log\n"});
  world.put("next");
  world.uart.sent_all();
  world.world.run();
  CHECK(world.uart.shown == test::pattern(100) + "log\nnext");
}

TEST_CASE("a frame of standard error ends by switching back, and text contains no command") {
  World world;
  world.console->frame_output();
  world.console->put_frame(Console::Stream::output, std::string_view{"a\x10"
                                                                     "2b"});
  world.console->put_frame(Console::Stream::errors, std::string_view{"c\x10"
                                                                     "1d"});
  world.console->write_now(
      std::string_view{"log\x10"
                       "2\n"});
  world.world.run();
  CHECK(world.uart.shown ==
        "a\x10\x10"
        "2b"
        "\x10"
        "2c\x10\x10"
        "1d\x10"
        "1"
        "log\x10\x10"
        "2\n");
}

TEST_CASE("a frame stays whole across the ring's end and precedes bytes of write_now") {
  World world;
  world.console->frame_output();
  std::string shown;
  for (unsigned i = 0; i < 100; ++i) {
    world.uart.is_fast = false;
    world.uart.is_empty = true;
    const std::string text(113, '\x10');
    REQUIRE(world.console->room() >= Console::frame_size(text.size()));
    world.console->put_frame(Console::Stream::errors, text);
    world.console->write_now(std::string_view{"log\n"});
    shown +=
        "\x10"
        "2" +
        text + text +
        "\x10"
        "1log\n";
    REQUIRE(world.uart.shown == shown);
  }
}

TEST_CASE("a request for room is answered when half of the ring is free") {
  World world;
  world.uart.is_fast = false;
  unsigned heard = 0;
  world.spawn(hear(world.console->has_room(), heard), 1);
  world.world.run();
  CHECK(world.put(test::pattern(10'000)) == Console::ring_size);
  while (world.put("x") != 0) {
  }
  world.console->ask_for_room();
  for (unsigned i = 0; world.console->room() < Console::ring_size / 2; ++i) {
    REQUIRE(i < 1000);
    CHECK(heard == 0);
    world.uart.sent_all();
    world.world.run();
  }
  CHECK(heard == 1);
  world.console->ask_for_room();  // there is room already
  world.world.run();
  CHECK(heard == 2);
  world.put(test::pattern(5000));
  world.console->ask_for_room();
  world.console->write_now({});
  world.world.run();
  CHECK(heard == 3);
}

TEST_CASE("text that does not fit as a whole is dropped") {
  World world;
  world.uart.is_fast = false;
  const std::string text = test::pattern(Console::ring_size - 100);
  REQUIRE(world.put(text) == text.size());
  const std::size_t room = world.console->room();
  world.console->put_if_room(std::string(room + 1, 'x'));
  CHECK(world.console->room() == room);
  world.console->put_if_room(std::string(room, 'y'));
  CHECK(world.console->room() == 0);
  world.console->write_now({});
  CHECK(world.uart.shown == text + std::string(room, 'y'));
}

TEST_CASE("the device holds a flood of input until a program reads it, and nothing is lost") {
  World world;
  unsigned heard = 0;
  world.spawn(hear(world.console->has_input(), heard), 1);
  const std::string flood = test::pattern(10'000);
  world.uart.receive(flood);
  world.world.run();
  CHECK(heard == 1);
  CHECK(world.uart.arrived.size() == flood.size() - Console::ring_size);
  CHECK_FALSE(world.uart.listening.input);
  const unsigned interrupts = world.uart.interrupts;
  world.world.advance(1s);
  CHECK(world.uart.interrupts == interrupts);

  world.put(test::pattern(100));  // output works while the input is full
  world.world.run();
  CHECK(world.uart.shown == test::pattern(100));

  std::string taken;
  while (taken.size() < flood.size()) {
    taken += world.take();
    world.world.run();
  }
  CHECK(taken == flood);
  CHECK(world.uart.listening.input);
}

TEST_CASE("a line that stays raised is masked most of the time, and the console still works") {
  World world;
  world.uart.storms = true;
  world.uart.update();
  world.world.advance(1s);
  const unsigned interrupts = world.uart.interrupts;
  CHECK(interrupts < 150);  // few until the pauses last 10 ms, then 100 a second
  CHECK(world.console->backoff().pauses() > 90);
  CHECK(world.console->backoff().useless() >= world.console->backoff().pauses());

  world.uart.receive("typed");
  world.put(test::pattern(1000));
  world.world.advance(30ms);
  CHECK(world.take() == "typed");
  CHECK(world.uart.shown == test::pattern(1000));

  world.uart.storms = false;
  world.world.advance(1s);
  const unsigned after = world.uart.interrupts;
  world.world.advance(1s);
  CHECK(world.uart.interrupts == after);
  world.uart.receive("x");
  world.world.run();
  CHECK(world.take() == "x");
}

TEST_CASE("a device without interrupts is polled") {
  World world{false};
  world.uart.receive("typed");
  world.uart.is_fast = false;
  world.put(test::pattern(20));
  world.uart.sent_all();
  world.world.advance(10ms);
  CHECK(world.take() == "typed");
  CHECK(world.uart.shown == test::pattern(20));
}

namespace {

class NoScreen final : public kernel::Screen {
  std::size_t room() override { return 0; }
  std::span<char> place() override { return {}; }
  void put(std::size_t) override {}
  void ask_for_room() override {}
};

/// Counts the signals that keys send.
struct Users final : kernel::TerminalUsers {
  std::optional<Caller> caller() override { return {}; }
  void signal_group(int, abi::Signal) override { ++interrupted; }
  void signal_leader(int, abi::Signal) override {}
  std::optional<int> session_of_group(int) override { return {}; }
  kernel::Result<> stop_caller(abi::Signal) override { return {}; }

  int interrupted = 0;
};

/// A World with a terminal that receives the keys.
struct TerminalWorld : World {
  explicit TerminalWorld(LineEditor::Input input)
      : terminal{screen, input, {.rows = 24, .columns = 80}, &users, {5, 1}, 0} {
    spawn(kernel::bring_keys(*console, terminal), 1);
    world.run();
  }
  std::string read() {
    std::string text(10'000, '\0');
    kernel::IoBuffer buffer{std::as_writable_bytes(std::span{text})};
    text.resize(terminal.read(buffer, true).value_or(0));
    return text;
  }

  NoScreen screen;
  Users users;
  Terminal terminal;
};

}  // namespace

TEST_CASE("^C behind a paste without a reader is a signal and drops the paste") {
  TerminalWorld world{LineEditor::Input::typed};
  world.uart.receive(std::string(100'000, '\n') + "\x03" + "next\n");
  world.world.advance(kernel::reader_timeout - 1ms);
  CHECK(world.users.interrupted == 0);
  world.world.advance(1ms);
  CHECK(world.users.interrupted == 1);
  CHECK(world.read() == "next\n");
}

TEST_CASE("a paste with a slow reader arrives whole") {
  TerminalWorld world{LineEditor::Input::typed};
  std::string paste;
  while (paste.size() < 100'000) paste += "line " + std::to_string(paste.size()) + "\n";
  world.uart.receive(paste);
  std::string read;
  while (read.size() < paste.size()) {
    // Now and then the reader comes as late as 1 ms before the driver's limit.
    world.world.advance(read.size() % 5 == 0 ? kernel::reader_timeout - 1ms : 1ms);
    const std::string line = world.read();
    REQUIRE(!line.empty());
    read += line;
  }
  CHECK(read == paste);
}

TEST_CASE("framed input waits for its reader without a limit") {
  TerminalWorld world{LineEditor::Input::framed};
  const std::string text = test::pattern(20'000);
  std::string framed;
  for (const char byte : text) framed += byte == '\x10' ? "\x10\x10" : std::string{byte};
  world.uart.receive(framed);
  world.world.advance(60s);
  std::string read;
  while (read.size() < text.size()) {
    const std::string some = world.read();
    REQUIRE(!some.empty());
    read += some;
    world.world.run();
  }
  CHECK(read == text);
}
