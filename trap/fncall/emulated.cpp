#include <trap/emulated.h>
#include <valgrind/valgrind.h>

// Called in signal handlers, so not instrumented; see signal.cpp.
#pragma clang attribute push([[clang::disable_sanitizer_instrumentation]], apply_to = function)

namespace trap {
namespace {

/// The register that valgrind has already changed when an instruction's memory access faults.
enum class Moved : std::uint8_t { nothing, stack_pointer, count };

// The opcodes are those of the Intel SDM volume 2, appendix A.
Moved moved_by(const unsigned char* at) {
  using enum Moved;
  bool repeated = false;
  for (;; ++at) {
    switch (*at) {
      case 0xf2:
      case 0xf3: repeated = true; continue;
      case 0x64:            // fs
      case 0x65:            // gs
      case 0x66:            // operand size
      case 0x67: continue;  // address size
      default: break;
    }
    if ((*at & 0xf0) != 0x40) break;  // REX
  }
  switch (*at) {
    case 0x68:                                                           // push imm32
    case 0x6a:                                                           // push imm8
    case 0x9c:                                                           // pushf
    case 0xe8: return stack_pointer;                                     // call rel32
    case 0x0f: return (at[1] & 0xf7) == 0xa0 ? stack_pointer : nothing;  // push fs, push gs
    case 0xff: {                                                         // group 5, by ModRM
      const unsigned operation = at[1] >> 3 & 7;
      return operation == 2 || operation == 6 ? stack_pointer : nothing;  // call, push
    }
    default: break;
  }
  if ((*at & 0xf8) == 0x50) return stack_pointer;  // push register
  const bool on_strings = (*at >= 0xa4 && *at <= 0xa7) || (*at >= 0xaa && *at <= 0xaf);
  return on_strings && repeated ? count : nothing;
}

}  // namespace

bool is_emulated() {
  return RUNNING_ON_VALGRIND != 0;
}

void complete(Signal& signal) {
  if (!is_fault(signal) || signal.number == SIGSYS) return;
  constexpr greg_t invalid_opcode = 6, breakpoint = 3, page_fault = 14;
  constexpr greg_t write = 2, fetch = 16;  // bits of a page fault's error code
  auto& registers = signal.state.uc_mcontext.gregs;
  if (registers[REG_TRAPNO] == 0) {
    switch (signal.number) {
      case SIGILL: registers[REG_TRAPNO] = invalid_opcode; break;
      case SIGTRAP: registers[REG_TRAPNO] = breakpoint; break;
      case SIGSEGV:
        registers[REG_TRAPNO] = page_fault;
        registers[REG_ERR] = fetch;
        break;
      default: break;
    }
  } else if (registers[REG_TRAPNO] == page_fault) {
    switch (moved_by(reinterpret_cast<const unsigned char*>(registers[REG_RIP]))) {
      case Moved::stack_pointer: {
        const bool is_push = (registers[REG_ERR] & write) != 0;  // else the operand's read faulted
        if (is_push && registers[REG_CR2] == registers[REG_RSP]) registers[REG_RSP] += 8;
        break;
      }
      case Moved::count: ++registers[REG_RCX]; break;
      case Moved::nothing: break;
    }
  }
}

}  // namespace trap

#pragma clang attribute pop
