// The trap path `trampoline`: the kernel has its own address space. A page that all spaces map
// (hal/trampoline.h) holds the code that switches page tables and flushes the whole TLB, as in
// textbook kernels. It exists for comparison with the path `shared`.
#pragma once

#include <hal/machine/translation.h>
#include <hal/trampoline.h>
#include <trap/user_context.h>

extern "C" void cotrap_trap_entry();        // user_entry.S
extern "C" const char kernel_trampoline[];  // kernel.ld: the page of .text.trampoline

namespace trap {

/// The address of the trap vector in the trampoline region.
inline std::uintptr_t entry_address() {
  const auto page = reinterpret_cast<std::uintptr_t>(kernel_trampoline);
  return reinterpret_cast<std::uintptr_t>(&cotrap_trap_entry) - page + hal::trampoline_base;
}

/// The storage of a thread's user context: a slot in the trampoline region, which the program's
/// address space maps, too. Any hart may create and destroy one.
class ContextHolder {
 public:
  explicit ContextHolder(const UserContext& start);
  ~ContextHolder();
  ContextHolder(const ContextHolder&) = delete;
  ContextHolder& operator=(const ContextHolder&) = delete;

  UserContext& get() { return *context_; }
  const UserContext& get() const { return *context_; }

 private:
  UserContext* context_;
};

/// Selects the address space for the next run_user() of `context` on this hart.
inline void set_user_space(UserContext& context, hal::TranslationToken token) {
  context.kernel_translation = hal::current_translation();
  context.user_translation = token;
}

/// Nothing to do: outside the trampoline, the kernel always uses its own page table.
inline void leave_user_space() {}

}  // namespace trap
