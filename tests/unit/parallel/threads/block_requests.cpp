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

/// A disk that performs its requests when the driver takes the interrupt, so that the data is
/// written on the driver's hart.
class LazyDisk final : public test::FakeDisk {
 public:
  using FakeDisk::FakeDisk;

  std::uint32_t acknowledge() override {
    while (!held().empty()) answer(0);
    return FakeDisk::acknowledge();
  }
};

/// The state that the two jobs of one hart share.
struct Reading {
  LazyDisk& disk;
  kernel::BlockDevice& device;
  const test::DiskModel& model;
  int begun = 0;
  bool is_correct = true;
  bool has_ended = false;
};

async::Task<> read_often(Reading& reading) {
  for (int i = 0; i < 500; ++i) {
    test::Sector bytes{};
    ++reading.begun;
    const bool succeeded = (co_await test::read(reading.device, i % 64, bytes)).has_value();
    reading.is_correct &= succeeded && test::holds_sector(bytes, reading.model, i % 64);
  }
  reading.has_ended = true;
}

/// Raises the disk's interrupt for each request. Unparks the reader all the time, so that the
/// reader often finds the result before the driver has unparked it.
async::Task<> wake_often(Reading& reading, async::Job& reader) {
  for (int raised = 0; !reading.has_ended;) {
    if (raised != reading.begun) {
      raised = reading.begun;
      reading.disk.line().raise();
    }
    async::Executor::unpark(reader);
    co_await async::yield();
  }
}

}  // namespace

TEST_CASE("a job woken before its request has ended waits again and then has the data") {
  const test::Machine machine;
  test::DiskModel model;
  test::number_sectors(model);
  std::unique_ptr<SlowDisk> disk;
  std::unique_ptr<kernel::BlockDevice> device;
  const auto begin = [&](unsigned hart) {
    if (hart != 0) return;
    disk = std::make_unique<SlowDisk>(model);
    device = kernel::BlockDevice::start(*disk, "vda");
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

TEST_CASE("a job that finds the result of its request without the driver's wake has the data") {
  const test::Machine machine;
  test::DiskModel model;
  test::number_sectors(model);
  std::unique_ptr<LazyDisk> disk;
  std::unique_ptr<kernel::BlockDevice> device;
  const auto begin = [&](unsigned hart) {
    if (hart != 0) return;
    disk = std::make_unique<LazyDisk>(model);
    device = kernel::BlockDevice::start(*disk, "vda");
    async::spawn_preemptible(device->serve(), {.name = "driver", .priority = 0});
  };
  bool is_correct = false;
  const auto main = [&]() -> async::Task<> {
    constexpr async::HartMask there = async::hart_mask(1);
    Reading reading{*disk, *device, model};
    auto reader = async::spawn(read_often(reading), {.name = "reader", .harts = there});
    auto waker = async::spawn(wake_often(reading, reader.job()), {.name = "waker", .harts = there});
    co_await std::move(waker);
    co_await std::move(reader);
    is_correct = reading.is_correct;
  };
  parallel_test::run_harts(600s, begin, main);
  CHECK(is_correct);
}
