// The network device's driver with a device that is slow, full, or violates the protocol.
#include "devices/network_device.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <chrono>
#include <cstring>
#include <vector>

#include "../async/support.h"
#include "../memory/machine.h"
#include "device_side.h"
#include "fake_transport.h"

using kernel::NetworkDevice;
using kernel::virtio::cause::configuration;
using kernel::virtio::cause::used_buffer;

namespace {

constexpr unsigned receiving = 0, sending = 1;
constexpr std::size_t header_bytes = 12, buffer_bytes = header_bytes + 1514;
constexpr std::uint64_t has_address = 1 << 5, has_status = 1 << 16;

class FakeNetwork final : public test::FakeTransport {
 public:
  FakeNetwork() : FakeTransport{kernel::virtio::DeviceType{1}} {
    features = kernel::virtio::feature::version_1 | has_address | has_status;
    queues = 2;
  }
  std::array<std::uint8_t, 8> config{0x52, 0x54, 0, 1, 2, 3, 1, 0};

  std::uint8_t read_config_byte(std::size_t offset) override { return config.at(offset); }
};

/// A device, its driver, and a user that keeps what it gets.
struct NetworkWorld final : NetworkDevice::User {
  explicit NetworkWorld(unsigned limit = 256) {
    transport = std::make_unique<FakeNetwork>();
    transport->limit = limit;
    device = NetworkDevice::start(*transport);
    REQUIRE(device != nullptr);
    device->set_user(*this);
    driver.emplace(async::spawn(device->serve(), {.name = "network", .priority = 0}));
    world.run();
  }
  ~NetworkWorld() {
    driver->cancel();
    world.run();
  }

  void receive(std::span<const std::byte> frame) override {
    frames.emplace_back(frame.begin(), frame.end());
  }
  void on_link() override { ++links; }
  void on_room() override { ++rooms; }

  /// The device fills `count` buffers with frames of `bytes` bytes.
  void deliver(unsigned count, std::uint32_t bytes) {
    for (unsigned i = 0; i < count; ++i) {
      const auto chain = transport->side(receiving).next();
      REQUIRE(chain);
      REQUIRE(chain->writable() == buffer_bytes);
      std::memset(hal::phys_to_virt(chain->parts.at(0).address) + header_bytes, 7, 100);
      transport->side(receiving).use(chain->head, bytes + header_bytes);
    }
    transport->interrupt(used_buffer);
    world.run();
  }
  bool send(std::size_t bytes) {
    const auto room = device->take_room();
    if (room.empty()) return false;
    REQUIRE(room.size() == NetworkDevice::longest_frame);
    std::memset(room.data(), 9, bytes);
    device->send(bytes);
    return true;
  }
  std::size_t device_sends() {
    const auto chain = transport->side(sending).next();
    REQUIRE(chain);
    transport->side(sending).use(chain->head, 0);
    return chain->parts.at(0).bytes;
  }

  test::Machine machine;
  async_test::Fixture world;
  std::unique_ptr<FakeNetwork> transport;
  std::unique_ptr<NetworkDevice> device;
  std::optional<async::JoinHandle<void>> driver;
  std::vector<std::vector<std::byte>> frames;
  unsigned links = 0, rooms = 0;
};

}  // namespace

TEST_CASE("frames pass in both directions") {
  NetworkWorld world;
  CHECK(world.device->address() == NetworkDevice::Address{0x52, 0x54, 0, 1, 2, 3});
  CHECK(world.device->is_up());
  world.deliver(1, 60);
  REQUIRE(world.frames.size() == 1);
  CHECK(world.frames[0] == std::vector(60, std::byte{7}));
  CHECK(world.send(42));
  CHECK(world.device_sends() == header_bytes + 42);
  CHECK(world.device->received().bytes == 60);
  CHECK(world.device->sent().bytes == 42);
}

TEST_CASE("a buffer is offered again after its frame") {
  NetworkWorld world;
  for (unsigned i = 0; i < 1000; ++i) world.deliver(1, 1514);
  CHECK(world.frames.size() == 1000);
  world.deliver(100, 60);
  world.world.advance(std::chrono::seconds{1});
  CHECK(world.frames.size() == 1100);
}

TEST_CASE("without a free buffer there is no room, and the user learns of the next free one") {
  NetworkWorld world;
  unsigned sent = 0;
  while (world.send(100)) ++sent;
  CHECK(sent == 128);
  (void)world.device_sends();
  world.transport->interrupt(used_buffer);
  world.world.run();
  CHECK(world.rooms == 1);
  CHECK(world.send(100));
  CHECK_FALSE(world.send(100));
}

TEST_CASE("a frame without a whole header is an error") {
  NetworkWorld world;
  world.deliver(1, 13);
  world.deliver(1, 14);
  CHECK(world.frames.size() == 1);
  CHECK(world.device->received().errors == 1);
}

TEST_CASE("a device without an address that a station may have gets a random one") {
  test::Machine machine;
  async_test::Fixture world;
  FakeNetwork transport;
  transport.config = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0};
  const auto device = NetworkDevice::start(transport);
  REQUIRE(device != nullptr);
  CHECK((device->address()[0] & 3) == 2);
}

TEST_CASE("the link goes down and up") {
  NetworkWorld world;
  world.transport->config[6] = 0;
  world.transport->interrupt(configuration);
  world.world.run();
  CHECK_FALSE(world.device->is_up());
  CHECK_FALSE(world.send(60));
  world.transport->config[6] = 1;
  world.transport->interrupt(configuration);
  world.world.run();
  CHECK(world.send(60));
  CHECK(world.links == 2);
}

TEST_CASE("a device that claims impossible completions is dead") {
  const auto queue = GENERATE(receiving, sending);
  NetworkWorld world;
  CHECK(world.send(60));
  SECTION("more bytes than the buffer has") {
    const auto chain = world.transport->side(queue).next();
    world.transport->side(queue).use(chain->head, queue == receiving ? buffer_bytes + 1 : 1);
  }
  SECTION("a chain that it does not have") {
    world.transport->side(queue).use(200, 0);
  }
  SECTION("an index that jumps") {
    world.transport->side(queue).set_used_index(1000);
  }
  if (queue == sending) (void)world.device->take_room();
  world.transport->interrupt(used_buffer);
  world.world.run();
  if (queue == sending) {  // the driver looks at this queue when it needs a buffer
    while (world.send(60)) continue;
    world.transport->interrupt(used_buffer);
    world.world.run();
  }
  CHECK(world.frames.empty());
  CHECK_FALSE(world.device->is_up());
  CHECK_FALSE(world.send(60));
  CHECK(world.links == 1);
}

TEST_CASE("a device that asks for a reset is dead, even if it does not confirm the reset") {
  NetworkWorld world;
  world.transport->comes_back = GENERATE(true, false);
  world.transport->ask_for_reset();
  world.world.run();
  CHECK_FALSE(world.device->is_up());
  CHECK_FALSE(world.send(60));
  CHECK(world.links == 1);
  world.transport->comes_back = true;
}

TEST_CASE("a device that cannot be used is refused") {
  test::Machine machine;
  async_test::Fixture world;
  FakeNetwork transport;
  SECTION("one queue") {
    transport.queues = 1;
  }
  SECTION("no queue") {
    transport.limit = 0;
  }
  SECTION("a version before 1.0") {
    transport.legacy = true;
  }
  SECTION("refused features") {
    transport.accepts = false;
  }
  CHECK(NetworkDevice::start(transport) == nullptr);
}
