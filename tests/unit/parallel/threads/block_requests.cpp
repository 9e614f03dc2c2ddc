// A disk's driver on one hart and the job that awaits a request on another one.
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <memory>

#include "../../devices/block_requests.h"
#include "../../memory/machine.h"
#include "harts.h"

using namespace std::chrono_literals;

namespace {

/// A disk whose driver, once it has taken the interrupt, waits for `may_go_on`. The two flags are
/// relaxed: they put the harts' steps in an order of time, but order no memory.
class SlowDisk final : public test::FakeDisk {
 public:
  using FakeDisk::FakeDisk;

  std::uint32_t acknowledge() override {
    is_served.store(true, std::memory_order_relaxed);
    while (!may_go_on.load(std::memory_order_relaxed)) async::platform::relax();
    return FakeDisk::acknowledge();
  }

  std::atomic<bool> is_served = false;
  std::atomic<bool> may_go_on = false;
};

/// Less urgent than `reader`, on the same hart: completes the request on the disk, and unparks the
/// reader before the driver does.
async::Task<> wake_too_early(SlowDisk& disk, async::Job& reader) {
  disk.answer(0);
  async::Strand::leave();
  while (!disk.is_served.load(std::memory_order_relaxed)) async::platform::relax();
  async::Strand::enter();
  async::Executor::unpark(reader);
  co_await async::yield();  // the reader finds that its request has not ended
  disk.may_go_on.store(true, std::memory_order_relaxed);
}

}  // namespace

TEST_CASE("a job woken before its request has ended waits again and then has the data") {
  const test::Machine machine;
  test::DiskModel model;
  test::number_sectors(model);
  SlowDisk* disk = nullptr;
  std::unique_ptr<kernel::BlockDevice> device;
  const auto begin = [&](unsigned hart) {
    if (hart != 0) return;
    auto transport = std::make_unique<SlowDisk>(model);
    disk = transport.get();
    device = kernel::BlockDevice::start(std::move(transport), "vda");
    async::spawn_preemptible(device->serve(), {.name = "driver", .priority = 0});
  };
  test::Sector bytes{};
  kernel::Result<> result;
  const auto main = [&]() -> async::Task<> {
    constexpr async::HartMask there = async::hart_mask(1);
    auto reader = async::spawn(test::read(*device, 7, bytes),
                               {.name = "reader", .priority = 8, .harts = there});
    auto other = async::spawn(wake_too_early(*disk, reader.job()),
                              {.name = "other", .priority = 16, .harts = there});
    co_await std::move(other);
    result = co_await std::move(reader);
  };
  parallel_test::run_harts(600s, begin, main);
  CHECK(result);
  CHECK(test::holds_sector(bytes, model, 7));
}
