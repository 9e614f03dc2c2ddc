#include "sbi.h"

#include <hal/memory_map.h>

namespace hal::riscv64::sbi {
namespace {

// Extension numbers: four letters each, legacy calls are 0 … 8.
enum class Extension : std::uint64_t {
  base = 0x10,
  time = 0x54494d45,
  ipi = 0x735049,
  system_reset = 0x53525354,
  debug_console = 0x4442434e,
  legacy_set_timer = 0,
  legacy_put_char = 1,
  legacy_send_ipi = 4,
  legacy_shutdown = 8,
};

struct Answer {
  std::int64_t error;
  std::uint64_t value;
};

Answer call(Extension extension, std::uint64_t function, std::uint64_t arg0 = 0,
            std::uint64_t arg1 = 0, std::uint64_t arg2 = 0) {
  register std::uint64_t a0 asm("a0") = arg0;
  register std::uint64_t a1 asm("a1") = arg1;
  register std::uint64_t a2 asm("a2") = arg2;
  register std::uint64_t a6 asm("a6") = function;
  register auto a7 asm("a7") = static_cast<std::uint64_t>(extension);
  asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
  return {static_cast<std::int64_t>(a0), a1};
}

bool has(Extension extension) {
  constexpr std::uint64_t probe_extension = 3;
  const Answer answer =
      call(Extension::base, probe_extension, static_cast<std::uint64_t>(extension));
  return answer.error == 0 && answer.value != 0;
}

bool has_time, has_ipi, has_reset, has_debug_console;

}  // namespace

void probe() {
  has_time = has(Extension::time);
  has_ipi = has(Extension::ipi);
  has_reset = has(Extension::system_reset);
  has_debug_console = has(Extension::debug_console);
}

void set_timer(std::uint64_t tick) {
  call(has_time ? Extension::time : Extension::legacy_set_timer, 0, tick);
}

void send_ipi(std::uint64_t hart_id) {
  std::uint64_t mask = 1;
  if (has_ipi) {
    call(Extension::ipi, 0, mask, hart_id);  // a mask of harts from `hart_id` on
  } else {
    mask <<= hart_id;
    call(Extension::legacy_send_ipi, 0, reinterpret_cast<std::uintptr_t>(&mask));
  }
}

void console_write(std::span<const char> bytes) {
  while (has_debug_console && !bytes.empty()) {
    const auto address = virt_to_phys(bytes.data());
    const Answer answer = call(Extension::debug_console, 0, bytes.size(), address, 0);
    if (answer.error != 0 || answer.value == 0) break;
    bytes = bytes.subspan(answer.value);
  }
  for (const char byte : bytes) {
    call(Extension::legacy_put_char, 0, static_cast<unsigned char>(byte));
  }
}

void shutdown(bool failed) {
  constexpr std::uint64_t type_shutdown = 0;
  if (has_reset) call(Extension::system_reset, 0, type_shutdown, failed ? 1 : 0);
  call(Extension::legacy_shutdown, 0);
}

}  // namespace hal::riscv64::sbi
