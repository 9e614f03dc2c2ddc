#include "devices/entropy_device.h"

#include "devices/interrupts.h"

namespace kernel {

EntropyDevice::EntropyDevice(virtio::Transport& transport, OnEntropy on_entropy)
    : transport_{transport},
      line_{interrupt_line(transport.irq())},
      on_entropy_{on_entropy},
      device_{transport, 1} {}

std::unique_ptr<EntropyDevice> EntropyDevice::start(virtio::Transport& transport,
                                                    OnEntropy on_entropy) {
  std::unique_ptr<EntropyDevice> device{new EntropyDevice{transport, on_entropy}};
  if (!device->device_.start(0)) return nullptr;
  return device;
}

void EntropyDevice::ask() {
  bool notify_device = false;
  {
    const async::SpinLock::Guard guard{lock_};
    virtio::Virtqueue& queue = device_.queue();
    if (!queue.has_room_for(1)) return;
    const auto room =
        virtio::Descriptor::for_writing(hal::virt_to_phys(bytes_.data()), bytes_.size());
    queue.add({&room, 1}, this);
    notify_device = queue.wants_notification();
  }
  if (notify_device) transport_.notify(0);
}

async::Task<> EntropyDevice::serve() {
  async::Interrupt& line = line_;
  while (co_await line.wait("entropy device") == async::WaitResult::woken) {
    (void)transport_.acknowledge();
    if (const auto pause = backoff_.after(collect())) {
      co_await async::sleep_for(*pause, "a pause after useless interrupts");
      (void)collect();
    }
    transport_.complete_interrupt();
  }
}

bool EntropyDevice::collect() {
  std::optional<virtio::Virtqueue::Completion> done;
  {
    const async::SpinLock::Guard guard{lock_};
    done = device_.queue().take();
    // After an invalid answer the driver stops the device: the generator has other seeds.
    if (device_.queue().is_broken()) (void)device_.reset();
  }
  if (!done) return false;
  on_entropy_(std::span{bytes_}.first(done->written));
  return true;
}

}  // namespace kernel
