// Relocates the program, and finds the way to make system calls.
#include <abi/flags.h>
#include <abi/types.h>
#include <abi/x86_64.h>
#include <user/machine/system_call.h>

#include <array>
#include <cstdint>

#include "relocate.h"

extern "C" {
void cotrap_system_call_gate();  // gate.S
void cotrap_linux_gate();        // linux_gate.S

/// Linux's number for x86_64 of each call with a generic number. The others have a number that
/// Linux does not have.
extern constinit const std::array<std::uint16_t, 512> linux_numbers = [] {
  std::array<std::uint16_t, 512> numbers{};
  numbers.fill(0xffff);
  for (const auto& [number, generic] : abi::x86_64::detail::same_calls)
    numbers[static_cast<unsigned>(generic)] = number;
  numbers[static_cast<unsigned>(abi::Call::clone)] = abi::x86_64::call_clone;
  return numbers;
}();

std::uintptr_t cotrap_system_call_entry = 0;
[[noreturn]] void cotrap_user_start(long* stack);
}

namespace {

// System V ABI, supplement for x86_64, "Relocation types".
constexpr std::uint32_t relative = 8;

std::uintptr_t system_call_entry(long* stack) {
  long* word = stack + 1 + stack[0] + 1;  // skips argc, argv and the null pointer at its end
  while (*word != 0) ++word;              // skips the environment
  for (auto* entry = reinterpret_cast<abi::AuxEntry*>(word + 1); entry->tag != abi::at_null;
       ++entry) {
    if (entry->tag == abi::at_sysinfo) return entry->value;
  }
  return 0;
}

}  // namespace

extern "C" [[noreturn]] void cotrap_user_relocate(long* stack, std::uintptr_t base,
                                                  const user::Dynamic* dynamic) {
  user::relocate<relative>(base, dynamic);
  cotrap_system_call_entry = system_call_entry(stack);
  if (cotrap_system_call_entry == 0) {
    // On Linux a call with a number of Cotrap's fails: there is none, or with the x32 ABI it is
    // iopl(-1).
    cotrap_system_call_entry = reinterpret_cast<std::uintptr_t>(&cotrap_system_call_gate);
    const long id = user::machine::system_call<1>(static_cast<long>(abi::Call::getpid), {-1});
    if (id < 0) cotrap_system_call_entry = reinterpret_cast<std::uintptr_t>(&cotrap_linux_gate);
  }
  cotrap_user_start(stack);
}
