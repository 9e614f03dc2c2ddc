// The device registers that the kernel's map has.
#pragma once

#include <hal/window.h>

#include <span>

namespace hal {

/// An entry may be empty. Two share a page only if they are neighbours, in ascending order.
std::span<const Window> device_windows();

}  // namespace hal
