// The machine's fixed devices: where the device tree says they are. Written once at boot, before
// any of the functions of hal/ that use them.
#pragma once

#include <hal/interrupts.h>

#include <cstddef>
#include <cstdint>

namespace hal::riscv64 {

/// A window of device registers, by virtual address; empty where the machine has no such device.
struct Window {
  std::uintptr_t base = 0;
  std::size_t size = 0;

  explicit operator bool() const { return base != 0; }

  template <class Register>
  Register read(std::size_t offset) const {
    return *reinterpret_cast<volatile Register*>(base + offset);
  }
  template <class Register>
  void write(std::size_t offset, Register value) const {
    *reinterpret_cast<volatile Register*>(base + offset) = value;
  }
};

struct Devices {
  struct Uart {
    Window window;
    unsigned register_shift = 0;  ///< registers are 2^shift bytes apart
    Irq irq = Irq::none;
  } uart;

  struct Plic {
    Window window;
    unsigned sources = 0;                 ///< lines 1 … sources
    unsigned supervisor_context[8] = {};  ///< context number by hart index
  } plic;

  Window test_finisher;  ///< QEMU's and SiFive's way to end a run with an exit code
  Window clock;          ///< Goldfish real-time clock

  std::uint64_t timebase_hz = 10'000'000;
  bool has_sstc = false;                   ///< stimecmp, the supervisor's own timer register
  unsigned zero_block_bytes = 0;           ///< what cbo.zero clears, 0 without Zicboz
  std::uint64_t firmware_hart_id[8] = {};  ///< by hart index
};

extern Devices devices;

}  // namespace hal::riscv64
