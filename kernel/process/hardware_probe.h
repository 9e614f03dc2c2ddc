// What riscv_hwprobe answers, by system call and by the vDSO (Linux,
// Documentation/arch/riscv/hwprobe.rst).
#pragma once

#include <cstdint>
#include <optional>

namespace kernel {

/// The value of a key. No value: the key is unknown.
std::optional<std::uint64_t> hardware_value(std::int64_t key);

}  // namespace kernel
