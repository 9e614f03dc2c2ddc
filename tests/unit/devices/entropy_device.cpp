// The entropy device's driver with a device that is slow, returns little, or violates the protocol.
#include "devices/entropy_device.h"

#include <catch2/catch_test_macros.hpp>
#include <vector>

#include "../async/support.h"
#include "../memory/machine.h"
#include "device_side.h"
#include "fake_transport.h"

using kernel::EntropyDevice;

namespace {

std::vector<std::vector<std::byte>> given;

/// A device that returns bytes as the test sets them, and its driver.
struct World {
  World() {
    given.clear();
    transport = std::make_unique<test::FakeTransport>(kernel::virtio::DeviceType::entropy);
    device = EntropyDevice::start(*transport, [](std::span<const std::byte> bytes) {
      given.emplace_back(bytes.begin(), bytes.end());
    });
    REQUIRE(device != nullptr);
    driver.emplace(async::spawn(device->serve(), {.name = "entropy", .priority = 0}));
    world.run();
  }
  ~World() {
    driver->cancel();
    world.run();
  }

  void answer(std::uint32_t count) {
    const auto chain = transport->side().next();
    REQUIRE(chain);
    REQUIRE(chain->writable() == EntropyDevice::bytes_at_once);
    std::byte* const room = hal::phys_to_virt(chain->parts.at(0).address);
    for (std::uint32_t i = 0; i < count && i < 64; ++i) room[i] = static_cast<std::byte>(i + 1);
    transport->side().use(chain->head, count);
    transport->interrupt(kernel::virtio::cause::used_buffer);
    world.run();
  }

  test::Machine machine;
  async_test::Fixture world;
  std::unique_ptr<test::FakeTransport> transport;
  std::unique_ptr<EntropyDevice> device;
  std::optional<async::JoinHandle<void>> driver;
};

}  // namespace

TEST_CASE("two requests before an answer give one answer") {
  World world;
  world.device->ask();
  world.device->ask();
  world.answer(64);
  REQUIRE(given.size() == 1);
  CHECK(given[0].size() == 64);
  CHECK(given[0][63] == std::byte{64});
  CHECK_FALSE(world.transport->side().next());
  world.device->ask();
  world.answer(10);
  REQUIRE(given.size() == 2);
  CHECK(given[1].size() == 10);
  world.device->ask();
  world.answer(0);
  CHECK(given.size() == 3);
}

TEST_CASE("a device that reports more bytes than requested is used no more") {
  World world;
  world.device->ask();
  world.answer(65);
  CHECK(given.empty());
  CHECK(world.transport->resets == 2);
  world.device->ask();
  CHECK(world.transport->notifications == 1);
}
