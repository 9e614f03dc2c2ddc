// The keyboard controller of a PC behind two simulated ports: one that works, and broken ones.
#include <catch2/catch_test_macros.hpp>

#include <deque>

#include "pc/keyboard.h"

namespace {

/// A simulated controller behind the ports.
struct FakeController {
  enum class Kind { works, is_absent, takes_nothing, answers_nothing, babbles };

  Kind kind = Kind::works;
  std::deque<std::uint8_t> output;
  std::uint8_t configuration = 0b0010'0010;  // as firmware may leave it
  std::uint8_t extra_status = 0;
  bool expects_configuration = false;
  bool keyboard_is_on = false, keyboard_sends = false;
  std::uint64_t now_ns = 0;
  unsigned reads = 0;
};
FakeController fake;

std::uint8_t read(std::uint16_t port) {
  using Kind = FakeController::Kind;
  ++fake.reads;
  if (fake.kind == Kind::is_absent) return 0xff;
  if (port == 0x64) {
    const bool full = fake.kind == Kind::babbles || !fake.output.empty();
    return static_cast<std::uint8_t>(fake.extra_status | (full ? 1 : 0) |
                                     (fake.kind == Kind::takes_nothing ? 2 : 0));
  }
  if (fake.output.empty()) return 0x55;
  const std::uint8_t byte = fake.output.front();
  fake.output.pop_front();
  return byte;
}

void write(std::uint16_t port, std::uint8_t value) {
  if (port == 0x60) {
    if (fake.expects_configuration) fake.configuration = value;
    if (!fake.expects_configuration && value == 0xf4) fake.keyboard_sends = true;
    fake.expects_configuration = false;
    return;
  }
  if (value == 0x20 && fake.kind != FakeController::Kind::answers_nothing)
    fake.output.push_back(fake.configuration);
  fake.expects_configuration = value == 0x60;
  if (value == 0xae) fake.keyboard_is_on = true;
  if (value == 0xad) fake.keyboard_is_on = false;
}

std::uint64_t now_ns() {
  return fake.now_ns += 1000;
}

constexpr hal::pc::KeyboardAccess fake_ports{.read = read, .write = write, .now_ns = now_ns};

bool start(FakeController::Kind kind) {
  fake = {};
  fake.kind = kind;
  return hal::pc::start_keyboard_controller(fake_ports);
}

}  // namespace

TEST_CASE("a keyboard controller interrupts for keys only, and translates their codes") {
  fake = {};
  fake.output = {0x1e, 0x9e};  // keys from before the boot
  REQUIRE(hal::pc::start_keyboard_controller(fake_ports));
  CHECK(fake.configuration == 0b0110'0001);
  CHECK(fake.keyboard_is_on);
  CHECK(fake.keyboard_sends);
  CHECK(!hal::pc::read_keyboard(fake_ports));
}

TEST_CASE("a PC without a usable keyboard controller has no keyboard, and boots on") {
  using Kind = FakeController::Kind;
  for (const Kind kind :
       {Kind::is_absent, Kind::takes_nothing, Kind::answers_nothing, Kind::babbles}) {
    CHECK(!start(kind));
    CHECK(fake.now_ns < 30'000'000);
  }
}

TEST_CASE("bytes of a mouse and damaged bytes are dropped") {
  for (const std::uint8_t status : {0x20, 0x40, 0x80}) {
    fake = {};
    fake.output = {1, 2, 3};
    fake.extra_status = status;
    CHECK(!hal::pc::read_keyboard(fake_ports));
    CHECK(fake.output.empty());
  }
  fake = {};
  fake.output = {0x1e, 0x9e};
  CHECK(hal::pc::read_keyboard(fake_ports) == 0x1e);
  CHECK(hal::pc::read_keyboard(fake_ports) == 0x9e);
}

TEST_CASE("a controller that always has a byte of a mouse does not keep the reader") {
  fake = {};
  fake.kind = FakeController::Kind::babbles;
  fake.extra_status = 0x20;
  CHECK(!hal::pc::read_keyboard(fake_ports));
  CHECK(fake.reads < 100);
}
