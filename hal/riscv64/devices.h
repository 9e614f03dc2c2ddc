// The machine's fixed devices, as the device tree describes them. Written once at boot, before any
// function of hal/ uses them.
#pragma once

#include <hal/hart.h>
#include <hal/interrupts.h>
#include <hal/window.h>

#include <array>
#include <cstdint>

#include "virtio_mmio.h"

namespace hal::riscv64 {

struct Devices {
  struct Uart {
    Window window;
    unsigned register_shift = 0;  ///< registers are 2^shift bytes apart
    Irq irq = Irq::none;
  } uart;

  struct Plic {
    Window window;
    unsigned sources = 0;              ///< lines 1 … sources exist
    unsigned context[max_harts] = {};  ///< the number of the kernel's context, by hart index
  } plic;

  Window clint;          ///< core-local interruptor; only machine mode uses it
  Window test_finisher;  ///< SiFive's test device: ends a QEMU run with an exit status
  Window clock;          ///< Goldfish real-time clock
  Irq clock_irq = Irq::none;

  /// virtio_count entries, by address
  std::array<virtio::MmioWindow, virtio::most_mmio_windows> virtio_windows;
  std::size_t virtio_count = 0;

  std::uint64_t timebase_hz = 10'000'000;
  bool has_sstc = false;            ///< stimecmp exists, the supervisor's own timer register
  unsigned zero_block_bytes = 0;    ///< bytes that cbo.zero clears; 0 without Zicboz
  unsigned harts_with_vectors = 0;  ///< harts with the extension V
  std::uint64_t firmware_hart_id[max_harts] = {};  ///< by hart index
};

extern Devices devices;

}  // namespace hal::riscv64
