#include "sbi.h"

#include <hal/remote.h>

#include "hart_groups.h"

namespace hal::riscv64::firmware {
namespace {

// Extension numbers. Legacy calls are 0 … 8; the others are names in ASCII.
enum class Extension : std::uint64_t {
  base = 0x10,
  time = 0x54494d45,
  ipi = 0x735049,
  hart_state = 0x48534d,
  remote_fence = 0x52464e43,
  system_reset = 0x53525354,
  debug_console = 0x4442434e,
  legacy_set_timer = 0,
  legacy_put_char = 1,
  legacy_send_ipi = 4,
  legacy_fence_i = 5,
  legacy_sfence = 6,
  legacy_sfence_asid = 7,
  legacy_shutdown = 8,
};

struct Answer {
  std::int64_t error;
  std::uint64_t value;
};

Answer call(Extension extension, std::uint64_t function, std::uint64_t arg0 = 0,
            std::uint64_t arg1 = 0, std::uint64_t arg2 = 0, std::uint64_t arg3 = 0,
            std::uint64_t arg4 = 0) {
  register std::uint64_t a0 asm("a0") = arg0;
  register std::uint64_t a1 asm("a1") = arg1;
  register std::uint64_t a2 asm("a2") = arg2;
  register std::uint64_t a3 asm("a3") = arg3;
  register std::uint64_t a4 asm("a4") = arg4;
  register std::uint64_t a6 asm("a6") = function;
  register auto a7 asm("a7") = static_cast<std::uint64_t>(extension);
  asm volatile("ecall"
               : "+r"(a0), "+r"(a1)
               : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
               : "memory");
  return {static_cast<std::int64_t>(a0), a1};
}

bool has(Extension extension) {
  constexpr std::uint64_t probe_extension = 3;
  const Answer answer =
      call(Extension::base, probe_extension, static_cast<std::uint64_t>(extension));
  return answer.error == 0 && answer.value != 0;
}

bool has_time, has_ipi, has_hart_state, has_remote_fence, has_reset, has_debug_console;

/// Makes a legacy call, which takes the address of a hart mask that starts at hart 0.
Answer legacy_call(Extension extension, HartIds harts, std::uint64_t arg1 = 0,
                   std::uint64_t arg2 = 0, std::uint64_t arg3 = 0) {
  const std::uint64_t mask = harts.first < 64 ? harts.bits << harts.first : 0;
  return call(extension, 0, reinterpret_cast<std::uintptr_t>(&mask), arg1, arg2, arg3);
}

}  // namespace

void probe() {
  has_time = has(Extension::time);
  has_ipi = has(Extension::ipi);
  has_hart_state = has(Extension::hart_state);
  has_remote_fence = has(Extension::remote_fence);
  has_reset = has(Extension::system_reset);
  has_debug_console = has(Extension::debug_console);
}

void set_timer(std::uint64_t tick) {
  call(has_time ? Extension::time : Extension::legacy_set_timer, 0, tick);
}

void send_ipi(HartIds harts) {
  if (has_ipi) {
    call(Extension::ipi, 0, harts.bits, harts.first);
  } else {
    legacy_call(Extension::legacy_send_ipi, harts);
  }
}

bool start_hart(std::uint64_t hart_id, std::uint64_t entry, std::uint64_t argument) {
  return has_hart_state && call(Extension::hart_state, 0, hart_id, entry, argument).error == 0;
}

void remote_synchronize_code(HartIds harts) {
  if (has_remote_fence) {
    call(Extension::remote_fence, 0, harts.bits, harts.first);
  } else {
    legacy_call(Extension::legacy_fence_i, harts);
  }
}

void remote_flush(HartIds harts, std::optional<std::uint16_t> asid, std::uintptr_t start,
                  std::size_t size) {
  constexpr std::uint64_t flush = 1, flush_space = 2;
  if (has_remote_fence) {
    call(Extension::remote_fence, asid ? flush_space : flush, harts.bits, harts.first, start, size,
         asid.value_or(0));
  } else if (asid) {
    legacy_call(Extension::legacy_sfence_asid, harts, start, size, *asid);
  } else {
    legacy_call(Extension::legacy_sfence, harts, start, size);
  }
}

void console_write(std::span<const char> bytes) {
  constexpr std::uint64_t write_byte = 2;
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    if (has_debug_console) {
      call(Extension::debug_console, write_byte, value);
    } else {
      call(Extension::legacy_put_char, 0, value);
    }
  }
}

void shutdown(bool failed) {
  constexpr std::uint64_t type_shutdown = 0;
  if (has_reset) call(Extension::system_reset, 0, type_shutdown, failed ? 1 : 0);
  call(Extension::legacy_shutdown, 0);
}

}  // namespace hal::riscv64::firmware

void hal::synchronize_code_remote(HartMask harts) {
  riscv64::for_each_group(harts, riscv64::firmware::remote_synchronize_code);
}
