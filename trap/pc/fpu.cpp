#include <abi/signal.h>
#include <trap/fpu.h>
#include <trap/run_user.h>

#include <cstdint>

namespace trap {
namespace {

/// The code of the first exception of `raised`, bits as in the x87 status word and in MXCSR (Intel
/// SDM, volume 1, sections 8.1.3 and 10.2.3), in Linux's order (fpu__exception_code()).
int code_of(unsigned raised) {
  constexpr unsigned invalid = 1, denormal = 2, by_zero = 4, overflow = 8, underflow = 16;
  if ((raised & invalid) != 0) return abi::fpe_fltinv;
  if ((raised & by_zero) != 0) return abi::fpe_fltdiv;
  if ((raised & overflow) != 0) return abi::fpe_fltovf;
  if ((raised & (denormal | underflow)) != 0) return abi::fpe_fltund;
  return abi::fpe_fltres;
}

}  // namespace

int arithmetic_code(std::uint64_t cause) {
  constexpr std::uint64_t x87 = 16;
  if (cause == CAUSE_DIVIDE_ERROR) return abi::fpe_intdiv;
  if (cause == x87) {
    std::uint16_t status = 0, masked = 0;
    asm volatile("fnstsw %0\n\tfnstcw %1" : "=m"(status), "=m"(masked));
    return code_of(status & ~unsigned{masked});
  }
  std::uint32_t mxcsr = 0;
  asm volatile("stmxcsr %0" : "=m"(mxcsr));
  return code_of(mxcsr & ~(mxcsr >> 7));
}

}  // namespace trap

namespace trap::fpu {

constinit thread_local UserContext* detail::owner = nullptr;
constinit thread_local bool detail::is_on = false;

namespace {

using detail::is_on;
using detail::owner;

/// The owner's registers may be newer than the saved ones.
constinit thread_local bool is_dirty = false;

constexpr std::uint64_t task_switched = 1 << 3;  // CR0.TS

// All components that XCR0 enables.

void store(UserContext& context) {
  asm volatile("xsave64 (%0)" : : "r"(context.vectors.data()), "a"(~0u), "d"(~0u) : "memory");
}
void load(const UserContext& context) {
  asm volatile("xrstor64 (%0)" : : "r"(context.vectors.data()), "a"(~0u), "d"(~0u) : "memory");
}

void save_owner() {
  if (!is_dirty) return;
  const bool was_on = is_on;
  if (!was_on) asm volatile("clts" ::: "memory");
  store(*owner);
  if (!was_on) detail::turn_off();
  is_dirty = was_on;
}

}  // namespace

void detail::turn_on() {
  asm volatile("clts" ::: "memory");
  is_on = true;
  is_dirty = true;
}

void detail::turn_off() {
  std::uint64_t cr0;
  asm volatile("movq %%cr0, %0\n\torq %1, %0\n\tmovq %0, %%cr0"
               : "=&r"(cr0)
               : "i"(task_switched)
               : "memory");
  is_on = false;
}

void start() {
  detail::turn_off();
}

bool acquire(UserContext& context, const Trap&) {
  if (is_on) return false;
  if (owner != nullptr) save_owner();
  detail::turn_on();
  load(context);
  owner = &context;
  return true;
}

void save(UserContext& context) {
  if (owner == &context) save_owner();
}

void detail::release_owner() {
  save_owner();
  drop_owner();
}

void detail::drop_owner() {
  owner = nullptr;
  is_dirty = false;
  if (is_on) turn_off();
}

}  // namespace trap::fpu
