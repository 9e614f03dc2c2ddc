// The register windows of virtio-mmio devices. A window may have no device: its DeviceID register
// then reads 0 (Virtual I/O Device specification 1.2, section 4.2.2).
#pragma once

#include <hal/interrupts.h>
#include <hal/window.h>

#include <span>

namespace hal {

struct VirtioWindow {
  Window window;
  Irq irq = Irq::none;
};

/// Sorted by address. The windows are mapped from enter_kernel_space() on.
std::span<const VirtioWindow> virtio_windows();

}  // namespace hal
