#pragma once

namespace hal::riscv64 {

/// Call it on each hart before the hart can get requests.
void start_requests();

}  // namespace hal::riscv64
