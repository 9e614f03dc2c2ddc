// A fake disk with the kernel's driver and a clock.
#pragma once

#include <memory>
#include <optional>

#include "../async/support.h"
#include "../files/support.h"
#include "../memory/machine.h"
#include "fake_disk.h"

namespace test {

/// A disk with its driver. `model` must outlive it.
class DiskWorld {
 public:
  explicit DiskWorld(DiskModel& model) : disk{std::make_unique<FakeDisk>(model)} {
    device = kernel::BlockDevice::start(*disk, "vda");
    if (device == nullptr) return;
    driver_.emplace(async::spawn(device->serve(), {.name = "disk", .priority = 0}));
  }
  ~DiskWorld() {
    if (!driver_) return;
    driver_->cancel();
    world.run();
    CHECK(driver_->done());
  }

  /// Runs a task to its end; the disk completes all requests.
  template <class T>
  T finish(async::Task<T> task) {
    auto handle = async::spawn(std::move(task), {.name = "test"});
    disk->answer_all(world);
    return std::move(handle).get();
  }

  Machine machine;
  async_test::Fixture world;
  std::unique_ptr<FakeDisk> disk;
  std::unique_ptr<kernel::BlockDevice> device;

 private:
  std::optional<async::JoinHandle<void>> driver_;
};

}  // namespace test
