// The device registers that the kernel's map has.
#pragma once

#include <hal/window.h>

#include <span>

namespace hal {

/// An entry may be empty. Windows that share a page are adjacent in the list, in ascending order.
std::span<const Window> device_windows();

}  // namespace hal
