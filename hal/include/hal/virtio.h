// Where virtio devices may be: windows that the machine has, with a device behind them or not (its
// DeviceID register tells; Virtual I/O Device specification 1.2, section 4.2.2).
#pragma once

#include <hal/interrupts.h>
#include <hal/window.h>

#include <span>

namespace hal {

struct VirtioWindow {
  Window window;
  Irq irq = Irq::none;
};

/// In the order of their addresses. The windows are mapped once the kernel has its own space.
std::span<const VirtioWindow> virtio_windows();

}  // namespace hal
